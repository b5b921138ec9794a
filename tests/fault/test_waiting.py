"""What waits while the signer is dead or held: ACME orders, EST requests, and leavers who must not slip through; and challenges
whose validator or database dies before the outcome is recorded."""

import base64
import http.server
import os
import signal
import threading

import pytest
from cryptography import x509

from acme_client import AcmeClient, new_csr
from audit import audit, served
from dnsserver import DnsServer
from load import DER, Ack, EstWorker, Ledger
from instance import make_csr, new_key
from pgcluster import wait_for
from site_under_fault import Site

SIGNER = "chancery_signer"


@pytest.fixture(scope="module")
def site():
    dns = DnsServer({"proof-%d.example.net" % n: ["127.0.0.1"] for n in range(4)})
    with Site(config={"validator": {"resolver": ["127.0.0.1:%d" % dns.port], "timeout": "2s"}}) as s:
        yield s
    dns.close()


def freeze_signers(site):
    """Stopped by the launcher's own means they would come back; frozen they hold no claim and take none."""
    pids = wait_for(lambda: len(site.pids("chancery-signer")) == site.signers and site.pids("chancery-signer"), 20, "all signers")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids


def test_orders_and_enrollments_wait_for_a_signer_and_finish(site):
    acme = AcmeClient(site, *site.workload("wait-web"))
    acme.register()
    ledger = Ledger()
    device = EstWorker(site, ledger, "wait-device", *site.device("wait-device"))
    pids = freeze_signers(site)
    keys, orders = [], []
    for _ in range(2):
        order = acme.new_order(["dns:wait-web.example.org"])
        csr, key = new_csr(["dns:wait-web.example.org"])
        finalized = acme.ok(order["finalize"], {"csr": csr})
        assert acme.order_of(finalized)["status"] == "processing"
        assert finalized.header("Retry-After").isdigit()
        keys.append(key)
        orders.append(order["url"])
    key = new_key()
    body = base64.encodebytes(make_csr(key, "wait-device").public_bytes(DER))
    for _ in range(2):
        answer = device.ask("POST", "/.well-known/est/simpleenroll", body, "application/pkcs10")
        assert answer.status == 202 and answer.header("Retry-After").isdigit()
    assert site.sql("SELECT count(*) FROM issuance_request WHERE state = 'pending' AND protocol IN ('est', 'acme')")[0][0] == 3, \
        "the repeated enrollment is the same request"
    site.kill(pids)
    ledger.acknowledge(key, device.enroll(body), "wait-device")
    for url, key in zip(orders, keys):
        order = dict(acme.wait(url, ("valid", "invalid")), url=url)
        assert order["status"] == "valid", order
        ledger.acknowledge(key, x509.load_pem_x509_certificate(acme.certificate(order)), "wait-web")
    device.hang_up()
    acme.close()
    audit(site, ledger.acks)


def test_same_key_gets_the_same_certificate_after_a_lost_answer(site):
    """The gateway dies with the result in its hands; the device repeats itself at the next gateway."""
    device = EstWorker(site, Ledger(), "lost-device", *site.device("lost-device"))
    key = new_key()
    body = base64.encodebytes(make_csr(key, "lost-device").public_bytes(DER))
    stop = site.proxy.arm("chancery_gateway", "wait_fetch", "after", rows=True)
    got = []
    thread = threading.Thread(target=lambda: got.append(device.enroll(body)))
    thread.start()
    pid = stop.wait()
    rows = site.sql("SELECT serial FROM issuance_request r JOIN identity i ON i.id = r.identity "
                    "WHERE i.name = 'lost-device' AND r.state = 'done' ORDER BY r.id DESC LIMIT 1")
    site.kill([pid])
    thread.join(60)
    assert got and got[0].serial_number.to_bytes(16, "big") == bytes(rows[0][0])
    site.wait_ready()
    device.hang_up()


def leavers(site, prefix, count):
    return [EstWorker(site, Ledger(), name, *site.device(name)) for name in ("%s-%d" % (prefix, n) for n in range(count))]


HOLDS = {
    "after_the_claim": ("claim_take", "after", True),
    "after_signing": ("claim_issue", "before", False),
    "with_the_identities_locked": ("transaction_commit", "before", False),
    "after_commit": ("transaction_commit", "after", False),
}


def signers_told(site, name):
    """What signers logged of this identity's requests: (row, serial or word of the refusal)."""
    lines = [dict(w.split("=", 1) for w in line.split() if "=" in w) for line in site.log_lines("chancery")
             if "event=certificate.issue" in line and "identity=" + name in line and "outcome=again" not in line]
    return [(int(w["row"]), w["serial"] if w["outcome"] == "ok" else w["word"]) for w in lines]


@pytest.mark.parametrize("then", ["released", "killed", "cut"])
@pytest.mark.parametrize("where", HOLDS)
def test_no_certificate_of_a_leaver_survives_a_signer_held_in_mid_batch(site, where, then):
    """Offboarded while the signer has their requests in hand: in the end each of their certificates is revoked, also the ones
    the signer recorded, and none was handed out that is not."""
    name = "leaver-%s-%s" % (where.replace("_", "-"), then)
    statement, moment, rows = HOLDS[where]
    device = EstWorker(site, Ledger(), name, *site.device(name))
    body = base64.encodebytes(make_csr(new_key(), name).public_bytes(DER))
    stop = site.proxy.arm(SIGNER, statement, moment, rows=rows)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(device.ask("POST", "/.well-known/est/simpleenroll", body, "application/pkcs10")))
    asking.start()
    pid = stop.wait()
    # Where the signer holds the identity, offboarding waits for its transaction and no longer.
    done = []
    leaving = threading.Thread(target=lambda: done.append(site.admin("offboard", name)))
    leaving.start()
    if where in ("with_the_identities_locked",):
        wait_for(lambda: site.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%identity_offboard%%'",
                                  role=site.pg.superuser)[0][0] > 0, 10, "offboarding waits for the signer's lock")
    else:
        leaving.join(30)
        assert done, "offboarding does not wait for a signer that has locked no identity"
    if then == "killed":
        site.kill([pid])
    if then == "cut":
        stop.cut()
    stop.release()
    leaving.join(30)
    asking.join(30)
    assert done and answers
    wait_for(lambda: site.sql("SELECT count(*) FROM issuance_request r JOIN identity i ON i.id = r.identity "
                              "WHERE i.name = %s AND r.state = 'pending'", name)[0][0] == 0, 30, "no request of the leaver waits")
    live = site.sql("SELECT encode(c.serial, 'hex') FROM certificate c JOIN identity i ON i.id = c.identity "
                    "WHERE i.name = %s AND NOT EXISTS (SELECT 1 FROM revocation v WHERE v.serial = c.serial)", name)
    assert live == []
    # What a signer says of a request is what became of it: a certificate that was signed and not recorded was not issued.
    rows = dict(site.sql("SELECT r.id, coalesce(encode(r.serial, 'hex'), r.refusal_word) FROM issuance_request r "
                         "JOIN identity i ON i.id = r.identity WHERE i.name = %s", name))
    if then != "killed":
        # Of one that was taken up by another signer when the connection was cut, both tell.
        wait_for(lambda: {row for row, _ in signers_told(site, name)} == set(rows), 10,
                 "a signer has told of each of the leaver's requests")
    assert all(rows[row] == told for row, told in signers_told(site, name)), (rows, signers_told(site, name))
    serials = site.sql("SELECT c.serial, c.der FROM certificate c JOIN identity i ON i.id = c.identity WHERE i.name = %s", name)
    served(site, [Ack(None, bytes(s), bytes(d), name, 0) for s, d in serials], status="REVOKED")
    again = device.ask("POST", "/.well-known/est/simpleenroll", body, "application/pkcs10")
    assert again is None or again.status == 403, again
    device.hang_up()
    audit(site, [], refusals=("blocked",))


@pytest.fixture
def web(site):
    """What http-01 asks: path -> octets."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", site.http01_port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield answers
    server.shutdown()
    server.server_close()


STRUCK = {  # where the validator is held, and what happens there
    "validator_killed": ("before", lambda site, pid: site.kill([pid])),
    "database_gone_before_the_outcome": ("before", lambda site, pid: (site.crash_database(), site.pg.start())),
    "database_gone_after_the_outcome": ("after", lambda site, pid: (site.crash_database(), site.pg.start())),
}


@pytest.mark.parametrize("what", STRUCK)
def test_challenge_is_validated_whatever_dies_before_its_outcome_is_recorded(site, web, what):
    site.wait_ready()
    number = list(STRUCK).index(what)
    name = "proof-%d.example.net" % number
    acme = AcmeClient(site, *site.workload("prover-%d" % number))
    acme.nonce = acme.post(acme.url("new-account"), {}, use_jwk=True).header("Replay-Nonce")  # and a good nonce, if need be
    acme.register()
    order = acme.new_order(["dns:" + name])
    authorization = acme.fetch(order["authorizations"][0])
    challenge = next(c for c in authorization["challenges"] if c["type"] == "http-01")
    web["/.well-known/acme-challenge/" + challenge["token"]] = acme.key_authorization(challenge["token"]).encode()
    moment, strike = STRUCK[what]
    stop = site.proxy.arm("chancery_validator", "acme_challenge_finish", moment)
    acme.ok(challenge["url"], {})
    strike(site, stop.wait())
    site.proxy.disarm()
    if what == "validator_killed":
        # Its lease is half a minute; nobody waits for that here.
        site.sql("UPDATE acme_challenge SET claimed_until = now() WHERE id = %s", challenge["url"].rsplit("/", 1)[1], role=site.pg.superuser)
    wait_for(lambda: site.sql("SELECT status FROM acme_challenge WHERE token = %s", challenge["token"],
                              role=site.pg.superuser)[0][0] == "valid", 15, "the challenge is valid")
    acme.nonce = None
    acme.post(order["url"])  # a nonce of before the crash may be bad once
    csr, key = new_csr(["dns:" + name])
    finalized = acme.finalize(order, csr)
    assert finalized["status"] == "valid"
    audit(site, [], refusals=("blocked",))
    acme.close()
