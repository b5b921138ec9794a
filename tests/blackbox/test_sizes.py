"""Nothing that stands in the database ends a program: what is too large is refused by whoever asked for it, in its form, and the
programs go on."""

import os
import sys

import psycopg2
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from httpclient import Client  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402

LARGE = 9_000_000
NUMBER = 9 * 10 ** 18


@pytest.fixture(scope="module")
def ca():
    with Instance() as instance:
        instance.add_identity("big", "device", ["device=dns:big.example.org"])
        for bound in ("TABLE issuance_request DROP CONSTRAINT issuance_request_size", "TABLE audit_event DROP CONSTRAINT audit_event_size",
                      "TABLE identity DROP CONSTRAINT identity_size", "TABLE name_grant DROP CONSTRAINT name_grant_size",
                      "TABLE name_grant DISABLE TRIGGER name_grant_size"):
            instance.sql("ALTER " + bound)  # what was stored before there were bounds
        yield instance


@pytest.fixture(autouse=True)
def alive(ca):
    yield
    ca.check_running()


def refused(ca, *command):
    done = ca.admin(*command, check=False)
    assert done.returncode != 0 and "are read at once" in done.stdout + done.stderr, done
    return done


def problems(ca):
    return ca.admin("status", check=False).stdout


def test_crl_of_67_megabytes_is_neither_read_by_status_nor_served(ca):
    serving = ca.public().request("GET", "/crl/issuing-1.crl").body
    ca.sql("INSERT INTO crl_part SELECT id, %s, n, decode(repeat('00', 4194304), 'hex') FROM issuer, generate_series(0, 15) n "
           "WHERE name = 'issuing-1'", NUMBER)
    ca.sql("INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest) SELECT id, 0, %s, now(), "
           "now() + interval '1 day', 1500000, 67108864, '' FROM issuer WHERE name = 'issuing-1'", NUMBER)
    wait_for(lambda: "not fit to be served" in problems(ca), 30, "status tells of the CRL")
    assert str(NUMBER) in problems(ca)
    assert ca.public().request("GET", "/crl/issuing-1.crl").body == serving
    ca.sql("DELETE FROM crl WHERE number = %s", NUMBER)


# What stands in the row of an identity, a grant, a node.
ROWS = [
    ("UPDATE identity SET owner = repeat('x', %s) WHERE name = 'big'", "UPDATE identity SET owner = '' WHERE name = 'big'",
     ["identity", "list"]),
    ("INSERT INTO name_grant (identity, profile, pattern, created_by) SELECT id, 'device', 'dns:x.example.org', repeat('x', %s) "
     "FROM identity WHERE name = 'big'", "DELETE FROM name_grant WHERE length(created_by) > 1000", ["grant", "list", "big"]),
    ("INSERT INTO node (id, program, version, started_at, last_seen, state, detail) SELECT 'n', 'chancery-status', '1', now(), now(), "
     "'ready', jsonb_build_object('trouble', repeat('x', %s))", "DELETE FROM node WHERE id = 'n'", ["status"]),
    ("INSERT INTO issuance_request (state, hold, hold_until, hold_reason, protocol, request_id, identity, profile, names, spki) SELECT 'held', "
     "'approval', now() + interval '1 day', repeat('x', %s), 'est', 'r', id, 'device', '{}', '\\x00' FROM identity WHERE name = 'big'",
     "UPDATE issuance_request SET hold_reason = '' WHERE length(hold_reason) > 1000", ["request", "list"]),
    ("INSERT INTO audit_event (actor, operation, object, outcome, detail) VALUES ('t', 't', 't', 'ok', jsonb_build_object('x', repeat('x', %s)))",
     "SET session_replication_role = replica; DELETE FROM audit_event WHERE actor = 't'", ["audit", "list"]),
]


@pytest.mark.parametrize("make,mend,command", ROWS, ids=lambda v: v[0] if isinstance(v, list) else None)
def test_row_that_is_too_large_refuses_the_request(ca, make, mend, command):
    ca.sql(make, LARGE)
    refused(ca, *command)
    ca.sql(mend, role=ca.pg.superuser)
    ca.admin(*command)


def test_issuer_that_every_program_reads_is_bounded_by_its_table(ca):
    with pytest.raises(psycopg2.errors.CheckViolation):
        ca.sql("INSERT INTO issuer (name, kind, der, subject, key_id, spki_hash, not_after) SELECT 'huge', kind, decode(repeat('00', 70000), 'hex'), "
               "subject, key_id, '', not_after FROM issuer WHERE name = 'issuing-1'")


def test_too_many_rows_refuse_the_request(ca):
    ca.sql("INSERT INTO name_grant (identity, profile, pattern, created_by) SELECT i.id, 'device', 'dns:n' || n || '.example.org', 't' "
           "FROM identity i, generate_series(1, 150000) n WHERE i.name = 'big'")
    refused(ca, "grant", "list", "big")
    ca.sql("DELETE FROM name_grant WHERE created_by = 't'")
    ca.admin("grant", "list", "big")


def test_feeds_go_on_after_any_number_of_rows_in_one_transaction(ca):
    ca.sql("INSERT INTO identity (name, kind, state) SELECT 'many' || n, 'device', 'blocked' FROM generate_series(1, 30000) n")
    ca.sql("INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor) SELECT decode(md5(n::text), 'hex'), i.id, 0, "
           "now(), now() + interval '1 hour', 't' FROM issuer i, generate_series(1, 30000) n WHERE i.name = 'issuing-1'")
    key, chain = ca.issue("big", "device", ["dns:big.example.org"])
    with ca.client(key, chain) as c:
        assert c.request("GET", "/.well-known/est/cacerts").status == 200
    ca.sql("UPDATE identity SET state = 'blocked', xid = pg_current_xact_id() WHERE name = 'big'")

    def shut_out():
        try:
            with ca.client(key, chain) as c:
                return c.request("GET", "/.well-known/est/cacerts").status != 200
        except OSError:
            return True
    wait_for(shut_out, 10, "the gateway hears of the block")


def test_late_crl_is_told_by_status_ready_and_metric(ca):
    ca.stop_program("chancery-signer")
    ca.sql("INSERT INTO crl_dirty (issuer, crl_shard, at) SELECT id, 0, now() - interval '2 minutes' FROM issuer WHERE name = 'issuing-1'")
    wait_for(lambda: "revocations of \"issuing-1\" have waited 12" in ca.admin("status", check=False).stdout.replace("\\", ""), 10, "status")
    wait_for(lambda: b"ready\nwarning: revocations of \"issuing-1\" have waited" in ca.public().request("GET", "/ready").body, 10, "/ready")
    assert ca.public().request("GET", "/ready").status == 200
    with Client("127.0.0.1", ca.metrics_port) as c:
        assert b'chancery_crl_waiting_seconds{issuer="issuing-1"} 12' in c.request("GET", "/metrics").body
    ca.spawn("chancery-signer")
    wait_for(lambda: ca.public().request("GET", "/ready").body == b"ready\n", 30, "the CRL is published")
    wait_for(lambda: ca.admin("status", check=False).returncode == 0, 10, "status is healthy")


def test_an_answer_longer_than_a_request_may_be_is_read(ca):
    ca.sql("INSERT INTO node (id, program, version, started_at, state, detail) SELECT 'chancery-status@elsewhere:' || n, 'chancery-status', '1', "
           "now(), 'serving', jsonb_build_object('trouble', repeat('x', 3000)) FROM generate_series(1, 60) n")
    status = ca.admin("status", check=False)
    ca.sql("DELETE FROM node WHERE id LIKE '%%@elsewhere:%%'")
    assert status.stdout.count("elsewhere") == 60, (status.stdout[-300:], status.stderr)
