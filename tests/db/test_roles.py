"""Each role does what it may and is refused what it may not: the database enforces the split, whatever a program does."""

import psycopg2
import pytest

ROLES = {"owner": "chancery_owner", "gateway": "chancery_gateway", "admin": "chancery_admin", "signer": "chancery_signer",
         "validator": "chancery_validator", "status": "chancery_status"}

CERTIFICATE = ("INSERT INTO certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der) "
               "VALUES (1, sha256('x')::bytea, now(), now(), 1, 1, 'p', '\\x00', '\\x00')").replace(
                   "sha256('x')::bytea", "uuid_send(gen_random_uuid())")
REQUEST = "INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki) VALUES ('est', 'r', 1, 'p', '{}', '\\x00')"
CRL = "INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest) VALUES (1, 0, 1, now(), now(), 0, 0, '')"

# statement, roles that may; every other role of the programs is refused.
STATEMENTS = [
    # certificates, CRLs: only the signer writes
    (CERTIFICATE, set()),
    ("INSERT INTO certificate_name VALUES ('dns:x', uuid_send(gen_random_uuid()), now())", set()),
    (CRL, {"signer"}),
    ("DELETE FROM crl WHERE number < 0", {"signer"}),
    ("INSERT INTO crl_part VALUES (1, 1, 0, '\\x00')", {"signer"}),
    ("DELETE FROM crl_part WHERE number < 0", {"signer"}),
    ("UPDATE crl_part SET octets = '\\x00'", set()),
    ("SELECT * FROM crl_part", {"signer", "status"}),
    ("SELECT crl_cut(1::smallint, 1, '\\x00')", set()),
    ("SELECT * FROM certificate", {"gateway", "admin", "signer", "status"}),
    ("SELECT * FROM crl", {"admin", "signer", "status"}),
    ("SELECT * FROM crl_dirty", {"admin", "signer", "status"}),
    # nobody writes revocations but the functions
    ("INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor) VALUES ('\\x00', 1, 0, now(), now(), 'x')", set()),
    ("DELETE FROM revocation", set()),
    ("UPDATE revocation SET reason = 0", set()),
    ("SELECT * FROM revocation", {"gateway", "admin", "signer", "status"}),
    ("SELECT certificate_revoke('\\x00', 1::smallint, 'x', 'r')", {"admin"}),
    ("SELECT acme_revoke('\\x00', 1::smallint, 'a', 'x', 'r')", {"gateway"}),
    ("SELECT crl_mark(1::smallint)", {"admin"}),
    ("INSERT INTO crl_dirty (issuer, crl_shard) VALUES (1, 0)", set()),
    ("SELECT * FROM crl_turn FOR UPDATE", {"signer"}),
    ("UPDATE crl_turn SET until = now()", {"signer"}),
    ("UPDATE crl_turn SET issuer = 2", set()),
    ("SELECT identity_set_state('nobody', 'blocked', 'x', 'r')", {"admin"}),
    ("SELECT identity_offboard('nobody', 1::smallint, 'x', 'r')", {"admin"}),
    ("SELECT certificates_record('{1}', '{0}', '{1}', '{1}', '{00}', '{now}', '{now}', '{00}', '{00}', '{x}')", {"signer"}),
    ("SELECT * FROM request_authority", {"signer"}),
    ("SELECT certificate_revoke_line('\\x00', 1::smallint, 'x', 'r')", {"admin"}),
    ("SELECT key_block('{}', 'x', 'r')", set()),
    ("INSERT INTO blocked_key (spki_hash, serial, actor) VALUES (sha256('k'), '\\x00', 'x')", set()),
    ("DELETE FROM blocked_key", set()),
    ("SELECT * FROM blocked_key", {"gateway", "admin"}),
    ("SELECT acme_account_move('a', 'valid', 'deactivated')", {"gateway"}),
    ("SELECT acme_account_set_key('a', '\\x00', '\\x00', '{}')", {"gateway"}),
    ("UPDATE acme_account SET thumbprint = sha256('mine')", set()),
    ("SELECT acme_authorization_deactivate('z')", {"gateway"}),
    ("SELECT crl_import(1::smallint, 1, now(), now(), 0, '\\x00', 'x')", set()),
    ("SELECT issuer_move('nobody', 'retired', 'x', 'r')", {"admin"}),
    # what waits for a second operator
    ("SELECT proposal_add('identity.add', 'x', '{}', '{}', 1, 'x', 'r')", {"admin"}),
    ("SELECT proposal_approve(1, 'x', 'r')", {"admin"}),
    ("SELECT proposal_reject(1, 'no', 'x', 'r')", {"admin"}),
    ("SELECT proposal_do('identity.unblock', '{}', 'x', 'r')", set()),
    ("SELECT operators_able('{administrator}', '{}')", {"admin"}),
    ("SELECT * FROM proposal", {"admin"}),
    ("UPDATE proposal SET state = 'done'", set()),
    ("UPDATE proposal SET proposer = 'x'", set()),
    ("INSERT INTO proposal (operation, object, arguments, roles, proposer, expires_at) VALUES ('x', 'x', '{}', '{}', 'x', now())", set()),
    ("DELETE FROM proposal", set()),
    ("SELECT certificate_partitions(14)", {"signer"}),
    # the queue: front ends insert pending rows, the signer answers
    (REQUEST, {"gateway"}),
    (REQUEST.replace("'est'", "'acme'"), {"gateway"}),
    (REQUEST.replace("'est'", "'admin'"), {"admin"}),
    (REQUEST.replace("'est'", "'internal'"), set()),
    (REQUEST.replace("(protocol,", "(proof, protocol,").replace("('est',", "('local', 'est',"), set()),
    (REQUEST.replace("(protocol,", "(role, protocol,").replace("('est',", "('chancery_owner', 'est',"), set()),
    (REQUEST.replace("(protocol,", "(state, protocol,").replace("('est',", "('done', 'est',"), set()),
    (REQUEST.replace("(protocol,", "(serial, protocol,").replace("('est',", "('\\x00', 'est',"), set()),
    (REQUEST.replace("(protocol,", "(issuer, protocol,").replace("('est',", "('i', 'internal',"), set()),
    ("UPDATE issuance_request SET state = 'refused'", {"signer"}),
    ("UPDATE issuance_request SET issuer = 'i'", set()),
    ("UPDATE issuance_request SET identity = 1", set()),
    ("UPDATE issuance_request SET names = '{}'", set()),
    ("UPDATE issuance_request SET spki = '\\x00'", set()),
    ("DELETE FROM issuance_request", set()),
    ("SELECT own_request('p', '{}', 'i', '\\x00', 'r')", {"gateway", "admin", "status"}),
    ("UPDATE issuance_request SET requester = 1", set()),
    ("UPDATE issuance_request SET proof = 'local'", set()),
    ("UPDATE issuance_request SET hold = 'approval', state = 'held'", {"signer"}),
    ("SELECT request_approvals(1, 1)", {"admin", "signer"}),
    ("SELECT request_approve(0, 1, 'x', 'r')", {"admin"}),
    ("SELECT request_reject(0, 'x', 'x', 'r')", {"admin"}),
    ("INSERT INTO request_approval (request, operator) VALUES (1, 1)", set()),
    ("SELECT * FROM request_approval", set()),
    ("DELETE FROM request_approval", set()),
    # identities and grants
    ("INSERT INTO identity (name, kind) VALUES ('new' || random(), 'device')", set()),
    ("SELECT identity_add('new' || random(), 'device', '', '{}', '{}', 'x', 'r')", {"admin"}),
    ("INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (1, 'p', 'dns:x', 'x')", set()),
    ("UPDATE identity SET state = 'active'", set()),
    ("UPDATE identity SET kind = 'operator'", set()),
    ("DELETE FROM identity", set()),
    ("DELETE FROM name_grant", set()),
    ("SELECT grant_add(0, 'p', 'dns:x', 'x', 'r')", {"admin"}),
    ("SELECT grant_remove(0, 'p', 'dns:x', 'x', 'r')", {"admin"}),
    ("UPDATE name_grant SET pattern = 'dns:*'", set()),
    ("SELECT * FROM name_grant", {"gateway", "admin"}),
    ("INSERT INTO issuer (name, kind, der, subject, key_id, spki_hash, not_after) VALUES "
     "('evil', 'issuing', '\\x00', '\\x00', '\\x00', sha256('evil'), now())", set()),
    ("UPDATE issuer SET state = 'active'", set()),
    ("SELECT * FROM issuer", {"gateway", "admin", "signer", "status"}),
    # challenges: only the validator decides
    ("UPDATE acme_challenge SET status = 'valid', validated_at = now()", {"validator"}),
    ("UPDATE acme_challenge SET thumbprint = '\\x00'", set()),
    ("INSERT INTO acme_challenge (id, \"authorization\", type, token, status) VALUES ('c', 'z', 'http-01', 't', 'valid')", set()),
    ("INSERT INTO acme_challenge (id, \"authorization\", type, token) VALUES ('c' || random(), 'z', 'http-01', 't')", {"gateway"}),
    ("SELECT challenge_answer('nothing', '\\x00')", {"gateway"}),
    ("DELETE FROM acme_challenge", set()),
    ("UPDATE acme_account SET identity = 1", set()),
    ("UPDATE acme_account SET status = 'deactivated'", set()),
    ("UPDATE acme_order SET granted = true", set()),
    ("UPDATE acme_order SET identifiers = '{dns:evil}'", set()),
    ("UPDATE acme_order SET request = NULL", {"gateway"}),
    ("UPDATE acme_authorization SET expires = now()", set()),
    ("UPDATE acme_authorization SET deactivated_at = now()", set()),
    ("SELECT * FROM acme_nonce_key", {"gateway"}),
    ("DELETE FROM acme_nonce_used", set()),
    ("SELECT acme_nonce_sweep()", {"gateway"}),
    # audit: append, and only the admin program reads
    ("INSERT INTO audit_event (actor, operation, outcome) VALUES ('x', 'y', 'ok')", set()),
    ("INSERT INTO audit_event (id, actor, operation, outcome) OVERRIDING SYSTEM VALUE VALUES (9, 'x', 'y', 'ok')", set()),
    ("INSERT INTO audit_event (at, actor, operation, outcome) VALUES ('2020-01-01', 'x', 'y', 'ok')", set()),
    ("SELECT nextval('audit_event_id_seq')", set()),
    ("SELECT audit_add('x', 'identity.block', 'y', 'ok', 'r', NULL)", {"admin"}),
    ("SELECT audit_add('x', 'acme.account.add', 'y', 'ok', 'r', NULL)", {"gateway", "admin"}),
    ("SELECT audit_add('x', 'certificate.issue', 'y', 'ok', 'r', NULL)", {"admin", "signer"}),
    ("SELECT audit_add('x', 'acme.challenge.validate', 'y', 'ok', 'r', NULL)", {"admin", "validator"}),
    ("SELECT * FROM audit_event", {"admin"}),
    # nodes only through their function
    ("SELECT node_seen('n', 'p', 'v', now(), 'ready', '{}', now())", set()),
    ("INSERT INTO node (id, program, version, started_at, state) VALUES ('n', 'p', 'v', now(), 'ready')", set()),
    ("DELETE FROM node", set()),
    ("UPDATE writer_mark SET batch = 0", {"gateway", "admin"}),
    ("DELETE FROM writer_mark", set()),
    # structure
    ("SELECT * FROM schema_version", {"gateway", "admin", "signer", "validator", "status"}),
    ("UPDATE schema_version SET version = 99", set()),
    ("CREATE TABLE mine ()", set()),
    ("CREATE FUNCTION chancery.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'", set()),
    ("ALTER TABLE certificate DISABLE TRIGGER ALL", set()),
    ("DROP TABLE audit_event", set()),
    ("SET ROLE chancery_owner", set()),
    ("TRUNCATE certificate", set()),
]


@pytest.fixture(scope="module")
def module_db(cluster):
    from conftest import fresh
    database = fresh(cluster)
    database.identity("someone")
    database.issuer()
    database.sql("chancery_owner", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES ('a', 1, sha256('k'), '{}')")
    database.sql("chancery_owner", "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES ('z', 'a', 'dns:x', now())")
    yield database
    database.close()


def attempt(db, role, statement):
    """True when the database let it through; False when it refused for want of rights. Nothing stays."""
    conn = db.connect(ROLES[role])
    conn.autocommit = False
    try:
        conn.cursor().execute(statement)
        return True
    except psycopg2.errors.InsufficientPrivilege:
        return False
    finally:
        conn.rollback()
        conn.close()


@pytest.mark.parametrize("role", ["gateway", "admin", "signer", "validator", "status"])
@pytest.mark.parametrize("statement,may", STATEMENTS, ids=[s[0][:60] for s in STATEMENTS])
def test_role_may_or_is_refused(module_db, statement, may, role):
    assert attempt(module_db, role, statement) == (role in may)


HISTORY = [
    "UPDATE audit_event SET actor = 'x'",
    "DELETE FROM audit_event",
    "TRUNCATE audit_event",
    "UPDATE certificate SET profile = 'x'",
    "DELETE FROM certificate",
    "TRUNCATE certificate",
]


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("statement", HISTORY)
def test_history_is_changed_by_nobody_not_even_the_owner(module_db, statement, role):
    assert not attempt(module_db, role, statement)


@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET profile = 'x'"])
def test_owner_cannot_change_certificates_through_their_partition(module_db, change):
    serial = module_db.certificate(1)
    partition = module_db.value("chancery_owner", "SELECT tableoid::regclass::text FROM certificate WHERE serial = %s", serial)
    assert partition.startswith("certificate_2")
    assert not attempt(module_db, "owner", change.format(partition))
    assert module_db.value("chancery_owner", "SELECT count(*) FROM certificate WHERE serial = %s", serial) == 1


def test_public_has_nothing(module_db):
    module_db.sql("postgres", "DROP ROLE IF EXISTS passer_by")
    module_db.sql("postgres", "CREATE ROLE passer_by LOGIN")
    conn = module_db.connect("passer_by")
    for statement in ("SELECT * FROM chancery.certificate", "SELECT chancery.certificate_partitions(1)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            conn.cursor().execute(statement)
