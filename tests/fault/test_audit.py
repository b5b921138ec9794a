"""The audit can fail: each damage below, made in a transaction that is rolled back, is noticed and named."""

import pytest

from audit import broken
from load import Load

COPY = ("INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der) "
        "SELECT issuer, %s, %s, not_before, identity, request, profile, spki_hash, der FROM certificate WHERE serial = %%(newest)s")
# Made as superuser with triggers off; newest is the serial acknowledged last.
DAMAGE = {
    "acknowledged to": "DELETE FROM certificate WHERE serial = %(newest)s",
    "a finished request without its certificate": "DELETE FROM certificate WHERE serial = %(newest)s",
    "a certificate without its request": "UPDATE issuance_request SET state = 'pending', serial = NULL, done_at = NULL, "
        "cert_not_after = NULL WHERE serial = %(newest)s",
    "a request that still waits": "UPDATE issuance_request SET state = 'pending', serial = NULL, done_at = NULL, "
        "cert_not_after = NULL WHERE serial = %(newest)s",
    "a serial twice": COPY % ("serial", "not_after + interval '1 second'"),
    "a request with two certificates": COPY % ("substr(sha256(serial), 1, 16)", "not_after"),
    "a certificate without its audit event": "DELETE FROM audit_event WHERE object = encode(%(newest)s, 'hex')",
    "an audit event without its certificate": "INSERT INTO audit_event (actor, operation, object, outcome) VALUES "
        "('x', 'certificate.issue', '00', 'ok')",
    "a certificate without its names": "DELETE FROM certificate_name",
    "a certificate for another key than asked": "UPDATE certificate SET spki_hash = sha256('x') WHERE serial = %(newest)s",
    "recorded otherwise than acknowledged": "UPDATE certificate SET der = der || '\\x00' WHERE serial = %(newest)s",
    "an enrollment recorded twice": "INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki) SELECT "
        "protocol, 'again', identity, profile, names, spki FROM issuance_request WHERE serial = %(newest)s",
    "an order whose request is gone": "UPDATE issuance_request SET acme_order = NULL",
    "a request refused": "UPDATE issuance_request SET state = 'refused', serial = NULL, cert_not_after = NULL, refusal = 'x', "
        "refusal_class = 'denied', refusal_word = 'x' WHERE serial = %(newest)s",
}


@pytest.fixture(scope="module")
def acks(site):
    with Load(site, est=1, acme=1) as load:
        pass
    return load.ledger.acks


def look(conn):
    def query(sql, *args):
        with conn.cursor() as cur:
            cur.execute(sql, args or None)
            return cur.fetchall()
    return query


@pytest.mark.parametrize("what", DAMAGE)
def test_audit_notices(site, acks, what):
    newest = [a for a in acks if a.identity.startswith("device")][-1]
    conn = site.pg.connect("chancery", site.pg.superuser)
    try:
        conn.autocommit = False
        query = look(conn)
        assert broken(query, acks) == []
        with conn.cursor() as cur:
            cur.execute("SET session_replication_role = replica")
            cur.execute(DAMAGE[what], {"newest": newest.serial})
            assert cur.rowcount > 0
        assert any(what in line for line in broken(query, acks)), broken(query, acks)
    finally:
        conn.rollback()
        conn.close()


def test_certificate_acknowledged_twice_is_noticed(site, acks):
    conn = site.pg.connect("chancery", site.pg.superuser)
    assert broken(look(conn), acks + acks[:1]) == ["one certificate was given for two wishes"]
    conn.close()
