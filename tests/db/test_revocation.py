"""Revocation and offboarding: the SQL functions, alone and against a signer at work."""

import threading

import pytest

from pgcluster import wait_for

GATEWAY, ADMIN, SIGNER, OWNER = "chancery_gateway", "chancery_admin", "chancery_signer", "chancery_owner"


def revoke(db, serial, reason=1):
    return db.value(ADMIN, "SELECT outcome FROM certificate_revoke(%s, %s::smallint, 'op', 'req-1')", serial, reason)


def offboard(db, name):
    return db.sql(ADMIN, "SELECT * FROM identity_offboard(%s, 4::smallint, 'op', 'req-2')", name)[0]


def live(db, identity):
    return db.value(OWNER, "SELECT count(*) FROM certificate c LEFT JOIN revocation v USING (serial) WHERE c.identity = %s "
                           "AND c.not_after > now() AND v.serial IS NULL", identity)


def test_revoking_records_time_reason_mark_and_audit(db):
    serial = db.certificate(db.identity("dev"), db.issuer())
    assert revoke(db, serial, 1) == "ok"
    assert db.sql(OWNER, "SELECT issuer, reason, actor FROM revocation WHERE serial = %s", serial) == [(1, 1, "op")]
    assert db.value(OWNER, "SELECT count(*) FROM crl_dirty WHERE issuer = 1") == 1
    assert db.sql(OWNER, "SELECT operation, object, outcome, request_id FROM audit_event") == [
        ("certificate.revoke", serial.hex(), "ok", "req-1")]


def test_revoking_again_keeps_the_first_time_and_reason(db):
    serial = db.certificate(db.identity("dev"), db.issuer())
    revoke(db, serial, 1)
    first = db.sql(OWNER, "SELECT * FROM revocation")
    assert revoke(db, serial, 4) == "already"
    assert db.sql(OWNER, "SELECT * FROM revocation") == first
    assert db.value(OWNER, "SELECT count(*) FROM audit_event") == 1


def test_unknown_serial_is_unknown(db):
    db.issuer()
    assert revoke(db, b"\x01" * 16) == "unknown"
    assert db.value(OWNER, "SELECT count(*) FROM revocation") == 0


@pytest.mark.parametrize("reason", [7, 8, 11, -1])
def test_reason_that_rfc_5280_does_not_know_is_refused(db, reason):
    serial = db.certificate(db.identity("dev"), db.issuer())
    with pytest.raises(Exception, match="revocation_reason_check"):
        revoke(db, serial, reason)


def test_offboarding_takes_everything_in_one_go(db):
    db.issuer()
    leaver, other = db.identity("leaver"), db.identity("other")
    for _ in range(3):
        db.certificate(leaver)
    db.certificate(leaver, life="-1 hour")
    kept = db.certificate(other)
    db.sql(OWNER, "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('a', %s, sha256('k'), '{}')", leaver)
    waiting = db.request(leaver)
    assert offboard(db, "leaver") == ("ok", 3, 1, 1)
    assert db.value(OWNER, "SELECT state FROM identity WHERE name = 'leaver'") == "blocked"
    assert live(db, leaver) == 0
    assert db.value(OWNER, "SELECT status FROM acme_account") == "revoked"
    assert db.sql(OWNER, "SELECT state, refusal_word FROM issuance_request WHERE id = %s", waiting) == [
        ("refused", "identity-blocked")]
    assert db.value(OWNER, "SELECT count(*) FROM revocation WHERE serial = %s", kept) == 0
    assert db.value(OWNER, "SELECT count(*) FROM crl_dirty") == 1


def test_offboarding_twice_is_harmless(db):
    db.issuer()
    db.certificate(db.identity("leaver"))
    offboard(db, "leaver")
    assert offboard(db, "leaver") == ("ok", 0, 0, 0)
    assert db.value(OWNER, "SELECT count(*) FROM revocation") == 1


def test_offboarding_nobody_is_unknown_and_leaves_no_trace(db):
    assert offboard(db, "nobody")[0] == "unknown"
    assert db.value(OWNER, "SELECT count(*) FROM audit_event") == 0


@pytest.mark.parametrize("state,to,result", [
    ("active", "blocked", "ok"), ("blocked", "blocked", "unchanged"), ("blocked", "active", "ok"),
    ("active", "active", "unchanged"), ("retired", "active", "retired"), ("retired", "blocked", "retired")])
def test_identity_state_moves(db, state, to, result):
    db.identity("dev", state=state)
    assert db.value(ADMIN, "SELECT identity_set_state('dev', %s, 'op', 'r')", to) == result
    assert db.value(OWNER, "SELECT state FROM identity") == (to if result != "retired" else "retired")
    assert db.value(OWNER, "SELECT count(*) FROM audit_event") == (1 if result == "ok" else 0)


def test_offboarding_does_not_wait_for_a_claim_and_the_lock_refuses_after_it(db):
    db.issuer()
    leaver = db.identity("leaver")
    request = db.request(leaver)
    signer = db.connect(SIGNER)
    signer.autocommit = False
    cur = signer.cursor()
    cur.execute("SELECT id FROM issuance_request WHERE state = 'pending' FOR UPDATE SKIP LOCKED")
    assert cur.fetchall() == [(request,)]
    claimed = db.epoch(request)
    assert offboard(db, "leaver") == ("ok", 0, 0, 0)   # returns while the signer still holds its claim
    assert not db.record(cur, request, claimed)


def test_offboarding_that_comes_after_the_lock_waits_and_revokes_what_was_issued(db):
    db.issuer()
    leaver = db.identity("leaver")
    request = db.request(leaver)
    signer = db.connect(SIGNER)
    signer.autocommit = False
    cur = signer.cursor()
    cur.execute("SELECT id FROM issuance_request WHERE id = %s FOR UPDATE", (request,))
    assert db.record(cur, request, db.epoch(request))
    result = []
    thread = threading.Thread(target=lambda: result.append(offboard(db, "leaver")))
    thread.start()
    wait_for(lambda: db.value("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock' "
                                          "AND query LIKE '%%identity_offboard%%'", db.name) == 1, 10, "the offboarding waits")
    signer.commit()
    thread.join(10)
    assert result == [("ok", 1, 0, 0)]
    assert live(db, leaver) == 0


def test_no_certificate_survives_an_offboarding_under_load(db):
    db.issuer()
    signers = [db.start(SIGNER, "signer", 0) for _ in range(2)]
    try:
        for n in range(5):
            leaver = db.identity("leaver%d" % n)
            load = db.start(GATEWAY, "load", leaver, 8, 1000)
            try:
                wait_for(lambda: db.value(OWNER, "SELECT count(*) FROM certificate WHERE identity = %s", leaver) > 20 * (n + 1),
                         30, "certificates are issued")
                assert offboard(db, "leaver%d" % n)[0] == "ok"
                wait_for(lambda: db.value(OWNER, "SELECT count(*) FROM issuance_request WHERE identity = %s AND state = 'pending'",
                                          leaver) == 0, 30, "its requests are answered")
            finally:
                load.kill()
                load.communicate()
            assert live(db, leaver) == 0
            assert db.value(OWNER, "SELECT count(*) FROM revocation v JOIN certificate c USING (serial) WHERE c.identity = %s",
                            leaver) > 20
    finally:
        for signer in signers:
            signer.kill()
            signer.communicate()
