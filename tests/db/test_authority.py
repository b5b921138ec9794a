"""What is taken away is gone: everything that authorises a request is asked again, under a lock, before a certificate is recorded."""

import threading

import pytest
from pgcluster import wait_for

OWNER, GATEWAY, ADMIN, SIGNER = "chancery_owner", "chancery_gateway", "chancery_admin", "chancery_signer"


class World:
    """A device that asks with its certificate, by order of its account, with an operator's approval: a request of every authority."""

    def __init__(self, db):
        self.db = db
        self.issuer = db.issuer()
        self.device, self.asker, self.operator = db.identity("dev"), db.identity("asker"), db.identity("op", "operator")
        self.predecessor, self.shown = db.certificate(self.device), db.certificate(self.asker)
        db.sql(OWNER, "INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (%s, 'p', 'dns:*.example.org', 't')",
               self.device)
        db.sql(OWNER, "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('a', %s, sha256('a'), '{}')", self.device)
        db.sql(OWNER, "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES ('z', 'a', 'dns:x.example.net', "
                      "now() + interval '1 hour')")
        db.sql(OWNER, "INSERT INTO acme_challenge (id, \"authorization\", type, token, status) VALUES ('c', 'z', 'http-01', 't', 'pending')")
        db.sql(OWNER, "UPDATE acme_challenge SET status = 'processing' WHERE id = 'c'")
        db.sql(OWNER, "UPDATE acme_challenge SET status = 'valid', validated_at = now() WHERE id = 'c'")
        self.request = db.value(
            OWNER, "INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki, requester, proof, proof_serial, "
                   "renewed_from, acme_order) VALUES ('acme', 'r', %s, 'p', '{dns:x.example.net}', 'the key', %s, 'certificate', %s, %s, "
                   "'o') RETURNING id", self.device, self.asker, self.shown, self.predecessor)
        db.sql(OWNER, "INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires, request) VALUES "
                      "('o', 'a', 'p', '{dns:x.example.net}', false, '{z}', now() + interval '1 hour', %s)", self.request)
        db.sql(OWNER, "UPDATE issuance_request SET approvals_needed = 1 WHERE id = %s", self.request)
        db.sql(OWNER, "INSERT INTO request_approval (request, operator) VALUES (%s, %s)", self.request, self.operator)
        self.boss = db.identity("t", "operator")
        db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, 'officer', 'x'), (%s, 'administrator', 'x')",
               self.operator, self.boss)
        self.other = self.with_key(db.identity("other"), "the key")

    def with_key(self, identity, key):
        """The serial of a certificate of this key."""
        serial = self.db.certificate(identity)
        self.db.sql(OWNER, "UPDATE issuance_request SET spki = %s WHERE serial = %s", key.encode(), serial)
        return serial

    def facts(self):
        return self.db.sql(SIGNER, "SELECT identity_state, requester_state, grants, authorized, order_usable, renewed_from_live, "
                                   "shown_live, key_blocked, approvals FROM request_authority WHERE id = %s", self.request)[0]


@pytest.fixture
def world(db):
    return World(db)


FACTS = ("active", "active", ["dns:*.example.org"], ["dns:x.example.net"], True, True, True, False, 1)

# what takes it away, and the facts that are others then
TAKEN = {
    "shown_certificate_revoked": ("SELECT outcome FROM certificate_revoke(%(shown)s, 4::smallint, 't', 'r')", {6: False}),
    "predecessor_revoked": ("SELECT outcome FROM certificate_revoke(%(predecessor)s, 4::smallint, 't', 'r')", {5: False}),
    "line_revoked": ("SELECT outcome FROM certificate_revoke_line(%(shown)s, 4::smallint, 't', 'r')", {6: False}),
    "key_compromised_elsewhere": ("SELECT outcome FROM certificate_revoke(%(other)s, 1::smallint, 't', 'r')", {7: True}),
    "identity_blocked": ("SELECT identity_set_state('dev', 'blocked', 't', 'r')", {0: "blocked"}),
    "requester_blocked": ("SELECT identity_set_state('asker', 'blocked', 't', 'r')", {1: "blocked"}),
    "requester_offboarded": ("SELECT outcome FROM identity_offboard('asker', 4::smallint, 't', 'r')", {1: "blocked", 6: False}),
    "identity_offboarded": ("SELECT outcome FROM identity_offboard('dev', 4::smallint, 't', 'r')",
                            {0: "blocked", 4: False, 5: False}),
    "approver_blocked": ("SELECT identity_set_state('op', 'blocked', 't', 'r')", {8: 0}),
    "approver_without_role": ("SELECT operator_role_set('op', 'officer', false, 't', 'r')", {8: 0}),
    "grant_removed": ("SELECT grant_remove(%(device)s, 'p', 'dns:*.example.org', 't', 'r')", {2: []}),
    "account_deactivated": ("SELECT acme_account_move('a', 'valid', 'deactivated')", {4: False}),
    "authorization_deactivated": ("SELECT acme_authorization_deactivate('z')", {3: []}),
}


def recorded(cur, world, epoch):
    return world.db.record(cur, world.request, epoch, world.issuer)


def run(world, how):
    conn = world.db.connect(GATEWAY if "acme_" in TAKEN[how][0] else ADMIN)
    with conn.cursor() as cur:
        cur.execute(TAKEN[how][0], {k: v for k, v in vars(world).items() if k != "db"})
        return cur.fetchone()[0]


def test_a_request_has_every_authority_it_was_given(world):
    assert world.facts() == FACTS


def test_only_officers_approve_and_only_theirs_counts(world):
    """Of all who have approved: the officer; not the administrator, the asker, a device or who has no role."""
    db = world.db
    db.sql(OWNER, "UPDATE issuance_request SET state = 'held', hold = 'approval', approvals_needed = 2 WHERE id = %s", world.request)
    def approve(who):
        return db.sql(ADMIN, "SELECT outcome, approvals FROM request_approve(%s, %s, 'x', 'r')", world.request, who)[0]
    db.sql(OWNER, "UPDATE identity SET kind = 'operator' WHERE name = 'asker'")
    db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, 'officer', 't')", world.asker)
    nobody = db.identity("nobody", "operator")
    for who, outcome in ((world.boss, "role"), (nobody, "role"), (world.device, "role"), (world.asker, "own")):
        assert approve(who) == (outcome, 1)
        db.sql(OWNER, "INSERT INTO request_approval (request, operator) VALUES (%s, %s)", world.request, who)
    assert world.facts()[8] == db.value(SIGNER, "SELECT request_approvals(%s, %s)", world.request, world.asker) == 1
    db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, 'officer', 't')", nobody)
    assert world.facts()[8] == 2 and approve(nobody) == ("again", 2)
    assert db.value(OWNER, "SELECT state FROM issuance_request WHERE id = %s", world.request) == "pending"


def test_a_certificate_shown_by_another_than_its_own_identity_authorises_nothing(world):
    world.db.sql(OWNER, "UPDATE issuance_request SET proof_serial = %s WHERE id = %s", world.other, world.request)
    assert world.facts()[6] is False


@pytest.mark.parametrize("kind,role", [("device", "officer"), ("operator", "administrator"), ("service", "administrator")])
def test_an_operator_asks_for_others_as_long_as_he_has_the_role(world, kind, role):
    db, asker = world.db, world.db.identity("boss", "operator")
    world.request = db.request(db.identity("new", kind), requester=asker)
    db.sql(OWNER, "UPDATE issuance_request SET protocol = 'admin' WHERE id = %s", world.request)
    assert world.facts()[1] == "blocked"
    db.sql(OWNER, "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, %s, 'x')", asker, role)
    assert world.facts()[1] == "active"
    conn = db.connect(SIGNER)
    conn.autocommit = False
    before, cur = db.epoch(world.request), conn.cursor()
    assert recorded(cur, world, before)
    conn.rollback()
    assert db.value(ADMIN, "SELECT operator_role_set('boss', %s, false, 't', 'r')", role) == "ok"
    assert world.facts()[1] == "blocked" and not recorded(cur, world, before)


def test_an_operator_renews_his_own_without_a_role(world):
    world.request = world.db.request(world.operator, requester=world.operator)
    world.db.sql(OWNER, "DELETE FROM operator_role")
    world.db.sql(OWNER, "UPDATE issuance_request SET protocol = 'admin' WHERE id = %s", world.request)
    assert world.facts()[1] == "active"


@pytest.mark.parametrize("how", TAKEN)
def test_what_was_taken_away_before_the_lock_is_seen_by_it(world, how):
    before = world.db.epoch(world.request)
    assert run(world, how) in ("ok", True)
    assert world.facts() == tuple(TAKEN[how][1].get(i, fact) for i, fact in enumerate(FACTS))
    conn = world.db.connect(SIGNER)
    conn.autocommit = False
    assert not recorded(conn.cursor(), world, before)
    assert world.db.value(OWNER, "SELECT state FROM issuance_request WHERE id = %s", world.request) == ("refused" if how == "identity_offboarded" else "pending")


@pytest.mark.parametrize("how", TAKEN)
def test_what_is_taken_away_after_the_lock_waits_for_the_recording(world, how):
    conn = world.db.connect(SIGNER)
    conn.autocommit = False
    assert recorded(conn.cursor(), world, world.db.epoch(world.request))
    done = []
    thread = threading.Thread(target=lambda: done.append(run(world, how)))
    thread.start()
    wait_for(lambda: world.db.value("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                                    world.db.name) == 1, 10, "it waits")
    assert done == []
    conn.commit()
    thread.join(10)
    assert done[0] in ("ok", True)


def test_a_retired_issuer_authorises_nothing_and_its_retirement_waits(world):
    conn = world.db.connect(SIGNER)
    conn.autocommit = False
    cur = conn.cursor()
    assert recorded(cur, world, world.db.epoch(world.request))
    done = []
    thread = threading.Thread(target=lambda: done.append(world.db.sql(OWNER, "UPDATE issuer SET state = 'retired' RETURNING id")))
    thread.start()
    wait_for(lambda: world.db.value("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                                    world.db.name) == 1, 10, "it waits")
    conn.commit()
    thread.join(10)
    assert len(done) == 1
    world.request = world.db.request(world.device)
    assert not recorded(cur, world, world.db.epoch(world.request))
    conn.commit()
    assert world.db.sql(OWNER, "SELECT state, hold FROM issuance_request WHERE id = %s", world.request) == [("held", "unavailable")]


def revoke(db, serial, reason, line=""):
    outcome, others = db.sql(ADMIN, "SELECT outcome, others FROM certificate_revoke%s(%%s, %%s::smallint, 't', 'r')" % line,
                             serial, reason)[0]
    return outcome, {bytes(o) for o in others}


def reason_of(db, serial):
    return db.value(OWNER, "SELECT reason FROM revocation WHERE serial = %s", serial)


def test_a_compromised_key_is_blocked_and_everything_that_has_it_revoked(world):
    mine = world.with_key(world.device, "bad")
    theirs = world.with_key(world.asker, "bad")
    assert revoke(world.db, mine, 1) == ("ok", {bytes(theirs)})
    assert reason_of(world.db, mine) == reason_of(world.db, theirs) == 1
    assert world.db.value(OWNER, "SELECT count(*) FROM blocked_key WHERE spki_hash = sha256('bad')") == 1
    assert world.db.value(OWNER, "SELECT count(*) FROM revocation") == 2


def test_a_reason_rises_to_key_compromise_and_never_falls(world):
    assert revoke(world.db, world.shown, 4) == ("ok", set())
    assert revoke(world.db, world.shown, 5) == ("already", set())
    assert reason_of(world.db, world.shown) == 4
    before = world.db.value(OWNER, "SELECT xid::text::bigint FROM revocation")
    assert revoke(world.db, world.shown, 1) == ("raised", set())
    assert reason_of(world.db, world.shown) == 1
    assert world.db.value(OWNER, "SELECT xid::text::bigint FROM revocation") > before  # the feeds bring it again
    assert revoke(world.db, world.shown, 1)[0] == "already"
    assert revoke(world.db, world.shown, 4)[0] == "already"
    assert reason_of(world.db, world.shown) == 1


def asked_with(db, identity, shown=None, renewed=None):
    serial = db.certificate(identity)
    db.sql(OWNER, "UPDATE issuance_request SET proof_serial = %s, renewed_from = %s WHERE serial = %s", shown, renewed, serial)
    return bytes(serial)


def test_a_line_is_what_was_asked_for_with_it_or_renews_it_and_so_on(world):
    db = world.db
    child = asked_with(db, world.device, shown=world.shown)
    grandchild = asked_with(db, world.device, shown=child)
    renewal = asked_with(db, world.asker, renewed=world.shown)
    unrelated = asked_with(db, world.device, shown=world.other)
    outcome, others = revoke(db, world.shown, 4, "_line")
    assert outcome == "ok" and others == {child, grandchild, renewal}
    assert db.sql(OWNER, "SELECT 1 FROM revocation WHERE serial = %s", unrelated) == []
    assert revoke(db, world.shown, 4, "_line") == ("ok", set())
    assert revoke(db, b"\0" * 16, 4, "_line")[0] == "unknown"


def test_a_line_with_key_compromise_blocks_all_its_keys(world):
    child = world.with_key(world.device, "child's")
    world.db.sql(OWNER, "UPDATE issuance_request SET proof_serial = %s WHERE serial = %s", world.shown, child)
    assert revoke(world.db, world.shown, 1, "_line")[1] == {bytes(child)}
    assert world.db.value(OWNER, "SELECT count(*) FROM blocked_key") == 2


def test_a_leaver_whose_keys_are_compromised_leaves_none_behind(world):
    mine = world.with_key(world.device, "bad")
    theirs = world.with_key(world.asker, "bad")
    assert world.db.value(ADMIN, "SELECT outcome FROM identity_offboard('dev', 1::smallint, 't', 'r')") == "ok"
    assert reason_of(world.db, mine) == reason_of(world.db, theirs) == 1
    assert world.db.value(OWNER, "SELECT count(*) FROM blocked_key WHERE spki_hash = sha256('bad')") == 1


def test_revocations_that_meet_never_stop_each_other(world):
    """Certificates of one key with two identities: two revocations, an offboarding and a line, at once."""
    db, failed = world.db, []
    conns = [db.connect(ADMIN) for _ in range(5)]
    for n in range(20):
        key = "key %d" % n
        mine, theirs = world.with_key(world.device, key), world.with_key(world.asker, key)
        db.sql(OWNER, "UPDATE issuance_request SET proof_serial = %s WHERE serial = %s", mine, theirs)
        calls = ["SELECT certificate_revoke(%(mine)s, 1::smallint, 't', 'r')", "SELECT certificate_revoke(%(theirs)s, 1::smallint, 't', 'r')",
                 "SELECT certificate_revoke_line(%(mine)s, 1::smallint, 't', 'r')", "SELECT identity_offboard('dev', 1::smallint, 't', 'r')",
                 "SELECT identity_offboard('asker', 4::smallint, 't', 'r')"]
        start = threading.Barrier(len(calls))

        def run_one(text, conn, values):
            try:
                start.wait()
                with conn.cursor() as cur:
                    cur.execute(text, values)
            except Exception as e:  # pylint: disable=broad-except
                failed.append(e)
        threads = [threading.Thread(target=run_one, args=(t, conn, {"mine": mine, "theirs": theirs}))
                   for t, conn in zip(calls, conns)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        assert failed == []
        assert reason_of(db, mine) == reason_of(db, theirs) == 1


def test_rows_that_are_taken_by_one_statement_raise_the_epoch_once(world):
    """A row each would write the identity's row again each time: ten thousand grants, a minute."""
    world.db.sql(OWNER, "INSERT INTO name_grant (identity, profile, pattern, created_by) SELECT %s, 'p', 'dns:' || n, 't' "
                        "FROM generate_series(1, 20) n", world.device)
    before = world.db.epoch(world.request)
    world.db.sql(OWNER, "DELETE FROM name_grant WHERE identity = %s", world.device)
    assert world.db.epoch(world.request) == before + 1


def test_an_authorization_that_is_deleted_is_gone(world):
    before = world.db.epoch(world.request)
    world.db.sql(OWNER, "DELETE FROM acme_challenge")
    world.db.sql(OWNER, "DELETE FROM acme_authorization")
    assert world.db.epoch(world.request) == before + 1
