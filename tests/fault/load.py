"""Clients that never give up, and a ledger of every certificate they were given.

A client wants one certificate after another, each for a new key, and repeats a request with the same key until it is answered:
after a lost connection, a 202 and a 503 (both must say when to come back). Any other answer is a fault of the server and
ends in `faults`. What counts as acknowledged is what a device could use: a certificate parsed from a 200.
"""

import base64
import collections
import itertools
import json
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from acme_client import JOSE, AcmeClient, b64, identifiers
from instance import make_csr, new_key

PATIENCE = 90     # seconds until a wish must be granted, all faults included
DEADLINE = 25     # seconds until any one request must be answered: the gateway's own limits and a busy machine
PACE = 0.1        # between two tries of one client

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo

numbers = itertools.count(1)
Ack = collections.namedtuple("Ack", "spki serial der identity when")


class Fault(Exception):
    pass


class Ledger:
    def __init__(self):
        self.acks, self.faults, self.lock = [], [], threading.Lock()
        self.answers, self.slowest, self.losses = collections.Counter(), 0.0, 0

    def acknowledge(self, key, cert, identity):
        spki = key.public_key().public_bytes(DER, SPKI)
        if cert.public_key().public_bytes(DER, SPKI) != spki:
            raise Fault("%s was given a certificate for another key" % identity)
        with self.lock:
            self.acks.append(Ack(spki, cert.serial_number.to_bytes(16, "big"), cert.public_bytes(DER), identity, time.monotonic()))

    def answered(self, status, seconds):
        with self.lock:
            self.answers[status] += 1
            self.slowest = max(self.slowest, seconds)

    def count(self):
        with self.lock:
            return len(self.acks)


class Worker(threading.Thread):
    """One client; grant() gets it one certificate."""

    def __init__(self, site, ledger, identity, key, chain):
        super().__init__(daemon=True)
        self.site, self.ledger, self.identity = site, ledger, identity
        self.tls, self.ending, self.granted, self.http = (key, chain), threading.Event(), 0, None

    def run(self):
        try:
            while not self.ending.is_set():
                self.grant()
                self.granted += 1
        except Exception as e:  # noqa: B902 - every way to fail is a finding
            with self.ledger.lock:
                self.ledger.faults.append("%s %s: %s: %s" % (type(self).__name__, self.identity, type(e).__name__, e))
        finally:
            self.hang_up()

    def hang_up(self):
        if self.http is not None:
            self.http.close()
            self.http = None

    def ask(self, *args, **kw):
        """One request on the kept connection: the answer, or None when the connection was lost."""
        start = time.monotonic()
        response = None
        try:
            self.http = self.http or self.site.client(*self.tls)
            response = self.http.request(*args, **kw)
        except OSError as e:
            if isinstance(e, TimeoutError):
                raise Fault("no answer to %s within %.0f s" % (args[1], time.monotonic() - start)) from None
            self.ledger.losses += 1
            self.hang_up()
        took = time.monotonic() - start
        if response is not None:
            self.ledger.answered(response.status, took)
        if took > DEADLINE:
            raise Fault("%s took %.1f s to answer %r" % (args[1], took, response))
        return response

    @staticmethod
    def come_back(response):
        """A 202 or 503 without Retry-After leaves a device guessing (RFC 7030 section 4.2.3)."""
        if not (response.header("Retry-After") or "").isdigit():
            raise Fault("no Retry-After with %r" % response)


class EstWorker(Worker):
    def grant(self):
        key = new_key()
        body = base64.encodebytes(make_csr(key, self.identity).public_bytes(DER))
        self.ledger.acknowledge(key, self.enroll(body), self.identity)

    def enroll(self, body):
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            response = self.ask("POST", "/.well-known/est/simpleenroll", body, "application/pkcs10")
            if response is not None and response.status == 200:
                certs = pkcs7.load_der_pkcs7_certificates(base64.b64decode(response.body))
                if len(certs) != 1:
                    raise Fault("%d certificates in one answer" % len(certs))
                return certs[0]
            if response is not None:
                if response.status not in (202, 503):
                    raise Fault("%r" % response)
                self.come_back(response)
            time.sleep(PACE)
        raise Fault("no certificate after %d s" % PATIENCE)


class AcmeWorker(Worker):
    """RFC 8555 with a granted name: new-order, finalize, poll, certificate. After a lost answer it looks at the order."""

    def __init__(self, site, ledger, identity, key, chain, name):
        super().__init__(site, ledger, identity, key, chain)
        self.name, self.jws, self.nonce, self.started = name, AcmeClient(site, key, chain), None, 0
        self.statuses = collections.Counter()

    def url(self, path):
        return self.jws.base + "/acme/" + path

    def post(self, url, payload=None):
        """The answer, or None when nobody knows what became of it. badNonce, 503 and a lost nonce are tried again here."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            if self.nonce is None:
                response = self.ask("HEAD", self.jws.path_of(self.url("new-nonce")))
                if response is None or response.status != 200:
                    if response is not None and response.status != 503:
                        raise Fault("%r" % response)
                    time.sleep(PACE)
                    continue
                self.nonce = response.header("Replay-Nonce")
            self.jws.nonce, self.nonce = self.nonce, None
            header = self.jws.header(url)
            body = json.dumps(self.jws.encode(header, payload, self.jws.key)).encode()
            response = self.ask("POST", self.jws.path_of(url), body, JOSE)
            if response is None:
                return None
            self.nonce = response.header("Replay-Nonce")
            if response.status < 300:
                return response
            if response.status == 503:
                self.come_back(response)
                return None
            problem = json.loads(response.body)["type"].rsplit(":", 1)[1]
            if problem == "badNonce":
                continue
            if problem in ("orderNotReady",):
                return None
            raise Fault("%s: %r" % (url, response))
        raise Fault("no answer from %s after %d s" % (url, PATIENCE))

    def insist(self, url, payload=None):
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            response = self.post(url, payload)
            if response is not None:
                return response
            time.sleep(PACE)
        raise Fault("nothing from %s after %d s" % (url, PATIENCE))

    def register(self):
        self.jws.kid = self.insist(self.url("new-account"), {}).header("Location")

    def new_order(self):
        response = self.insist(self.url("new-order"), {"identifiers": identifiers(["dns:" + self.name])})
        return json.loads(response.body), response.header("Location")

    def grant(self):
        if self.jws.kid is None:
            self.register()
        key = new_key()
        csr = b64(make_csr(key, None, ["dns:" + self.name]).public_bytes(DER))
        order, where = self.new_order()
        give_up = time.monotonic() + PATIENCE
        while order["status"] != "valid":
            if time.monotonic() > give_up:
                raise Fault("order %s is still %s" % (where, order["status"]))
            if order["status"] == "invalid":
                raise Fault("order %s: %r" % (where, order))
            if order["status"] == "ready":
                response = self.post(order["finalize"], {"csr": csr})
            else:
                time.sleep(PACE)
                response = None
            order = json.loads((response or self.insist(where)).body)
            self.statuses[order["status"]] += 1
        chain = self.insist(order["certificate"]).body
        self.ledger.acknowledge(key, x509.load_pem_x509_certificate(chain), self.identity)


class Load:
    """with Load(site) as load: clients at work; at the end every wish must have been granted."""

    def __init__(self, site, est=3, acme=1):
        self.site, self.ledger = site, Ledger()
        number = next(numbers)
        self.workers = [EstWorker(site, self.ledger, name, *site.device(name))
                        for name in ("device-%d-%d" % (number, n) for n in range(est))]
        self.workers += [AcmeWorker(site, self.ledger, name, *site.workload(name), name + ".example.org")
                         for name in ("web-%d-%d" % (number, n) for n in range(acme))]

    def __enter__(self):
        for w in self.workers:
            w.start()
        self.every_worker_goes_on()
        return self

    def __exit__(self, kind, *exc):
        for w in self.workers:
            w.ending.set()
        for w in self.workers:
            w.join(PATIENCE if kind is None else 1)
        if kind is None:
            assert not any(w.is_alive() for w in self.workers), "some clients never ended"
            self.check()

    def check(self):
        assert not self.ledger.faults, "\n".join(self.ledger.faults)

    def every_worker_goes_on(self, seconds=PATIENCE):
        """Until each client has finished the wish it has now, and one more that was begun after this call."""
        from pgcluster import wait_for
        before = {w: w.granted for w in self.workers}

        def all_on():
            self.check()
            return all(w.granted >= before[w] + 2 for w in self.workers)
        wait_for(all_on, seconds, "every client gets certificates: %r, %r" % (
            {w.identity: w.granted - before[w] for w in self.workers}, self.ledger.answers))
