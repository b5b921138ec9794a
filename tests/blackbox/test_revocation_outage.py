"""When parts are away: the database, the signer, one of two status programs; a second issuing CA; stopping under load. The
instance has OCSP answers that live for seconds, so that what is known grows too old within the test."""

import os
import re
import signal
import threading
import time

import pytest

import revocation as rev
from httpclient import Client
from instance import Instance, free_port
from pgcluster import wait_for
from revocation import Asker, ask, cert_id, crl, crl_number, get, parsed, post, request, status_of

VALIDITY = 12
CONFIG = {"ocsp": {"validity": "%ds" % VALIDITY, "backdate": "0s"}, "crl": {"refresh": "2s", "lifetime": "1h"}}


@pytest.fixture(scope="module")
def ca():
    with Instance(config=CONFIG) as instance:
        yield instance


@pytest.fixture(scope="module")
def cert(ca):
    return rev.new_cert(ca, "outage")[0]


@pytest.fixture(scope="module")
def issuer(ca):
    return rev.load(ca.issuing)


def ready(ca):
    answer = get(ca, "/ready")
    return answer.status, answer.text


def known(ca):
    """How many certificates the responder knows of."""
    with Client("127.0.0.1", ca.metrics_port) as c:
        text = c.request("GET", "/metrics").body.decode()
    return int(re.search(r"^chancery_ocsp_certificates (\d+)", text, re.M).group(1))


def test_revocation_044_database_away_answers_last_until_knowledge_is_too_old(ca, cert, issuer):
    before = known(ca)
    other = rev.new_cert(ca, "outage-unasked")[0]
    wait_for(lambda: known(ca) > before, 5, "the status program has heard of it")
    assert ask(ca, cert) == "good"
    ca.pg.suspend()
    try:
        with Asker(ca) as a:
            assert status_of(a.post(request(cert_id(cert, issuer)))) == "good"   # ready
            assert status_of(a.post(request(cert_id(other, issuer)))) == "good"  # signed now, from what is known
            assert a.post(request(cert_id(cert, issuer, serial=99))).body == rev.UNAUTHORIZED
            last = [None]

            def too_old():
                answer = a.post(request(cert_id(cert, issuer)))
                if answer.body == rev.TRY_LATER:
                    return True
                last[0] = parsed(answer)
                assert last[0].next_update > last[0].this_update
                return False
            wait_for(too_old, VALIDITY + 10, "tryLater")
            assert (last[0].next_update - last[0].this_update).seconds <= VALIDITY
            answer = a.post(request(cert_id(cert, issuer)))
            assert answer.header("Cache-Control") == "no-store"
        assert get(ca, "/crl/issuing-1.crl").status == 200 and get(ca, "/ca/bundle.pem").status == 200
        wait_for(lambda: ready(ca)[0] == 503, 20, "not ready")
        assert "database was last read" in ready(ca)[1] and get(ca, "/health").status == 200
    finally:
        ca.pg.resume()
    wait_for(lambda: ask(ca, cert) == "good", 20, "answers are back")
    wait_for(lambda: ready(ca)[0] == 200, 20, "ready again")


def test_revocation_100_database_restarted_and_nothing_missed(ca, issuer):
    kept = rev.new_cert(ca, "outage-restart")[0]
    with Asker(ca) as a:
        assert status_of(a.post(request(cert_id(kept, issuer)))) == "good"
        ca.pg.kill()
        assert status_of(a.post(request(cert_id(kept, issuer)))) == "good"
        assert get(ca, "/crl/bundle.pem").status == 200
        ca.pg.restart()
        wait_for(lambda: ca.answers("chancery-gateway"), 30, "the gateway is back")
        fresh = wait_for(lambda: rev.try_new_cert(ca, "outage-after"), 30, "issuing is back")
        wait_for(lambda: status_of(a.post(request(cert_id(fresh, issuer)))) == "good", 10, "the feed is read again")
        rev.revoke(ca, kept)
        assert status_of(a.post(request(cert_id(kept, issuer)))) == "revoked"


def test_revocation_100_signer_away_revocation_still_works(ca, issuer):
    c = rev.new_cert(ca, "outage-signer")[0]
    assert ask(ca, c) == "good"
    ca.stop_program("chancery-signer")
    try:
        number = crl_number(crl(ca))
        rev.revoke(ca, c)
        assert ask(ca, c) == "revoked"
        assert crl_number(crl(ca)) == number and ready(ca)[0] == 200
    finally:
        ca.spawn("chancery-signer")
    wait_for(lambda: crl(ca).get_revoked_certificate_by_serial_number(c.serial_number), 20, "the next CRL lists it")


def second_status(ca):
    """Another status program on ports of its own."""
    port = free_port()
    config = ca.write_config(ca.path("second.yaml"), {"public": {"port": port}, "metrics": {"port": free_port()},
                                                      "run_directory": ca.path("run2"), "state_directory": ca.path("state2")})
    for d in ("run2", "state2"):
        os.makedirs(ca.path(d), exist_ok=True)
    p = ca.spawn("chancery-status", 2, config)

    def up():
        try:
            with Client("127.0.0.1", port) as c:
                return c.request("GET", "/ready").status == 200
        except OSError:
            return False
    wait_for(up, 30, "the second status program is ready")
    wait_for(lambda: ca.sql("SELECT 1 FROM node WHERE id LIKE %s AND state = 'ready'", "%%:%d" % p.process.pid), 10, "its node row")
    return p, Client("127.0.0.1", port)


def test_revocation_036_every_status_program_says_revoked_at_once(ca, issuer):
    p, http = second_status(ca)
    with http, Asker(ca) as first:
        for n in range(5):
            c = rev.new_cert(ca, "outage-two")[0]
            req = request(cert_id(c, issuer))
            assert status_of(first.post(req)) == status_of(http.request("POST", "/ocsp", req)) == "good"
            assert rev.revoke(ca, c)["programs_behind"] == 0
            assert status_of(http.request("POST", "/ocsp", req)) == "revoked", n
            assert status_of(first.post(req)) == "revoked", n
        # One that cannot read is not waited for longer than two seconds, and is told of; one that stopped is not counted.
        c = rev.new_cert(ca, "outage-two")[0]
        p.process.send_signal(signal.SIGSTOP)
        try:
            assert rev.revoke(ca, c)["programs_behind"] == 1
        finally:
            p.process.send_signal(signal.SIGCONT)
    assert ca.stop_program("chancery-status-2") == 0
    assert ca.sql("SELECT state FROM node WHERE id LIKE %s", "%%:%d" % p.process.pid) == [("stopping",)]
    assert rev.revoke(ca, rev.new_cert(ca, "outage-two")[0])["programs_behind"] == 0


def test_who_was_killed_is_not_waited_for(ca):
    p, http = second_status(ca)
    http.close()
    ca.running.pop("chancery-status-2")
    p.stop(signal.SIGKILL)
    c = rev.new_cert(ca, "outage-two")[0]
    began = time.monotonic()
    assert rev.revoke(ca, c)["programs_behind"] == 0
    assert time.monotonic() - began < 1.9
    assert ca.sql("SELECT state FROM node WHERE id LIKE %s", "%%:%d" % p.process.pid) == [("ready",)]


def test_what_cannot_be_counted_is_not_called_none(ca):
    """A node row that nobody can read: the revocation is in effect, and the answer does not say that all have heard."""
    c = rev.new_cert(ca, "outage-two")[0]
    conn = ca.pg.connect("chancery", "chancery_owner")
    conn.cursor().execute("SET application_name = 'chancery-status@odd:1'")
    try:
        ca.sql("INSERT INTO node (id, program, version, started_at, state, detail) VALUES ('chancery-status@odd:1', 'chancery-status', '1', "
               "now(), 'ready', '{\"snapshot\": \"odd\"}')")
        assert rev.revoke(ca, c)["programs_behind"] > 0
    finally:
        conn.close()
        ca.sql("DELETE FROM node WHERE id = 'chancery-status@odd:1'")


def test_nobody_is_waited_for_when_the_certificate_has_ended(ca):
    """A short-lived certificate, revoked a moment after its end: no list and no responder tells of it any more."""
    serial = os.urandom(16)
    ca.sql("WITH r AS (INSERT INTO chancery.issuance_request (protocol, request_id, identity, profile, names, spki, state, serial, "
           "cert_not_after, done_at) SELECT 'est', 'ended', id, 'device', '{}', '\\x00', 'done', %s, now() - interval '1 minute', now() "
           "FROM chancery.identity WHERE name = 'outage-two' RETURNING id, identity, cert_not_after) "
           "INSERT INTO chancery.certificate (issuer, serial, not_after, not_before, identity, request, profile, spki_hash, der) "
           "SELECT (SELECT id FROM chancery.issuer WHERE name = 'issuing-1'), %s, cert_not_after, now() - interval '1 hour', identity, id, "
           "'device', sha256('x'), '\\x00' FROM r", serial, serial)
    began = time.monotonic()
    assert ca.admin("cert", "revoke", serial.hex(), "--reason", "superseded")["programs_behind"] == 0
    assert time.monotonic() - began < 1.9


def test_revocation_097_stopping_under_load_is_clean(ca, cert, issuer):
    p, http = second_status(ca)
    req, stop, answered = request(cert_id(cert, issuer)), threading.Event(), []

    def load():
        try:
            with Client("127.0.0.1", http.port) as c:
                while not stop.is_set():
                    for body in (req, request(cert_id(cert, issuer), extensions=[rev.nonce(os.urandom(16))])):
                        answered.append(status_of(c.request("POST", "/ocsp", body)))
        except (OSError, ConnectionError):
            pass
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        wait_for(lambda: len(answered) > 200, 30, "the load runs")
        assert ca.stop_program("chancery-status-2") == 0
    finally:
        stop.set()
        for t in threads:
            t.join(30)
    assert set(answered) == {"good"}
    for log in ("chancery-status-2", "chancery-status"):
        assert not any("Sanitizer" in line or "runtime error" in line for line in ca.log_lines(log))


def test_revocation_021_and_027_each_issuing_ca_has_its_own_responder(ca, cert, issuer):
    """Last here: it changes the configuration of the instance."""
    ca.make_issuer(2)
    ca.local("issuer", "import", "--root", ca.path("ceremony/root.pem"), "--root-crl", ca.path("ceremony/root.crl"),
             "--issuer", ca.path("ceremony/issuing-2.pem"), "--name", "issuing-2", "--key-label", "issuing-2")
    assert ready(ca)[0] == 200  # imported, but nobody here is to hold it yet
    ca.changes = dict(CONFIG, issuers=[{"name": "issuing-1", "key": "issuing-1"}, {"name": "issuing-2", "key": "issuing-2"}])
    ca.more_profiles.append({"name": "second", "issuer": "issuing-2", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"],
                             "lifetime": "1h", "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"],
                             "names": {"types": ["dns"]}})
    ca.write_config()
    for name in ("chancery-signer", "chancery-gateway", "chancery-admin", "chancery-status"):
        ca.restart(name)
    second = rev.load(ca.path("ceremony/issuing-2.pem"))
    c = wait_for(lambda: rev.try_new_cert(ca, "outage-second", "second"), 20, "the second CA issues")
    assert c.issuer == second.subject
    answer = wait_for(lambda: (lambda a: a if len(a.body) > 5 else None)(post(ca, request(cert_id(c, second)))), 10, "an answer")
    assert status_of(answer) == "good" and parsed(answer).certificates[0].issuer == second.subject
    answer = post(ca, request(cert_id(cert, issuer)))
    assert status_of(answer) == "good" and parsed(answer).certificates[0].issuer == issuer.subject
    # A serial belongs to its issuer; certificates of two CAs in one request have no one who could speak for both.
    assert post(ca, request(cert_id(c, issuer))).body == rev.UNAUTHORIZED
    assert post(ca, request(cert_id(c, second), cert_id(cert, issuer))).body == rev.UNAUTHORIZED
    rev.revoke(ca, c)
    assert status_of(post(ca, request(cert_id(c, second)))) == "revoked"
    wait_for(lambda: crl(ca, "issuing-2").get_revoked_certificate_by_serial_number(c.serial_number), 20, "its own CRL lists it")
    assert crl(ca).get_revoked_certificate_by_serial_number(c.serial_number) is None
    assert crl(ca, "issuing-2").is_signature_valid(second.public_key()) and get(ca, "/crl/bundle.pem").body.count(b"BEGIN") == 3
