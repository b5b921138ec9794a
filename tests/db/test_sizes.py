"""Feeds are complete however many rows one transaction wrote, and no answer of the database is larger than a program bears."""

import pytest

from conftest import fresh
from pgcluster import Cluster

ROWS = 25001  # more than two pages, of one transaction, the last of them almost empty
FILL = """
INSERT INTO issuer (name, kind, der, subject, key_id, spki_hash, not_after)
    VALUES ('ca', 'issuing', '\\x00', '\\x00', '\\x00', sha256('ca'), now() + interval '5 years');
INSERT INTO identity (name, kind) SELECT 'dev' || n, 'device' FROM generate_series(1, {rows}) n;
INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der)
    SELECT 1, decode(md5(n::text), 'hex'), now() + interval '1 hour', now(), 1, n, 'device', sha256('k'), '\\x00' FROM generate_series(1, {rows}) n;
INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
    SELECT serial, 1, 0, now(), 4, not_after, 't' FROM certificate;
INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor)
    SELECT decode(md5('ended' || n), 'hex'), 1, 0, now(), 4, now() - interval '1 hour', 't' FROM generate_series(1, {rows}) n;
INSERT INTO acme_account (id, identity, thumbprint, jwk) SELECT 'a' || n, n, sha256(n::text::bytea), '{{}}' FROM generate_series(1, {rows}) n;
"""
FEEDS = [("chancery_status", "issued", "certificate"), ("chancery_status", "revoked", "revocation"),
         ("chancery_admin", "identity", "identity"), ("chancery_gateway", "account", "acme_account")]


@pytest.fixture(scope="module")
def filled():
    with Cluster("autovacuum = off\n") as pg:
        db = fresh(pg)
        db.sql("chancery_owner", FILL.format(rows=ROWS))
        yield db
        db.close()


def read(db, role, kind, cursor):
    return int(db.tool(role, "feed", kind, cursor).stdout)


@pytest.mark.parametrize("role,kind,table", FEEDS)
def test_feed_is_complete_over_any_number_of_pages(filled, role, kind, table):
    written_by = filled.value("chancery_owner", "SELECT max(xid) FROM %s" % table)
    assert read(filled, role, kind, 1) == ROWS  # 0 is none, where a cache begins empty
    assert read(filled, role, kind, written_by) == ROWS
    assert read(filled, role, kind, int(written_by) + 1) == 0


def test_row_that_is_too_large_is_refused(filled):
    filled.sql("chancery_owner", "ALTER TABLE identity DROP CONSTRAINT identity_size")  # as if stored before there was one
    filled.sql("chancery_owner", "UPDATE identity SET owner = repeat('x', 9000000) WHERE name = 'dev7'")
    serial = filled.value("chancery_owner", "SELECT encode(serial, 'hex') FROM certificate LIMIT 1")
    done = filled.tool("chancery_admin", "exercise", serial, "dev7", 1, check=False)
    assert done.returncode == 1 and "9000000" not in done.stderr and "are read at once" in done.stderr
    assert done.stderr.startswith("ERR_LIMIT") or "LIMIT" in done.stderr.upper()
