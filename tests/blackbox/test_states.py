"""States of the world, each made real, and what status, /ready, metrics and exit codes say of them; and that what is said is true."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from admin import load_cert  # noqa: E402
from httpclient import Client  # noqa: E402
from built import BUILD  # noqa: E402
from instance import Instance, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

TWO = [{"name": "issuing-1", "key": "issuing-1"}, {"name": "issuing-2", "key": "issuing-2"}]
SECOND = {"name": "second", "issuer": "issuing-2", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"], "lifetime": "1h",
          "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}


def status(ca):
    done = ca.admin("status", check=False)
    return done.returncode, json.loads(done.stdout)


def wait_told(ca, *words, seconds=20):
    """Until status ends with 5 and one problem has all these words."""
    def told():
        code, answer = status(ca)
        return code == 5 and any(all(w in p for w in words) for p in answer["problems"])
    wait_for(told, seconds, "status tells of %s; it says %s" % (words, status(ca)[1]["problems"]))


def ready(ca):
    with ca.public() as c:
        answer = c.request("GET", "/ready")
        return answer.status, answer.body.decode()


def metric(ca, name):
    """The value of this line of the status program's metrics, or None."""
    with Client("127.0.0.1", ca.metrics_port) as c:
        lines = c.request("GET", "/metrics").body.decode().splitlines()
    return next((int(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), None)


def issuer_state(ca, name):
    return [state for state in ("active", "retired", "revoked") if metric(ca, 'chancery_issuer_state{issuer="%s",state="%s"}' % (name, state))]


def configure(ca, issuers):
    """The status program first: all wait until it is ready."""
    ca.changes["issuers"] = issuers
    ca.write_config()
    for name in ("chancery-status", "chancery-signer", "chancery-gateway", "chancery-admin"):
        ca.restart(name)


def serial_of(cert):
    return "%032x" % cert.serial_number


def issue(ca, name, profile="device"):
    ca.add_identity(name, "device", ["%s=dns:%s.example.org" % (profile, name)])
    return ca.issue(name, profile, ["dns:%s.example.org" % name])


def revoke(ca, cert):
    """What `cert revoke` tells a person."""
    return ca.run([program("ca-admin"), "cert", "revoke", serial_of(cert), "--reason", "superseded", "--config",
                   os.path.join(ca.operator_directory, "admin.yaml")]).stdout


def ocsp(ca, cert, issuer):
    path = ca.path("asked.pem")
    with open(path, "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    done = subprocess.run(["openssl", "ocsp", "-issuer", issuer, "-cert", path, "-url", "http://127.0.0.1:%d/ocsp" % ca.public_port,
                           "-no_nonce", "-CAfile", ca.trust], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def crl_serials(ca, name):
    with ca.public() as c:
        answer = c.request("GET", "/crl/%s.crl" % name)
    return [r.serial_number for r in x509.load_der_x509_crl(answer.body)]


def lets_in(ca, pair):
    try:
        with ca.client(*pair) as c:
            return c.request("GET", "/.well-known/est/cacerts").status == 200
    except OSError:
        return False


def revoke_issuer(ca, name):
    """The root's next CRL, with this issuing CA."""
    serial = serial_of(load_cert(ca.path("ceremony", name + ".pem")))
    ca.ceremony("crl", "crl2", {
        "ceremony": "revoke", "token": ca.token("root"), "key": {"label": "root-1"}, "issuer_certificate": "root.pem",
        "crl": {"previous": "root.crl", "file": "root-2.crl", "days": 180,
                "revoked": [{"serial": serial, "date": "2026-01-01T12:00:00Z", "reason": "cACompromise"}]},
        "evidence": "root-2.evidence.json"})
    return ca.path("ceremony/root-2.crl")


@pytest.fixture(scope="module")
def two():
    class Both(Instance):
        def make_keys(self):
            super().make_keys()
            self.make_issuer(2)

        def import_issuer(self, name="issuing-1"):
            super().import_issuer("issuing-1")
            super().import_issuer("issuing-2")
    with Both(config={"issuers": TWO}, profiles=[SECOND]) as instance:
        yield instance


def test_a_retired_issuer_certifies_nobody_and_goes_on_with_crl_and_ocsp(two):
    pair, other = issue(two, "of-the-second", "second"), issue(two, "another", "second")
    cert, of = load_cert(pair[1]), two.path("ceremony/issuing-2.pem")
    assert "retire issuer" in two.admin("issuer", "retire", "issuing-2", "--dry-run")["plan"]
    assert two.sql("SELECT state FROM chancery.issuer WHERE name = 'issuing-2'") == [("active",)]
    assert two.admin("issuer", "retire", "issuing-2") == {"name": "issuing-2", "state": "retired", "changed": True}
    assert not two.admin("issuer", "retire", "issuing-2")["changed"]
    wait_for(lambda: issuer_state(two, "issuing-2") == ["retired"], 10, "the metrics say it")
    assert issuer_state(two, "issuing-1") == issuer_state(two, "root") == ["active"]
    wait_told(two, '"issuing-2"', "issuer activate")
    configure(two, TWO[:1])
    wait_for(lambda: "good" in ocsp(two, cert, of), 20, "a new responder of the retired issuer")
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well")
    assert lets_in(two, pair)
    with pytest.raises(AssertionError, match="issuing-2"):
        issue(two, "late", "second")
    assert "the CRL follows" in revoke(two, cert)
    assert "revoked" in ocsp(two, cert, of)
    wait_for(lambda: cert.serial_number in crl_serials(two, "issuing-2"), 20, "the CRL has it")
    assert not lets_in(two, pair) and lets_in(two, other)


def test_what_cannot_be_published_is_told(two):
    """The key of the retired issuer is not in the signer's token."""
    cert = load_cert(issue(two, "of-the-first")[1])
    two.sql("UPDATE chancery.issuer SET key_label = 'nowhere' WHERE name = 'issuing-2'")
    two.restart("chancery-signer")
    wait_told(two, '"issuing-2"', "no running signer has its key")
    serial, = two.sql("SELECT encode(serial, 'hex') FROM chancery.certificate c JOIN chancery.issuer i ON i.id = c.issuer "
                      "WHERE i.name = 'issuing-2' AND c.profile = 'second' AND NOT EXISTS "
                      "(SELECT 1 FROM chancery.revocation r WHERE r.serial = c.serial)")[0]
    text = two.run([program("ca-admin"), "cert", "revoke", serial, "--config", os.path.join(two.operator_directory, "admin.yaml")]).stdout
    assert "the CRL follows" not in text and "no running signer has its key" in text, text
    assert "the CRL follows" in revoke(two, cert)
    two.sql("UPDATE chancery.issuer SET key_label = 'issuing-2' WHERE name = 'issuing-2'")
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well again")
    wait_for(lambda: int(serial, 16) in crl_serials(two, "issuing-2"), 20, "the CRL has it")


def test_an_active_issuer_again(two):
    two.admin("issuer", "activate", "issuing-2")
    configure(two, TWO)
    assert load_cert(issue(two, "back", "second")[1]).issuer == load_cert(two.path("ceremony/issuing-2.pem")).subject
    assert two.admin("issuer", "retire", "nobody", check=False).returncode == 3
    assert two.admin("issuer", "retire", "root", check=False).returncode == 3


def test_a_revoked_issuer_signs_nothing_and_its_clients_do_not_get_in(two):
    pair, other = issue(two, "caught", "second"), issue(two, "untouched")
    crl = revoke_issuer(two, "issuing-2")
    said = two.local("issuer", "import", "--root-crl", crl, "--dry-run").stdout
    assert 'would import' in said and 'revokes issuing CA "issuing-2"' in said
    assert lets_in(two, pair)
    assert 'revokes issuing CA "issuing-2"' in two.local("issuer", "import", "--root-crl", crl).stdout
    wait_for(lambda: not lets_in(two, pair), 5, "its clients are refused")
    assert lets_in(two, other)
    wait_told(two, '"issuing-2"', "revoked on its root's CRL")
    wait_for(lambda: ready(two)[0] == 503 and "issuing-2" in ready(two)[1], 10, "the status program says it, too")
    wait_for(lambda: issuer_state(two, "issuing-2") == ["revoked"], 10, "the metrics say it")
    number = two.sql("SELECT max(number) FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer WHERE i.name = 'issuing-2'")
    two.admin("crl", "publish")
    with pytest.raises(AssertionError, match="issuing-2"):
        issue(two, "too-late", "second")
    assert number == two.sql(
        "SELECT max(number) FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer WHERE i.name = 'issuing-2'")
    done = two.admin("issuer", "activate", "issuing-2", check=False)
    assert done.returncode == 4 and "for good" in done.stderr
    with two.client(*other) as c:
        assert c.request("GET", "/.well-known/est/cacerts").status == 200


def test_with_its_successor_in_place_all_is_well(two):
    configure(two, TWO[:1])
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well; %s" % status(two)[1]["problems"])
    assert load_cert(issue(two, "afterwards")[1]).issuer == load_cert(two.issuing).subject


@pytest.fixture(scope="module")
def one():
    with Instance(signers=2) as instance:
        yield instance


def well(ca):
    wait_for(lambda: status(ca)[1]["healthy"], 60, "all is well; %s" % status(ca)[1]["problems"])
    assert status(ca)[0] == 0 and ready(ca)[0] == 200


def test_one_of_two_signers_dead_is_told(one):
    well(one)
    one.running.pop("chancery-signer-2").stop(signal.SIGKILL)
    wait_told(one, "only 1 of 2 chancery-signer live", seconds=10)
    one.spawn("chancery-signer", 2)
    well(one)
    assert one.stop_program("chancery-signer-2") == 0
    wait_told(one, "only 1 of 2 chancery-signer live", seconds=10)
    one.spawn("chancery-signer", 2)
    well(one)


def test_profiles_that_were_not_taken_are_told(one):
    path = one.path("profiles.yaml")
    with open(path) as f:
        good = f.read()
    programs = ["chancery-gateway", "chancery-admin", "chancery-signer"]

    def reload(text):
        with open(path, "w") as f:
            f.write(text)
        for name in programs:
            one.running[name].process.send_signal(signal.SIGHUP)
    reload("profiles: nonsense\n")
    for name in programs:
        wait_told(one, name, "profiles were not taken")
    reload(good)
    well(one)


@pytest.mark.parametrize("change, words", [
    ("UPDATE chancery.crl SET this_update = now() - interval '100 days', next_update = now() + interval '90 days' "
     "WHERE issuer = (SELECT id FROM chancery.issuer WHERE name = 'root')", ['"root"', "ends in 21", "ca-ceremony crl"]),
    ("UPDATE chancery.crl SET next_update = now() WHERE issuer = (SELECT id FROM chancery.issuer WHERE name = 'root')",
     ['"root"', "has ended"]),
    ("UPDATE chancery.issuer SET not_after = now() + interval '10 days' WHERE name = 'issuing-1'", ['"issuing-1"', "expires within 30 days"]),
    ("UPDATE chancery.issuer SET not_after = now() - interval '1 day' WHERE name = 'root'", ['"root"', "has expired"]),
])
def test_what_ends_soon_or_has_ended_is_told(one, change, words):
    before = one.sql("SELECT c.issuer, c.number, c.this_update, c.next_update, i.not_after FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer")
    well(one)
    one.sql(change)
    wait_told(one, *words)
    for issuer, number, this, following, end in before:
        one.sql("UPDATE chancery.crl SET this_update = %s, next_update = %s WHERE issuer = %s AND number = %s", this, following, issuer,
                number)
        one.sql("UPDATE chancery.issuer SET not_after = %s WHERE id = %s", end, issuer)
    well(one)


def test_a_crl_of_the_future_is_told_and_replaced(one):
    for key in ("chancery-signer", "chancery-signer-2"):
        one.stop_program(key)
    one.sql("UPDATE chancery.crl SET this_update = now() + interval '2 days', next_update = now() + interval '3 days' "
            "WHERE issuer = (SELECT id FROM chancery.issuer WHERE name = 'issuing-1')")
    wait_told(one, '"issuing-1"', "CRL of the future")
    for number in (1, 2):
        one.spawn("chancery-signer", number)
    well(one)


def spawn_ahead(ca, monkeypatch, name, seconds):
    with monkeypatch.context() as m:
        m.setenv("LD_PRELOAD", os.path.join(BUILD, "tests/blackbox/clock_ahead.so"))
        m.setenv("ASAN_OPTIONS", "verify_asan_link_order=0")
        m.setenv("CLOCK_AHEAD", str(seconds))
        ca.spawn(name)


def newest_crl(ca):
    return ca.sql("SELECT number, this_update < now() FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer "
                  "WHERE i.kind = 'issuing' ORDER BY number DESC LIMIT 1")[0]


def test_a_signer_ahead_is_told_and_makes_no_crl_of_the_future(one, monkeypatch):
    for key in ("chancery-signer", "chancery-signer-2"):
        one.stop_program(key)
    before = newest_crl(one)
    spawn_ahead(one, monkeypatch, "chancery-signer", 2 * 86400 + 55)  # told in whole seconds, perhaps one less
    wait_told(one, "chancery-signer@", "its clock is 17285")
    one.admin("crl", "publish")
    issue(one, "meanwhile")
    assert newest_crl(one) == before and before[1]
    one.stop_program("chancery-signer")
    for number in (1, 2):
        one.spawn("chancery-signer", number)
    wait_for(lambda: newest_crl(one)[0] > before[0], 20, "the CRL that was asked for")
    assert newest_crl(one)[1]
    well(one)


def test_a_status_program_with_a_wrong_clock_is_not_ready(one, monkeypatch):
    assert ready(one) == (200, "ready\n") and abs(metric(one, "chancery_clock_ahead_seconds")) <= 5
    one.stop_program("chancery-status")
    spawn_ahead(one, monkeypatch, "chancery-status", 60)

    def says():
        try:
            return ready(one)
        except OSError:
            return None, ""
    wait_for(lambda: says()[0] == 503 and "clock is" in says()[1] and "ahead of the database's" in says()[1], 20, "/ready says it")
    assert metric(one, "chancery_clock_ahead_seconds") in range(55, 65)
    wait_told(one, "chancery-status@", "its clock is")
    one.stop_program("chancery-status")
    one.spawn("chancery-status")
    one.wait_ready()
    well(one)


def test_what_postgresql_remarks_is_an_event_of_the_log(one):
    conn = one.pg.connect("chancery", one.pg.superuser)
    with conn.cursor() as cur:
        cur.execute("CREATE FUNCTION public.remark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'remark one\ntwo'; RETURN NEW; END $$;"
                    "CREATE TRIGGER remark BEFORE UPDATE ON chancery.node FOR EACH ROW EXECUTE FUNCTION public.remark()")
        for key in one.running:
            one.wait_logged(key, 'event=database.notice reason="WARNING:  remark one"')
        cur.execute("DROP TRIGGER remark ON chancery.node; DROP FUNCTION public.remark()")
    conn.close()
    for key in one.running:
        assert not [line for line in one.log_lines(key) if "remark" in line and not line.startswith("time=")], key


def own_requests(ca):
    return ca.sql("SELECT count(*) FROM chancery.issuance_request r JOIN chancery.identity i ON i.id = r.identity WHERE i.name = 'gateway'")[0][0]


def test_a_gateway_ahead_does_not_ask_for_a_certificate_each_second(one, monkeypatch):
    one.stop_program("chancery-gateway")
    before = own_requests(one)
    spawn_ahead(one, monkeypatch, "chancery-gateway", 60 * 86400)
    one.wait_logged("chancery-gateway", "set the clocks")
    began = time.monotonic()
    wait_for(lambda: own_requests(one) > before + 1 or time.monotonic() > began + 5, 10, "five seconds")
    assert own_requests(one) == before + 1
    one.stop_program("chancery-gateway")
    one.spawn("chancery-gateway")
    one.wait_ready()
    well(one)


def test_a_gateway_keeps_its_certificate_when_the_new_one_is_of_the_future(one, monkeypatch):
    for key in ("chancery-signer", "chancery-signer-2"):
        one.stop_program(key)
    spawn_ahead(one, monkeypatch, "chancery-signer", 2 * 86400)
    one.running["chancery-gateway"].process.send_signal(signal.SIGHUP)
    one.wait_logged("chancery-gateway", "set the clocks")
    assert one.answers("chancery-gateway")
    one.stop_program("chancery-signer")
    for number in (1, 2):
        one.spawn("chancery-signer", number)
    well(one)
