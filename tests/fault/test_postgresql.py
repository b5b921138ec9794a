"""PostgreSQL goes away under load and comes back: clients are told to come back, in time, and everything goes on by itself."""

import base64
import json
import os
import signal
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_client import AcmeClient, new_csr
from audit import audit, ocsp_status, served
from instance import free_port, make_csr, new_key
from load import Load
from pgcluster import alive, wait_for
from site_under_fault import NAMES, Site


def acme(site, name, port=None):
    client = AcmeClient(site, *site.workload(name), base="https://localhost:%d" % site.port, port=port)
    return client


def told_to_come_back(load, count):
    seen = load.ledger.answers[503]
    wait_for(lambda: (load.check(), load.ledger.answers[503] >= seen + count)[1], 60, "clients are told to come back")


def test_killed_again_and_again(site):
    """A 500, a 503 without Retry-After or a late answer is a fault of the ledger's, see load.py."""
    with Load(site) as load:
        pids = site.all_pids()
        for _ in range(3):
            site.crash_database()
            told_to_come_back(load, 2)
            site.pg.start()
            load.every_worker_goes_on()
        assert site.all_pids() == pids, "every program reconnected by itself"
    assert load.ledger.answers[500] == 0
    audit(site, load.ledger.acks)


def test_silent_for_longer_than_any_patience(site):
    with Load(site) as load:
        site.pg.suspend()
        try:
            told_to_come_back(load, len(load.workers))
        finally:
            site.pg.resume()
        load.every_worker_goes_on()
    audit(site, load.ledger.acks)


STOPS_WITHIN = 6  # seconds: three of silence (lib/db/conn.c), and what a busy machine adds


@pytest.mark.parametrize("silent", ["just now", "long"])
def test_programs_that_are_told_to_stop_do_not_wait_for_a_silent_database(site, silent):
    """Each of them, with work in hand; what was acknowledged is there, and the load goes on when the database answers again."""
    with Load(site) as load:
        count = load.ledger.count()
        wait_for(lambda: load.ledger.count() > count + 4, 60, "certificates")
        before = len(site.launcher_events("launcher.ended"))
        site.pg.suspend()
        try:
            if silent == "long":
                told_to_come_back(load, len(load.workers))
            pids = {pid: name for name in NAMES for pid in site.pids(name)}
            assert set(pids.values()) == set(NAMES)
            start, took = time.monotonic(), {}
            for pid in pids:
                os.kill(pid, signal.SIGTERM)

            def ended():
                for pid in pids:
                    if pid not in took and not alive(pid):
                        took[pid] = time.monotonic() - start
                return len(took) == len(pids)
            wait_for(ended, 60, "all programs end")
        finally:
            site.pg.resume()
        assert all(seconds < STOPS_WITHIN for seconds in took.values()), {pids[p]: s for p, s in took.items()}
        ends = wait_for(lambda: (lambda e: e if len(e) >= len(pids) else None)(site.launcher_events("launcher.ended")[before:]), 10,
                        "the launcher has seen it")
        assert all(e["code"] == "0" for e in ends), ends
        load.every_worker_goes_on()
    audit(site, load.ledger.acks)


def test_clients_that_wait_for_a_signer_do_not_keep_the_gateway_from_ending():
    """They would wait for 20 s, and a signer would answer in time; but the database says nothing while the gateway is to stop."""
    with Site(config={"est": {"wait": "20s"}, "enroll": {"request_deadline": "30s"}}) as site:
        name = "patient"
        key, chain = site.device(name)
        body = base64.encodebytes(make_csr(new_key(), name).public_bytes(Encoding.DER))
        answers, stop = [], site.proxy.arm("chancery_signer", "claim_take", "after", rows=True)

        def enroll():
            with site.client(key, chain) as c:
                try:
                    answers.append(c.request("POST", "/.well-known/est/simpleenroll", body, "application/pkcs10").status)
                except OSError:
                    answers.append(None)
        client = threading.Thread(target=enroll)
        client.start()
        stop.wait()
        site.pg.suspend()
        try:
            pid, = site.pids("chancery-gateway")
            start = time.monotonic()
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not alive(pid), 60, "the gateway ends")
            took = time.monotonic() - start
        finally:
            site.pg.resume()
        assert took < STOPS_WITHIN
        client.join(30)
        assert answers == [202], "its request is recorded and waits"
        stop.release()
        wait_for(lambda: site.sql("SELECT 1 FROM issuance_request r JOIN identity i ON i.id = r.identity WHERE i.name = %s "
                                  "AND r.protocol = 'est' AND r.state = 'done'", name), 30, "what waited is issued")


def test_every_backend_terminated_under_load(site):
    with Load(site) as load:
        for _ in range(5):
            count = load.ledger.count()
            site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'chancery\\_%%'", role=site.pg.superuser)
            wait_for(lambda: (load.check(), load.ledger.count() > count + 4)[1], 60, "certificates after it")
    audit(site, load.ledger.acks)


def test_revocation_is_served_while_the_database_is_away(site):
    """OCSP and CRLs come from memory. The gateway answers in time: whom it knows from memory or with 503, others by an alert."""
    with Load(site, est=1, acme=0) as load:
        pass
    acks = load.ledger.acks
    served(site, acks)
    stranger = site.device("never-seen")
    with site.operator(site.port) as c:
        assert c.request("GET", "/.well-known/est/cacerts").status == 200
    site.crash_database()
    try:
        with open(site.issuing, "rb") as f:
            issuer = x509.load_pem_x509_certificate(f.read())
        with site.public() as c:
            assert c.request("GET", "/crl/issuing-1.crl").status == 200
            for ack in acks:
                assert ocsp_status(c, issuer, x509.load_der_x509_certificate(ack.der)) == "GOOD"
        with site.operator(site.port) as c:
            start = time.monotonic()
            assert c.request("GET", "/.well-known/est/cacerts").status in (200, 503)
            assert time.monotonic() - start < 15
        start = time.monotonic()
        with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_INTERNAL_ERROR"), site.client(*stranger) as c:
            c.request("GET", "/.well-known/est/cacerts")
        assert time.monotonic() - start < 15
    finally:
        site.pg.start()
    site.wait_ready()


def problem(response):
    assert response.status == 400, response
    return json.loads(response.body)["type"].rsplit(":", 1)[1]


def with_nonce(client, nonce, name="any.example.org"):
    """An order with just this nonce; the answer's own nonce is the client's next."""
    payload = {"identifiers": [{"type": "dns", "value": name}]}

    def answered():
        response = client.post(client.url("new-order"), payload, changes={"nonce": nonce})
        assert response.status in (201, 400, 503), response
        return response.status != 503 and response
    return wait_for(answered, 20, "an answer")


@pytest.mark.parametrize("crashes", [1, 2])
def test_nonces_of_before_a_crash_are_bad_and_the_next_is_good(site, crashes):
    name = "nonce-of-%d" % crashes
    with acme(site, name) as client:
        # Whatever the test before did to the keys: a client goes on with the nonce of the last answer (RFC 8555 section 6.5).
        client.nonce = with_nonce(client, client.fresh_nonce()).header("Replay-Nonce")
        client.register()
        used, fresh = client.fresh_nonce(), client.fresh_nonce()
        assert with_nonce(client, used, name + ".example.org").status == 201
        assert problem(with_nonce(client, used)) == "badNonce"
        for _ in range(crashes):
            site.crash_database()
            site.pg.start()
            # The first to come with an old nonce is refused and told a good one, however short ago the last crash was.
            assert problem(with_nonce(client, fresh)) == "badNonce"
            fresh = client.nonce
        order = client.new_order(["dns:%s.example.org" % name])
        assert problem(with_nonce(client, used)) == "badNonce"
        csr, _ = new_csr(["dns:%s.example.org" % name])
        assert client.finalize(order, csr)["status"] == "valid"


@pytest.fixture
def second_gateway(site):
    """Another node: its own listener and base URL, the same database."""
    port = free_port()
    config = site.write_config(site.path("second.yaml"), {
        "enroll": {"port": port, "base_urls": ["https://localhost:%d" % port]}, "metrics": {"port": free_port()}})
    program = site.spawn("chancery-gateway", 2, config)

    def ready():
        assert program.running(), program.tail()
        try:
            with site.client(site.path("operator/operator.key"), site.path("operator/operator.pem"), port) as c:
                return c.request("GET", "/.well-known/est/cacerts").status == 200
        except OSError:
            return False
    wait_for(ready, 30, "the second gateway answers")
    yield port
    assert site.stop_program("chancery-gateway-2") == 0


def test_nonce_is_good_once_over_two_gateways(site, second_gateway):
    with acme(site, "nonce-2") as first:
        first.nonce = with_nonce(first, first.fresh_nonce()).header("Replay-Nonce")
        first.register()
        second = AcmeClient(site, *first.tls, account_key=first.key, base="https://localhost:%d" % second_gateway, port=second_gateway)
        second.kid = first.kid.replace(first.base, second.base)
        second.nonce = first.fresh_nonce()
        with second:
            second.new_order(["dns:nonce-2.example.org"])  # what one hands out is good at the other
            for giver, taker, again in ((first, second, first), (second, first, second), (first, first, second), (second, second, first)):
                nonce = giver.fresh_nonce()
                taker.nonce = nonce
                assert taker.new_order(["dns:nonce-2.example.org"])["status"] == "ready"
                again.nonce = nonce
                refused = again.refused(again.url("new-order"), {"identifiers": [{"type": "dns", "value": "nonce-2.example.org"}]})
                assert refused.type == "badNonce"


def test_one_nonce_sent_to_two_gateways_at_once_is_good_at_one(site, second_gateway):
    with acme(site, "nonce-3") as first:
        first.nonce = with_nonce(first, first.fresh_nonce()).header("Replay-Nonce")
        first.register()
        both = [first] + [AcmeClient(site, *first.tls, account_key=first.key, base="https://localhost:%d" % port, port=port)
                          for port in (second_gateway, site.port, second_gateway)]
        for c in both[1:]:
            c.kid = first.kid.replace(first.base, c.base)
            c.get(c.url("directory"))
        for _ in range(5):
            nonce, statuses, start = first.fresh_nonce(), [], threading.Barrier(len(both))

            def order(c, nonce=nonce, statuses=statuses, start=start):
                c.nonce = nonce
                start.wait()
                statuses.append(c.post(c.url("new-order"), {"identifiers": [{"type": "dns", "value": "nonce-3.example.org"}]}).status)
            threads = [threading.Thread(target=order, args=(c,)) for c in both]
            for t in threads:
                t.start()
            for t in threads:
                t.join(30)
            assert sorted(statuses) == [201, 400, 400, 400]
        for c in both[1:]:
            c.close()
