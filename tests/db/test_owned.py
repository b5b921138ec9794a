"""What a program that is not its own master any more can do with nothing but its database role: its work, and no other. Each role
tries what the others do, and to hold or fill what the others need; schema/README.md says what remains."""

import os
import threading

import psycopg2
import pytest
from pgcluster import wait_for

PROGRAMS = ["gateway", "admin", "signer", "validator", "status"]
LOCKED = ["identity", "proposal", "name_grant", "issuance_request", "certificate", "revocation", "audit_event", "crl_turn", "crl", "crl_part", "node", "writer_mark",
          "acme_account", "acme_order", "acme_challenge", "acme_nonce_key", "acme_nonce_used", "issuer"]


@pytest.fixture(scope="module")
def db(cluster):
    from conftest import fresh
    database = fresh(cluster)
    sql = database.sql
    sql("chancery_owner", "INSERT INTO identity (name, kind) VALUES ('alice', 'operator'), ('gateway', 'service'), "
                          "('chancery-admin', 'service'), ('ocsp-responder', 'service'), ('printer', 'device')")
    sql("chancery_owner", "INSERT INTO name_grant (identity, profile, pattern, created_by) SELECT id, 'gateway-tls', 'dns:ca.example', 'init' "
                          "FROM identity WHERE name IN ('gateway', 'chancery-admin')")
    database.issuer()
    database.serial = database.certificate(5)
    yield database
    database.close()


def attempt(db, program, statement):
    """None when the database let it through; else why not. Nothing stays."""
    conn = db.connect("chancery_" + program)
    conn.autocommit = False
    try:
        conn.cursor().execute(statement)
        return None
    except psycopg2.Error as e:
        return type(e).__name__
    finally:
        conn.rollback()
        conn.close()


def refused(db, program, statement):
    assert attempt(db, program, statement) == "InsufficientPrivilege", (program, statement)


def request(protocol, identity, profile, names="{}", more="", value=""):
    return ("INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki%s) SELECT '%s', 'evil', id, '%s', '%s', '\\x00'%s "
            "FROM identity WHERE name = '%s'" % (more, protocol, profile, names, value, identity))


# --- other programs' requests (rows 12 and 13) ---

@pytest.mark.parametrize("program,may", [("gateway", {"est", "acme"}), ("admin", {"admin"}), ("signer", set()), ("validator", set()),
                                         ("status", set())])
@pytest.mark.parametrize("protocol", ["est", "acme", "admin", "internal"])
def test_a_program_opens_requests_of_its_own_protocols(db, program, may, protocol):
    if protocol in may:
        assert attempt(db, program, request(protocol, "printer", "device")) is None
    else:
        refused(db, program, request(protocol, "printer", "device"))


@pytest.mark.parametrize("column,value", [("role", "chancery_admin"), ("role", "chancery_owner"), ("state", "done"),
                                          ("serial", "\\x00"), ("issuer", "ca"), ("created_at", "2020-01-01"), ("approvals_needed", "0")])
@pytest.mark.parametrize("program", ["gateway", "admin"])
def test_nobody_says_whose_row_it_is_or_what_became_of_it(db, program, column, value):
    refused(db, program, request("est" if program == "gateway" else "admin", "printer", "device", more=", " + column, value=", '%s'" % value))


@pytest.mark.parametrize("program", ["gateway", "admin"])
def test_a_front_proves_nothing_by_the_machine_it_runs_on(db, program):
    refused(db, program, request("est" if program == "gateway" else "admin", "alice", "operator", more=", proof", value=", 'local'"))


def own(db, program, profile, names, issuer):
    return db.value("chancery_" + program, "SELECT outcome FROM own_request(%s, %s, %s, '\\x00', 'evil')", profile, names, issuer)


def test_a_program_asks_for_nobody_but_itself(db):
    assert own(db, "status", "ocsp-responder", [], "ca") == "ok"
    assert own(db, "gateway", "gateway-tls", ["dns:ca.example"], None) == "ok"
    assert own(db, "admin", "gateway-tls", ["dns:ca.example"], None) == "ok"
    rows = db.sql("chancery_owner", "SELECT role, i.name FROM issuance_request r JOIN identity i ON i.id = r.identity WHERE protocol = 'internal' ORDER BY r.id")
    assert rows == [("chancery_status", "ocsp-responder"), ("chancery_gateway", "gateway"), ("chancery_admin", "chancery-admin")]
    for program in ("gateway", "admin"):
        assert own(db, program, "ocsp-responder", [], "ca") == "denied"
        assert own(db, program, "ocsp-responder", [], None) == "denied"
        assert own(db, program, "gateway-tls", ["dns:ca.example", "dns:www.bank.example"], None) == "denied"
        assert own(db, program, "workload", ["dns:ca.example"], None) == "denied"
        assert own(db, program, "gateway-tls", ["dns:ca.example"], "ca") == "denied"
    assert own(db, "status", "gateway-tls", ["dns:ca.example"], None) == "denied"
    for program in ("signer", "validator"):
        refused(db, program, "SELECT own_request('ocsp-responder', '{}', 'ca', '\\x00', 'r')")


def test_requests_for_itself_have_an_end(db):
    db.sql("chancery_owner", "INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki) "
                             "SELECT 'internal', 'r', id, 'ocsp-responder', '{}', '\\x00' FROM identity, generate_series(1, 1024) WHERE name = 'ocsp-responder'")
    assert own(db, "status", "ocsp-responder", [], "ca") == "limit"
    db.sql("chancery_owner", "UPDATE issuance_request SET state = 'refused', done_at = now() WHERE request_id = 'r' AND protocol = 'internal'")
    assert own(db, "status", "ocsp-responder", [], "ca") == "ok"


# --- what only operators do (row 12) ---

PLANE = [
    "SELECT identity_add('evil', 'operator', '', '{}', '{}', 'alice', 'r')",
    "INSERT INTO identity (name, kind) VALUES ('evil', 'operator')",
    "UPDATE identity SET kind = 'operator' WHERE name = 'printer'",
    "SELECT grant_add(5, 'device', 'dns:**.bank.example', 'alice', 'r')",
    "INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (5, 'device', 'dns:**.bank.example', 'alice')",
    "SELECT grant_remove(5, 'device', 'dns:a.example', 'alice', 'r')",
    "SELECT identity_set_state('alice', 'blocked', 'alice', 'r')",
    "SELECT identity_offboard('alice', 1::smallint, 'alice', 'r')",
    "SELECT request_approve(1, 1, 'alice', 'r')",
    "SELECT request_reject(1, 'no', 'alice', 'r')",
    "SELECT certificate_revoke('\\x00', 1::smallint, 'alice', 'r')",
    "SELECT certificate_revoke_line('\\x00', 1::smallint, 'alice', 'r')",
    "SELECT crl_mark(1::smallint)",
    "SELECT issuer_move('ca', 'retired', 'alice', 'r')",
    "SELECT proposal_add('identity.add', 'evil', '{}', '{administrator}', 60, 'alice', 'r')",
    "SELECT proposal_approve(1, 'alice', 'r')",
    "SELECT * FROM proposal",
    "SELECT * FROM audit_event",
]


@pytest.mark.parametrize("program", ["gateway", "signer", "validator", "status"])
@pytest.mark.parametrize("statement", PLANE)
def test_only_the_admin_program_is_the_operators_hand(db, program, statement):
    refused(db, program, statement)


@pytest.mark.parametrize("program", ["gateway", "signer", "validator", "status"])
def test_nobody_else_gives_roles_or_reads_them(db, program):
    refused(db, program, "SELECT operator_role_set('alice', 'auditor', true, 'x', 'r')")
    refused(db, program, "SELECT * FROM operator_role")


def test_an_issuer_is_retired_by_an_administrator_and_revoked_by_the_owner_alone(db):
    def move(state, by="boss"):
        return db.value("chancery_admin", "SELECT issuer_move('ca', %s, %s, 'r')", state, by)
    boss = db.identity("boss", "operator")
    assert move("retired") == "denied"
    db.sql("chancery_owner", "INSERT INTO operator_role (identity, role, granted_by) VALUES (%s, 'administrator', 'x')", boss)
    assert move("retired", "alice") == "denied" and move("revoked") == "denied"
    assert move("retired") == "ok" and move("retired") == "unchanged" and move("active") == "ok"


def test_a_role_is_given_by_an_administrator_and_not_to_himself(db):
    def give(by, name, role="officer"):
        return db.value("chancery_admin", "SELECT operator_role_set(%s, %s, true, %s, 'r')", name, role, by)
    db.sql("chancery_owner", "INSERT INTO identity (name, kind) VALUES ('root', 'operator'), ('bob', 'operator')")
    assert give("root", "bob") == "denied"  # nobody is administrator yet
    assert db.value("chancery_owner", "SELECT operator_role_set('root', 'administrator', true, 'local:root', 'r')") == "ok"
    assert give("root", "root") == "own" and give("root", "printer") == "unknown" and give("bob", "alice") == "denied"
    assert give("root", "bob") == "ok" and give("root", "bob") == "unchanged"
    db.sql("chancery_owner", "UPDATE identity SET state = 'blocked' WHERE name = 'root'")
    assert give("root", "bob", "auditor") == "denied"
    refused(db, "admin", "INSERT INTO operator_role (identity, role, granted_by) VALUES (1, 'administrator', 'x')")
    refused(db, "admin", "DELETE FROM operator_role")


@pytest.mark.parametrize("program", ["gateway", "validator", "status", "signer"])
def test_nobody_else_retires_and_a_block_is_called_a_block(db, program):
    refused(db, program, "SELECT identity_set_state('printer', 'retired', 'x', 'r')")
    assert attempt(db, "admin", "SELECT identity_set_state('printer', 'retired', 'x', 'r')") == "InvalidParameterValue"


def test_acme_revokes_only_what_came_through_acme(db):
    assert db.value("chancery_gateway", "SELECT outcome FROM acme_revoke(%s, 1::smallint, NULL, 'printer', 'r')", db.serial) == "denied"
    acme = db.certificate(5)
    db.sql("chancery_owner", "UPDATE issuance_request SET protocol = 'acme' WHERE serial = %s", acme)
    db.sql("chancery_gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('alien', 1, sha256('a'), '{}'), ('mine', 5, sha256('b'), '{}')")
    for account in ("alien", "none"):
        assert db.value("chancery_gateway", "SELECT outcome FROM acme_revoke(%s, 1::smallint, %s, 'x', 'r')", acme, account) == "denied"
    assert db.value("chancery_gateway", "SELECT outcome FROM acme_revoke(%s, 4::smallint, 'mine', 'printer', 'r')", acme) == "ok"


# --- evidence (rows 15 and 16) ---

@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("statement", [
    "INSERT INTO audit_event (actor, operation, object, outcome) VALUES ('alice', 'identity.unblock', 'mallory', 'ok')",
    "INSERT INTO audit_event (id, actor, operation, outcome) OVERRIDING SYSTEM VALUE VALUES (1000000, 'x', 'y', 'ok')",
    "INSERT INTO audit_event (at, actor, operation, outcome) VALUES ('2026-01-01', 'alice', 'identity.unblock', 'ok')",
    "SELECT nextval('audit_event_id_seq')", "SELECT setval('audit_event_id_seq', 1)", "UPDATE audit_event SET actor = 'x'",
    "DELETE FROM audit_event", "TRUNCATE audit_event", "DELETE FROM revocation", "DELETE FROM certificate"])
def test_nobody_writes_history_by_hand(db, program, statement):
    refused(db, program, statement)


@pytest.mark.parametrize("program,own_event", [("gateway", "acme.account.add"), ("signer", "certificate.issue"),
                                               ("validator", "acme.challenge.validate"), ("admin", "certificate.request")])
def test_an_event_has_the_time_and_the_role_it_was_written_by(db, program, own_event):
    db.sql("chancery_" + program, "SELECT audit_add('alice', %s, 'forged', 'ok', 'r', NULL)", own_event)
    assert db.sql("chancery_owner", "SELECT role, now() - at < interval '1 minute' FROM audit_event WHERE object = 'forged' ORDER BY id DESC LIMIT 1") == [
        ("chancery_" + program, True)]


@pytest.mark.parametrize("program", ["gateway", "signer", "validator", "status"])
@pytest.mark.parametrize("operation", ["identity.unblock", "request.approve", "certificate.revoke", "identity.add"])
def test_a_program_tells_of_no_others_work(db, program, operation):
    refused(db, program, "SELECT audit_add('alice', '%s', 'mallory', 'ok', 'r', NULL)" % operation)


@pytest.mark.parametrize("program,may", [("gateway", True), ("admin", True), ("signer", False), ("validator", False), ("status", False)])
def test_a_front_tells_whom_it_refused_and_of_nothing_done(db, program, may):
    for operation in ("tls.handshake", "est.simpleenroll", "acme.newOrder", "http.refusals"):
        assert (attempt(db, program, "SELECT audit_add('printer', '%s', '', 'refused', 'r', NULL)" % operation) is None) == may
    if program == "gateway":
        refused(db, program, "SELECT audit_add('printer', 'est.simpleenroll', '', 'ok', 'r', NULL)")
        refused(db, program, "SELECT audit_add('printer', 'certificate.issue', '', 'refused', 'r', NULL)")


def test_an_event_cannot_be_of_any_size(db):
    assert attempt(db, "validator", "SELECT audit_add('x', 'acme.challenge.validate', 'x', 'ok', 'r', to_jsonb(repeat('x', 1000000)))") == "ProgramLimitExceeded"


def test_an_operation_is_a_word(db):
    assert attempt(db, "gateway", "SELECT audit_add('x', 'acme.account.' || repeat('x', 100), 'x', 'ok', 'r', NULL)") == "ProgramLimitExceeded"


BIG = "repeat('x', 1000000)"


@pytest.mark.parametrize("program,statement", [
    ("gateway", request("est", "printer", "device").replace("'evil'", BIG)),
    ("gateway", request("est", "printer", "device").replace("'\\x00'", BIG + "::bytea")),
    ("gateway", request("est", "printer", "device").replace("'{}'", "array_fill('dns:a.example.org'::text, ARRAY[100000])")),
    ("admin", request("admin", "printer", "device").replace("'device'", BIG)),
    ("status", "SELECT own_request('ocsp-responder', '{}', 'ca', %s::bytea, 'r')" % BIG),
    ("gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('big', 5, sha256('big'), to_jsonb(%s))" % BIG),
    ("gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk, contact) VALUES ('big', 5, sha256('big'), '{}', ARRAY[%s])" % BIG),
    ("gateway", "INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires) "
                "VALUES ('big', 'small', %s, '{}', true, '{}', now())" % BIG),
    ("gateway", "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES ('big', 'small', %s, now())" % BIG),
    ("gateway", "INSERT INTO acme_challenge (id, \"authorization\", type, token) VALUES ('big', 'small', 'http-01', %s)" % BIG),
    ("gateway", "SELECT challenge_answer('small', %s::bytea)" % BIG),
    ("validator", "UPDATE acme_challenge SET error = to_jsonb(%s)" % BIG),
    ("gateway", "SELECT acme_revoke((SELECT serial FROM issuance_request r WHERE protocol = 'acme' AND NOT EXISTS ("
                "SELECT 1 FROM revocation v WHERE v.serial = r.serial) LIMIT 1), 4::smallint, NULL, %s, 'r')" % BIG),
    ("admin", "SELECT identity_add('big', 'device', %s, '{}', '{}', 'alice', 'r')" % BIG),
    ("admin", "SELECT grant_add(5, 'device', %s, 'alice', 'r')" % BIG),
])
def test_no_row_is_larger_than_its_readers_can_take(db, program, statement):
    db.sql("chancery_gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('small', 5, sha256('small'), '{}') ON CONFLICT DO NOTHING")
    db.sql("chancery_gateway", "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES ('small', 'small', 'dns:a', now()) ON CONFLICT DO NOTHING")
    db.sql("chancery_gateway", "INSERT INTO acme_challenge (id, \"authorization\", type, token) VALUES ('small', 'small', 'http-01', 't') ON CONFLICT DO NOTHING")
    db.sql("chancery_owner", "UPDATE issuance_request SET protocol = 'acme' WHERE serial = %s", db.certificate(5))
    assert attempt(db, program, statement) == "CheckViolation"


def test_the_grants_of_an_identity_have_an_end(db):
    dev = db.identity("granted")
    many = "SELECT grant_add(%d, 'device', 'dns:' || n || repeat('x', 2000), 'alice', 'r') FROM generate_series(1, %d) AS n"
    assert attempt(db, "admin", many % (dev, 1000)) is None
    assert attempt(db, "admin", many % (dev, 1100)) == "ProgramLimitExceeded"
    assert attempt(db, "admin", "SELECT identity_add('more', 'device', '', array_fill('device'::text, ARRAY[1100]), "
                                "ARRAY(SELECT 'dns:' || n || repeat('x', 2000) FROM generate_series(1, 1100) n), 'alice', 'r')") == "ProgramLimitExceeded"


# --- what one holds and others need (rows 14 and 17) ---

@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("statement", ["CREATE TEMP TABLE t AS SELECT 1", "SELECT lo_from_bytea(0, '\\x00')", "SELECT lo_create(0)",
                                       "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_xact_lock(1, 2)", "SELECT pg_try_advisory_lock(1)",
                                       "SELECT pg_try_advisory_xact_lock(4411980, 1)"])
def test_nobody_fills_what_is_everybodys(db, program, statement):
    refused(db, program, statement)


@pytest.mark.parametrize("program", ["gateway", "admin", "validator", "status"])
@pytest.mark.parametrize("table", LOCKED)
@pytest.mark.parametrize("mode", ["SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_nobody_locks_a_table(db, program, table, mode):
    refused(db, program, "LOCK TABLE %s IN %s MODE NOWAIT" % (table, mode))


@pytest.mark.parametrize("program", ["gateway", "admin", "validator", "status"])
@pytest.mark.parametrize("table", ["identity", "issuance_request", "issuer", "crl_turn", "name_grant", "certificate"])
def test_nobody_locks_rows_that_others_wait_for(db, program, table):
    for how in ("UPDATE", "KEY SHARE"):
        refused(db, program, "SELECT 1 FROM %s FOR %s" % (table, how))


def statement(name):
    """As the programs run it, for issuer 1."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "schema", "statements", "crl.sql"), encoding="utf-8") as f:
        text = f.read().split("-- name: %s\n" % name)[1].split("-- name:")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith("--")).replace(":issuer", "1")


def test_a_crl_is_one_signers_turn_while_its_connection_lives_and_its_time_lasts(db):
    first, second = db.connect("chancery_signer"), db.connect("chancery_signer")

    def do(conn, name):
        with conn.cursor() as cur:
            cur.execute(statement(name))
            return cur.fetchall() if cur.description else None
    for conn in (first, second):
        conn.autocommit = True
    assert do(first, "crl_turn_take") == [(1,)] and do(second, "crl_turn_take") == []
    assert do(first, "crl_turn_keep") == [(1,)] and do(second, "crl_turn_keep") == []
    do(second, "crl_turn_end")  # not its own
    assert do(second, "crl_turn_take") == []
    do(first, "crl_turn_end")
    assert do(first, "crl_turn_keep") == [] and do(second, "crl_turn_take") == [(1,)]
    db.sql("chancery_owner", "UPDATE crl_turn SET until = now()")
    assert do(second, "crl_turn_keep") == [] and do(first, "crl_turn_take") == [(1,)]
    first.close()
    wait_for(lambda: do(second, "crl_turn_take") == [(1,)], 10, "the turn ends with its connection")
    second.close()


def test_an_open_transaction_of_the_gateway_keeps_nobody_from_being_blocked_and_nothing_from_the_signer(db):
    """Rows that refer to others lock nothing: the identity of a new account, the request of an order."""
    waiting = db.request(5)
    held = db.connect("chancery_gateway")
    held.autocommit = False
    held.cursor().execute("INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('grip', 5, sha256('c'), '{}')")
    held.cursor().execute("INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires, request) "
                          "VALUES ('grip', 'grip', 'p', '{}', true, '{}', now(), %s)", (waiting,))
    assert db.value("chancery_admin", "SELECT identity_set_state('printer', 'blocked', 'x', 'r')") == "ok"
    assert db.value("chancery_admin", "SELECT identity_set_state('printer', 'active', 'x', 'r')") == "ok"
    assert db.value("chancery_signer", "SELECT id FROM issuance_request WHERE id = %s FOR UPDATE SKIP LOCKED", waiting) == waiting
    held.rollback()


HOLDS = {  # what a gateway's open transaction can hold, and who waits for it
    "identity_by_its_account": ("SELECT acme_account_move('held', 'deactivated', 'valid')", "SELECT identity_set_state('printer', 'blocked', 'x', 'r')"),
    "account": ("SELECT 1 FROM acme_account WHERE id = 'held' FOR UPDATE", "SELECT outcome FROM identity_offboard('printer', 4::smallint, 'x', 'r')"),
    "issuers_by_a_compromised_key": ("SELECT acme_revoke(%(serial)s, 1::smallint, NULL, 'x', 'r')",
                                     "SELECT outcome FROM certificate_revoke_line(%(serial)s, 4::smallint, 'x', 'r')"),
}


@pytest.mark.parametrize("how", HOLDS)
def test_an_open_transaction_of_the_gateway_that_holds_up_others_is_ended(db, how):
    db.sql("chancery_gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('held', 5, sha256('held'), '{}') ON CONFLICT DO NOTHING")
    serial = db.certificate(5)
    db.sql("chancery_owner", "UPDATE issuance_request SET protocol = 'acme' WHERE serial = %s", serial)
    db.sql("chancery_owner", "UPDATE identity SET state = 'active' WHERE name = 'printer'")
    held = db.connect("chancery_gateway")
    held.autocommit = False
    held.cursor().execute("SET idle_in_transaction_session_timeout = 0")
    held.cursor().execute(HOLDS[how][0], {"serial": serial})
    done = []
    waiter = threading.Thread(target=lambda: done.append(attempt(db, "admin", HOLDS[how][1].replace("%(serial)s", "'\\x%s'" % serial.hex()))))
    waiter.start()

    def ended():
        db.sql("chancery_validator", "SELECT node_seen('chancery-validator@x:1', 'chancery-validator', '1', now(), 'ready', '{}', now())")
        return done
    try:
        assert wait_for(ended, 10, "the operator's transaction goes on, or gives up") == [None]
        with pytest.raises(psycopg2.Error):
            held.cursor().execute("SELECT 1")
    finally:
        held.close()


def test_an_operators_long_transaction_is_not_ended(db):
    db.sql("chancery_owner", "UPDATE identity SET state = 'active' WHERE name = 'printer'")
    held = db.connect("chancery_admin")
    held.autocommit = False
    held.cursor().execute("SELECT identity_set_state('printer', 'blocked', 'x', 'r')")
    failed = []

    def wait_for_it():
        failed.append(attempt(db, "gateway", "SET lock_timeout = '3s'; SELECT acme_account_move('held', 'deactivated', 'valid')"))
    waiter = threading.Thread(target=wait_for_it)
    waiter.start()

    def waited():
        db.sql("chancery_validator", "SELECT node_seen('chancery-validator@x:1', 'chancery-validator', '1', now(), 'ready', '{}', now())")
        return failed
    assert wait_for(waited, 10, "the gateway's patience ends") == ["LockNotAvailable"]
    held.rollback()


@pytest.mark.parametrize("program", ["gateway", "admin", "validator", "status"])
def test_a_statement_takes_no_more_of_the_disk_than_it_is_given(db, program):
    assert db.value("chancery_" + program, "SHOW temp_file_limit") == "1GB"
    refused(db, program, "SET temp_file_limit = -1")


def test_a_reader_who_does_not_end_delays_nobody(db):
    """An idle transaction of status on all partitions: the signer goes on without the new month, readers behind it too."""
    last = db.value("chancery_owner", "SELECT max(relname) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'certificate\\_2%%'")
    db.sql("postgres", "DROP TABLE chancery." + last)
    idle = db.connect("chancery_status")
    idle.autocommit = False
    idle.cursor().execute("SET idle_in_transaction_session_timeout = 0")
    idle.cursor().execute("SELECT count(*) FROM certificate")
    made = []
    thread = threading.Thread(target=lambda: made.append(db.value("chancery_signer", "SELECT certificate_partitions(1)")))
    thread.start()
    db.sql("chancery_gateway", "SET statement_timeout = '3s'; SELECT count(*) FROM certificate")
    thread.join(3)
    assert made == [0]
    idle.rollback()
    assert db.value("chancery_signer", "SELECT certificate_partitions(1)") == 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_role_cannot_take_all_connections(cluster, db, program):
    limit, most = db.sql("postgres", "SELECT rolconnlimit, current_setting('max_connections')::int FROM pg_roles WHERE rolname = %s", "chancery_" + program)[0]
    assert 0 < limit < most / 2
    assert db.value("postgres", "SELECT sum(rolconnlimit) FROM pg_roles WHERE rolname LIKE 'chancery\\_%%' AND rolconnlimit > 0") < 97
    taken = []
    try:
        with pytest.raises(psycopg2.OperationalError, match="too many connections for role"):
            for _ in range(limit + 1):
                taken.append(cluster.connect(db.name, "chancery_" + program))
        assert db.value("chancery_owner", "SELECT 1") == 1
    finally:
        for conn in taken:
            conn.close()
    wait_for(lambda: attempt(db, program, "SELECT 1") is None, 10, "it may connect again")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_speaks_only_for_itself(db, program):
    for other in PROGRAMS:
        seen = "SELECT node_seen('chancery-%s@evil:1', 'chancery-%s', '1', now(), 'ready', '{}', now())"
        if other == program:
            assert attempt(db, program, seen % (other, other)) is None
        else:
            refused(db, program, seen % (other, other))
            refused(db, program, seen % (other, program))
    assert attempt(db, program, "SELECT node_seen('chancery-%s@evil:1', 'chancery-%s', '1', now(), 'ready', to_jsonb(repeat('x', 100000)), now())" % (
        program, program)) == "ProgramLimitExceeded"


def test_what_a_program_has_heard_of_can_be_read(db):
    assert attempt(db, "gateway", "SELECT node_seen('chancery-gateway@evil:1', 'chancery-gateway', '1', now(), 'ready', "
                                  "'{\"snapshot\": \"garbage\"}', now())") == "InvalidTextRepresentation"


def test_nodes_have_a_number(db):
    db.sql("chancery_status", "SELECT node_seen('chancery-status@ghost:' || n, 'chancery-status', '1', now(), 'ready', '{}', now()) FROM generate_series(1, 400) AS n")
    db.sql("chancery_status", "SELECT node_seen('chancery-status@ghost:0', 'chancery-status', '1', now(), 'ready', '{}', now())")
    assert db.value("chancery_owner", "SELECT count(*) FROM node WHERE program = 'chancery-status'") <= 65


def test_a_writers_marks_are_its_roles_own(db):
    db.sql("chancery_admin", "INSERT INTO writer_mark (writer, batch) VALUES ('admins', 7)")
    assert db.sql("chancery_gateway", "SELECT * FROM writer_mark WHERE writer = 'admins'") == []
    db.sql("chancery_gateway", "UPDATE writer_mark SET batch = 0")
    assert db.value("chancery_admin", "SELECT batch FROM writer_mark WHERE writer = 'admins'") == 7
    refused(db, "gateway", "INSERT INTO writer_mark (writer, batch, role) VALUES ('x', 1, 'chancery_admin')")
    refused(db, "gateway", "DELETE FROM writer_mark")
