"""The issuance queue under load, with several signers, and with connections that break at COMMIT."""

import subprocess

import pytest

from conftest import STORE_TOOL
from pgproxy import Proxy

GATEWAY, SIGNER, OWNER = "chancery_gateway", "chancery_signer", "chancery_owner"

# Whatever happened: results, certificates and audit agree, one of each per request.
CONSISTENT = """
    SELECT (SELECT count(*) FROM issuance_request WHERE state = 'done') = (SELECT count(*) FROM certificate)
    AND NOT EXISTS (SELECT 1 FROM certificate c LEFT JOIN issuance_request r ON r.id = c.request AND r.serial = c.serial WHERE r.id IS NULL)
    AND (SELECT count(DISTINCT serial) = count(*) FROM certificate)
    AND (SELECT count(*) FROM certificate) = (SELECT count(*) FROM audit_event WHERE operation = 'certificate.issue' AND outcome = 'ok')
    AND NOT EXISTS (SELECT 1 FROM certificate c WHERE NOT EXISTS (SELECT 1 FROM audit_event a WHERE a.object = encode(c.serial, 'hex')))
    AND NOT EXISTS (SELECT 1 FROM certificate c WHERE NOT EXISTS (SELECT 1 FROM certificate_name n WHERE n.serial = c.serial))"""


def told(output, word):
    return [line.split(None, 2)[1:] for line in output.splitlines() if line.startswith(word + " ")]


def test_two_signers_share_the_work_and_never_a_request(db):
    db.issuer()
    dev = db.identity("dev")
    signers = [db.start(SIGNER, "signer", 0) for _ in range(2)]
    try:
        load = db.tool(GATEWAY, "load", dev, 32, 40)
    finally:
        for signer in signers:
            signer.kill()
            signer.communicate()
    done = told(load.stdout, "done")
    assert len(done) == 32 * 40 and len({serial for _, serial in done}) == 32 * 40
    recorded = db.sql(OWNER, "SELECT id::text, encode(serial, 'hex') FROM issuance_request")
    assert sorted(recorded) == sorted((i, s) for i, s in done)
    assert db.value(OWNER, CONSISTENT)


def test_refusals_are_results_too(db):
    db.issuer()
    request = db.request(db.identity("dev"))
    db.sql(OWNER, "UPDATE issuance_request SET profile = 'refused'")
    db.tool(SIGNER, "signer", 1)
    assert db.sql(OWNER, "SELECT state, refusal_class, refusal_word, serial FROM issuance_request WHERE id = %s", request) == [
        ("refused", "denied", "name-not-allowed", None)]
    assert db.sql(OWNER, "SELECT operation, outcome, detail->>'word' FROM audit_event") == [
        ("certificate.issue", "refused", "name-not-allowed")]


def test_many_requests_of_an_identity_with_many_grants_are_taken_few_at_a_time(db):
    """All of its grants come with each of them: 64 at once would be more than is read at once, and everybody would wait behind them."""
    db.issuer()
    dev = db.identity("dev")
    db.sql(OWNER, "INSERT INTO name_grant (identity, profile, pattern, created_by) "
                  "SELECT %s, 'device', 'dns:a' || n || repeat('x', 50) || '.' || repeat('y', 50) || '.example.org', 't' FROM generate_series(1, 3000) n", dev)
    for _ in range(64):
        db.request(dev)
    db.request(db.identity("other"))
    db.tool(SIGNER, "signer", 65)
    assert db.sql(OWNER, "SELECT state, count(*) FROM issuance_request GROUP BY 1") == [("done", 65)]


def through(db, proxy, role, *args):
    return subprocess.run([STORE_TOOL, proxy.folder, db.name, role, *[str(a) for a in args]], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.fixture
def proxy(request, db, tmp_path):
    statement, moment = request.param
    made = Proxy(str(tmp_path), db.cluster.socket, statement, moment)
    yield made
    made.close()


def cut_at(statement):
    return pytest.mark.parametrize("proxy", [(statement, m) for m in ("before", "after", "answer")], indirect=True,
                                   ids=["before", "after", "answer"])


@cut_at("transaction_commit")
def test_writer_finds_out_what_became_of_a_commit_without_answer(db, proxy):
    db.issuer()
    dev = db.identity("dev")
    signer = db.start(SIGNER, "signer", 0)
    try:
        load = through(db, proxy, GATEWAY, "load", dev, 1, 3)
    finally:
        signer.kill()
        signer.communicate()
    assert proxy.cuts >= 1
    added, unavailable = told(load.stdout, "added"), told(load.stdout, "unavailable")
    ids = [r for r, in db.sql(OWNER, "SELECT request_id FROM issuance_request")]
    assert len(added) == 3 and len(ids) == len(set(ids))
    assert {request for _, request in added} <= set(ids)
    # Only where the statements' own answers were lost is the caller told to try again, and then nothing ran twice.
    assert len(unavailable) == (1 if proxy.moment == "after" else 0)
    assert len(ids) == 3 + len(unavailable)


@cut_at("transaction_commit")
def test_signer_records_the_same_certificates_whatever_became_of_its_commit(db, proxy):
    db.issuer()
    dev = db.identity("dev")
    ids = [db.request(dev) for _ in range(5)]
    done = through(db, proxy, SIGNER, "signer", 5)
    assert done.returncode == 0, done.stderr
    assert proxy.cuts >= 2 if proxy.moment == "before" else proxy.cuts >= 1
    assert "5 answered in 1 batches" in done.stderr
    assert db.value(OWNER, "SELECT count(*) FROM issuance_request WHERE state = 'done' AND id = ANY (%s)", ids) == 5
    assert db.value(OWNER, CONSISTENT)


def test_one_bad_item_does_not_harm_the_others(db):
    db.issuer()
    dev = db.identity("dev")
    # Every tenth insert fails inside the database, as a full disk or a broken constraint would.
    db.sql(OWNER, "CREATE FUNCTION every_tenth() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id %% 10 = 0 THEN "
                  "RAISE EXCEPTION 'bad item %%', NEW.id USING ERRCODE = 'internal_error'; END IF; RETURN NEW; END $$")
    db.sql(OWNER, "CREATE TRIGGER every_tenth BEFORE INSERT ON issuance_request FOR EACH ROW EXECUTE FUNCTION every_tenth()")
    signer = db.start(SIGNER, "signer", 0)
    try:
        load = db.tool(GATEWAY, "load", dev, 16, 20)
    finally:
        signer.kill()
        signer.communicate()
    failed, done = told(load.stdout, "failed"), told(load.stdout, "done")
    assert failed and all("bad item" in reason for _, reason in failed)
    assert len(done) + len(failed) == 16 * 20
    assert db.value(OWNER, "SELECT count(*) FROM issuance_request") == len(done)


def test_certificate_that_cannot_be_recorded_is_refused_and_the_others_are_issued(db):
    db.issuer()
    dev = db.identity("dev")
    ids = [db.request(dev) for _ in range(10)]
    db.sql(OWNER, "CREATE FUNCTION bad_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.request = %d THEN "
                  "RAISE EXCEPTION 'bad certificate' USING ERRCODE = 'internal_error'; END IF; RETURN NEW; END $$" % ids[4])
    db.sql(OWNER, "CREATE TRIGGER bad_one BEFORE INSERT ON certificate FOR EACH ROW EXECUTE FUNCTION bad_one()")
    db.tool(SIGNER, "signer", 10)
    assert db.sql(OWNER, "SELECT id, refusal_class FROM issuance_request WHERE state = 'refused'") == [(ids[4], "internal")]
    assert db.value(OWNER, "SELECT count(*) FROM certificate") == 9


def test_item_whose_refusal_cannot_be_recorded_either_is_told_and_the_others_are_issued(db):
    db.issuer()
    dev = db.identity("dev")
    poisoned, good = db.request(dev), db.request(dev)
    db.sql(OWNER, "UPDATE issuance_request SET request_id = 'poison' WHERE id = %s", poisoned)
    db.sql(OWNER, "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$")
    db.sql(OWNER, "CREATE TRIGGER poison BEFORE INSERT ON audit_event FOR EACH ROW WHEN (NEW.request_id = 'poison') "
                  "EXECUTE FUNCTION poison()")
    done = db.tool(SIGNER, "signer", 2, check=False)
    assert done.returncode == 1 and "poisoned" in done.stderr
    assert db.sql(OWNER, "SELECT id, state FROM issuance_request ORDER BY id") == [(poisoned, "pending"), (good, "done")]
    db.sql(OWNER, "DROP TRIGGER poison ON audit_event")
    db.tool(SIGNER, "signer", 1)
    assert db.value(OWNER, "SELECT state FROM issuance_request WHERE id = %s", poisoned) == "done"
    assert db.value(OWNER, CONSISTENT)
