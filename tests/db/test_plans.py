"""Every statement of the request path finds its rows by an index, on tables with enough rows for it to matter.

The plans are PostgreSQL's own record (auto_explain) of what lib/store really ran. Statements that look rows up by key are also
planned without lib/store's planner settings, where only the cost decides for an index.
"""

import json
import re

import pytest

from conftest import fresh
from pgcluster import Cluster

SETTINGS = """
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_nested_statements = on
auto_explain.log_format = json
autovacuum = off
"""
ROWS = 30000
BIG = re.compile(r"^(certificate_\d.*|certificate_default|certificate_name|issuance_request|revocation|audit_event)$")
TOUCHED_MAX = 300  # rows one scan may read to answer; pages are 20, batches 64, feeds below 100 here

FILL = """
INSERT INTO issuer (name, kind, der, subject, key_id, spki_hash, not_after)
    VALUES ('ca', 'issuing', '\\x00', '\\x00', '\\x00', sha256('ca'), now() + interval '5 years');
INSERT INTO identity (name, kind) SELECT 'dev' || n, 'device' FROM generate_series(1, 500) n;
INSERT INTO name_grant (identity, profile, pattern, created_by) SELECT id, 'device', 'dns:*.example.org', 't' FROM identity;
INSERT INTO issuance_request (state, protocol, request_id, identity, profile, names, spki, created_at, done_at, serial, cert_not_after)
    SELECT 'done', 'est', 'r' || n, 1 + n %% 500, 'device', ARRAY['dns:n' || n %% 997 || '.example.org'], sha256(n::text::bytea),
        now() - n * interval '1 second', now(), decode(md5(n::text), 'hex'), now() + interval '8 hours' - n * interval '10 seconds'
    FROM generate_series(1, {rows}) n;
INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der)
    SELECT 1, serial, cert_not_after, created_at, identity, id, profile, spki, spki FROM issuance_request;
INSERT INTO certificate_name SELECT names[1], serial, cert_not_after FROM issuance_request;
INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
    SELECT serial, 1, 0, now(), 4, not_after, 't' FROM certificate WHERE request %% 3 = 0 AND not_after < now();
INSERT INTO audit_event (actor, operation, object, outcome) SELECT 't', 'test', n::text, 'ok' FROM generate_series(1, {rows}) n;
INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest)
    VALUES (1, 0, 1, now(), now() + interval '1 hour', 0, 1, '\\x00');
INSERT INTO crl_part VALUES (1, 1, 0, '\\x00');
""".format(rows=ROWS)


def scans(node):
    """All nodes of a plan that read a table."""
    if "Relation Name" in node:
        yield node
    for child in node.get("Plans", []):
        yield from scans(child)


def touched(node):
    """Rows a scan looked at, kept or not."""
    loops = node.get("Actual Loops", 1)
    return loops * (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))


def logged(path, offset):
    """Query text and plan of everything since the offset."""
    with open(path) as f:
        f.seek(offset)
        text = f.read()
    for block in re.findall(r"  plan:\n((?:\t.*\n)+)", text):
        record = json.loads(block)
        yield record["Query Text"], record["Plan"]


@pytest.fixture(scope="module")
def plans():
    with Cluster(SETTINGS) as pg:
        db, small = fresh(pg), fresh(pg)
        db.sql("chancery_owner", FILL)
        db.sql("postgres", "VACUUM ANALYZE")
        serial = db.value("chancery_owner", "SELECT encode(serial, 'hex') FROM certificate WHERE identity = 8 AND not_after > now() + "
                                            "interval '1 hour' LIMIT 1")
        cursor = db.value("chancery_owner", "SELECT pg_current_xact_id()")
        with open(pg.log) as f:
            offset = f.seek(0, 2)
        signer = db.start("chancery_signer", "signer", 101)
        db.tool("chancery_gateway", "load", 7, 4, 25)
        db.tool("chancery_admin", "exercise", serial, "dev7", cursor)
        db.tool("chancery_signer", "exercise-crl", 1)
        db.sql("chancery_admin", "SELECT identity_offboard('dev9', 4::smallint, 't', 'r')")
        assert signer.wait(30) == 0
        signer.communicate()
        yield db, list(logged(pg.log, offset)), small
        db.close()
        small.close()


# What must have been seen for the test to mean anything.
EXPECTED = ["FOR UPDATE SKIP LOCKED", "INSERT INTO certificate ", "INSERT INTO issuance_request", "r.done_at IS NOT NULL",
            "FROM issuance_request r JOIN certificate c", "certificate_name n JOIN", "FROM revocation WHERE (xid, serial) >", "FROM certificate WHERE (xid, serial) >", "FROM identity WHERE (xid, id) >", "FROM name_grant",
            "writer_mark", "certificates_record", "INSERT INTO revocation", "DELETE FROM crl_dirty", "UPDATE crl_turn"]


@pytest.mark.parametrize("words", EXPECTED)
def test_statement_was_run(plans, words):
    assert any(words in text for text, _ in plans[1])


def test_no_statement_reads_a_big_table_from_end_to_end(plans):
    bad = [(text, node["Relation Name"]) for text, plan in plans[1] for node in scans(plan)
           if node["Node Type"] == "Seq Scan" and BIG.match(node["Relation Name"]) and touched(node) > 0]
    assert bad == []


def test_no_statement_touches_more_rows_than_it_answers_with(plans):
    bad = [(text, node["Node Type"], node["Relation Name"], touched(node)) for text, plan in plans[1] for node in scans(plan)
           if BIG.match(node["Relation Name"]) and touched(node) > TOUCHED_MAX]
    assert bad == []


def test_lookup_by_serial_reads_one_partition(plans):
    seen = 0
    for text, plan in plans[1]:
        if "FROM issuance_request r JOIN certificate c" not in text or "WHERE r.serial = $1" not in text:
            continue
        read = [n for n in scans(plan) if n["Relation Name"].startswith("certificate_") and n["Actual Loops"] > 0]
        seen += 1
        assert len(read) == 1, read
    assert seen > 0


def test_planner_chooses_the_same_indexes_by_cost_alone(plans):
    db, seen, _ = plans
    # Not the feeds, nor a CRL's entries: those are ranges, whose size no generic plan can know.
    keyed = {text for text, _ in seen if "$1" in text and "pg_snapshot_xmin" not in text and "FROM revocation v WHERE issuer" not in text
             and re.match(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)", text)}
    assert len(keyed) > 12
    bad = [(text, node["Relation Name"]) for text, plan in planned(db, "", keyed) for node in scans(plan)
           if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG_FILLED]
    assert bad == []


def planned(db, settings, texts):
    """What the planner makes of these now, for any parameters."""
    cur = db.connect("postgres").cursor()
    cur.execute("SET plan_cache_mode = force_generic_plan;" + settings)
    for text in sorted(texts):
        count = max((int(n) for n in re.findall(r"\$(\d+)", text)), default=0)
        try:
            cur.execute("PREPARE looked_at AS " + text.replace("%", "%%"), ())
        except Exception:  # the inside of an SQL function: its parameters have types only there
            continue
        cur.execute("EXPLAIN (FORMAT json, VERBOSE) EXECUTE looked_at" + ("(%s)" % ", ".join(["NULL"] * count) if count else ""))
        yield text, cur.fetchone()[0][0]["Plan"]
        cur.execute("DEALLOCATE looked_at")


def test_no_plan_of_a_young_database_hashes_what_will_be_a_big_table(plans):
    """Such a plan stays until the next ANALYZE, and reads the whole table for each request."""
    _, seen, small = plans
    texts = {text for text, _ in seen if re.match(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)", text)}
    told = [(text, json.dumps(plan)) for text, plan in
            planned(small, "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off", texts)]
    assert len(told) > 20 and any("SubPlan" in plan for _, plan in told)
    assert [text for text, plan in told if "hashed SubPlan" in plan] == []


BIG_FILLED = {"certificate_name", "issuance_request", "revocation", "audit_event"}
