"""Every statement an ACME client or the validator causes finds its rows by an index, on tables big enough for it to matter. The plans are
PostgreSQL's own record (auto_explain) of what the programs really ran."""

import json
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AccountKey  # noqa: E402
from acme_fixtures import lab  # noqa: E402,F401
from http01 import Http01Server  # noqa: E402
from test_acme_accounts import inner  # noqa: E402
from test_acme_http01 import Try  # noqa: E402
from test_acme_certificates import der_of  # noqa: E402

ROWS = 20000
BIG = {"acme_account", "acme_order", "acme_authorization", "acme_challenge", "acme_nonce_used"}
FILL = """
INSERT INTO chancery.acme_account (id, identity, thumbprint, jwk)
    SELECT 'a' || n, 1, sha256(('k' || n)::bytea), '{}' FROM generate_series(1, %(rows)s) n;
INSERT INTO chancery.acme_authorization (id, account, identifier, expires)
    SELECT 'z' || n, 'a' || n, 'dns:n' || n || '.example', now() + interval '1 day' FROM generate_series(1, %(rows)s) n;
INSERT INTO chancery.acme_challenge (id, "authorization", type, token, status)
    SELECT 'c' || n, 'z' || n, 'http-01', 't', 'valid' FROM generate_series(1, %(rows)s) n;
INSERT INTO chancery.acme_order (id, account, profile, identifiers, granted, authorizations, expires)
    SELECT 'o' || n, 'a' || n, 'workload', ARRAY['dns:n' || n || '.example'], false, ARRAY['z' || n], now() + interval '1 day'
    FROM generate_series(1, %(rows)s) n;
INSERT INTO chancery.acme_nonce_used SELECT sha256(n::text::bytea), now() + interval '1 hour' FROM generate_series(1, %(rows)s) n;
"""


def scans(node):
    if "Relation Name" in node:
        yield node
    for child in node.get("Plans", []):
        yield from scans(child)


@pytest.fixture(scope="module")
def plans(lab):
    root = lab.ca.pg.superuser
    lab.ca.sql(FILL % {"rows": ROWS}, role=root)
    lab.ca.sql("ANALYZE", role=root)
    for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on",
                    "auto_explain.log_format = json"):
        conn = lab.ca.pg.connect("chancery", root)
        conn.autocommit = True
        conn.cursor().execute("LOAD 'auto_explain'")
        conn.cursor().execute("ALTER SYSTEM SET " + setting)
        conn.close()
    lab.ca.sql("SELECT pg_reload_conf()", role=root)
    lab.ca.stop_program("chancery-validator")
    lab.ca.spawn("chancery-validator")
    lab.ca.restart("chancery-gateway")
    with open(lab.ca.pg.log) as f:
        offset = f.seek(0, 2)
    everything(lab)
    with open(lab.ca.pg.log) as f:
        f.seek(offset)
        text = f.read()
    return [json.loads(block) for block in re.findall(r"  plan:\n((?:\t.*\n)+)", text)]


def everything(lab):
    """One of each operation."""
    site = Http01Server(lab.ca.http01_port)
    client = lab.client()
    try:
        order, pem, _ = client.obtain([client.host])
        for url in (order["url"], client.kid, client.kid + "/orders", client.kid + "/orders/" + order["url"].rsplit("/", 1)[1]):
            client.ok(url)
        t = Try(lab, client)
        site.answers[t.path] = t.proof
        assert t.run()["status"] == "valid"
        t.client.ok(t.order["url"])
        client.ok(t.authorization_url, {"status": "deactivated"})
        other = lab.client(["workload=" + client.host])
        other.ok(other.url("revoke-cert"), {"certificate": der_of(pem)})
        stranger = lab.client()
        _, pem, _ = client.obtain([client.host])
        assert stranger.refused(stranger.url("revoke-cert"), {"certificate": der_of(pem)}).status == 403
        client.ok(client.kid, {"contact": ["mailto:a@example.org"]})
        new = AccountKey.new()
        client.ok(client.url("key-change"), inner(client, new))
        client.key = new
        client.ok(client.kid, {"status": "deactivated"})
    finally:
        site.close()


EXPECTED = ["INTO acme_nonce_used", "INTO acme_account", "FROM acme_account WHERE id", "FROM acme_account WHERE thumbprint",
            "UPDATE acme_account SET contact", "acme_account_move(", "acme_account_set_key(", "FROM acme_account WHERE (xid, id) >",
            "INTO acme_order", "FROM acme_order_state o LEFT JOIN issuance_request r ON r.id = o.request LEFT JOIN certificate",
            "FROM acme_order_state o WHERE o.account", "z.id = $1 ORDER BY c.type", "SELECT challenge_answer",
            "z.id = (SELECT", "acme_authorization_deactivate(", "NOT EXISTS (SELECT 1 FROM unnest", "SKIP LOCKED", "acme.challenge.validate"]


@pytest.mark.parametrize("words", EXPECTED)
def test_statement_was_run(plans, words):
    assert any(words in p["Query Text"] for p in plans)


def test_no_statement_reads_a_big_table_from_end_to_end(plans):
    bad = [(p["Query Text"], n["Relation Name"]) for p in plans for n in scans(p["Plan"])
           if n["Node Type"] == "Seq Scan" and n["Relation Name"] in BIG and n.get("Actual Loops", 1) > 0]
    assert bad == []
