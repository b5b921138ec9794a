"""More clients than a CA can serve, and an HSM that takes its time. Ratios within a run count: the machine is shared.

Each figure makes instances of its own, whose listeners let a crowd in from one address, and adds its rows to the table.
"""

import contextlib
import os
import threading
import time

from acme_client import AcmeClient, b64, split_chain
from bench import DEVICE, WORKLOAD, Bench, beside, instance, wait_for
from built import built
from cryptography.hazmat.primitives.serialization import Encoding
from instance import MODULE

SIGNATURE_US = 5000
REVOCATIONS, REVOKERS, ORDERS = 200, 8, 30


@contextlib.contextmanager
def crowded(seconds, **more):
    many = {"connections": 4096, "connections_per_address": 4096}
    with instance(enroll=many, **more) as ca:
        yield Bench(ca, seconds)


@contextlib.contextmanager
def slow_hsm():
    """Signers started meanwhile wait for each signature."""
    os.environ.update(SHIM_MODULE=MODULE, SHIM_WAIT_US=str(SIGNATURE_US))
    try:
        yield {"module": built("tests/hsm/shim.so")}
    finally:
        del os.environ["SHIM_MODULE"], os.environ["SHIM_WAIT_US"]


# --- overload (to reach: goodput 0.9 of the most, refused under 100 ms, as before within a second) ---

def lone_client(bench):
    return bench.load("est", *bench.tls(bench.device, DEVICE), "--threads", 1, "--connections", 1, "--count", 50)


def overload_of(bench, limit, table):
    def row(figure, load, reference, its):
        table.add("overload, limited by %s: %s" % (limit, figure), **load.columns(), **beside(load.rate, reference, its))

    device, lone = bench.tls(bench.device, DEVICE), lone_client(bench)
    most = bench.est(192)
    row("10 times the requests", bench.load("crowd", *device, "--threads", 2, "--connections", 500, "--rate", 10 * most.rate),
        "192 clients", most.rate)
    row("a client after them", lone_client(bench), "the client before", lone.rate)
    most = bench.load("crowd-new", *device, "--threads", 64)
    row("640 clients, new connections", bench.load("crowd-new", *device, "--threads", 640, seconds=2 * bench.seconds),
        "64 clients", most.rate)
    row("a client after those", lone_client(bench), "the client before", lone.rate)


def overload(table, seconds):
    with slow_hsm() as hsm, crowded(seconds, hsm=dict(hsm, sessions=1)) as bench:
        overload_of(bench, "the HSM", table)
    with crowded(seconds) as bench:
        overload_of(bench, "the processors", table)


# --- lanes (to reach: every order that was begun is finished, no revocation is refused) ---

class Revoking(threading.Thread):
    """Revokes, one after the other, and notes status and milliseconds of each."""

    def __init__(self, client, certificates):
        super().__init__()
        self.client, self.certificates, self.answers = client, certificates, []

    def run(self):
        with self.client:
            for certificate in self.certificates:
                began = time.monotonic()
                status = self.revoke(certificate).status
                self.answers.append((status, (time.monotonic() - began) * 1e3))

    def revoke(self, serial):
        return self.client.request("POST", "/admin/v1/certificates/%s/revoke" % serial.hex(), b"{}", "application/json")


class AcmeRevoking(Revoking):
    def revoke(self, der):
        return self.client.post(self.client.url("revoke-cert"), {"certificate": der})


def revokers(bench):
    """By name; certificates older than the crowd's, and none that a client shows."""
    serials = [row[0] for row in bench.ca.sql("SELECT serial FROM certificate WHERE profile = 'device' ORDER BY not_after DESC LIMIT %s",
                                              REVOCATIONS)]
    acme = AcmeClient(bench.ca, *bench.workload)
    acme.register()
    chains = [acme.obtain([WORKLOAD])[1] for _ in range(ORDERS)]
    return {"admin API": [Revoking(bench.ca.operator(), serials[i::REVOKERS]) for i in range(REVOKERS)],
            "ACME": [AcmeRevoking(acme, [b64(split_chain(chain)[0].public_bytes(Encoding.DER)) for chain in chains])]}


def add_revocations(table, name, threads):
    answers = [a for t in threads for a in t.answers]
    times = sorted(ms for _, ms in answers)
    table.add("%d revocations by %s in a crowd" % (len(answers), name), p50_ms=times[len(times) // 2], p99_ms=times[len(times) * 99 // 100],
              refused=sum(status != 200 for status, _ in answers))


def revoke_meanwhile(bench, table):
    revoking = revokers(bench)
    before = bench.ca.sql("SELECT count(*) FROM certificate")[0][0]
    crowd = bench.start("crowd", *bench.tls(bench.device, DEVICE), "--threads", 2, "--connections", 400, "--rate", 4000, seconds=15)
    wait_for(lambda: bench.ca.sql("SELECT count(*) FROM certificate")[0][0] > before + 500, 60, "a crowd")
    threads = [t for of_one in revoking.values() for t in of_one]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    table.add("the crowd of enrollments", **bench.finish(crowd).columns())
    for name, of_one in revoking.items():
        add_revocations(table, name, of_one)


def lanes(table, seconds):
    with crowded(seconds) as bench:
        # Those that are lost are what is measured.
        orders = bench.finish(bench.start("acme-once", *bench.tls(bench.workload, WORKLOAD), "--threads", 900, "--count", 900, seconds=20),
                              "counted")
        table.add("900 ACME clients at once, an order each", **orders.columns(), reference="orders that were begun",
                  ratio=orders.done / orders.begun)
        bench.load("est", *bench.tls(bench.device, DEVICE), "--threads", 1, "--connections", 16, "--count", REVOCATIONS + 100)
        revoke_meanwhile(bench, table)


# --- slowhsm (to reach: signers * sessions / latency) ---

def restart_signers(ca, sessions, signers):
    config = ca.write_config(changes={"hsm": {"sessions": sessions}})
    for key in [k for k in ca.running if k.startswith("chancery-signer")]:
        ca.stop_program(key)
    for n in range(1, signers + 1):
        ca.spawn("chancery-signer", n, config)
        ca.wait_seen("chancery-signer" if n == 1 else "chancery-signer-%d" % n)


def slowhsm(table, seconds):
    with slow_hsm() as hsm, crowded(seconds, hsm=hsm) as bench:
        for signers in (1, 2):
            for sessions in (1, 4, 8):
                restart_signers(bench.ca, sessions, signers)
                load = bench.est(192)
                table.add("signatures of %d ms, signers %d, sessions %d" % (SIGNATURE_US // 1000, signers, sessions), **load.columns(),
                          **beside(load.rate, "signers * sessions / latency", signers * sessions * 1e6 / SIGNATURE_US))


FIGURES = {"overload": overload, "lanes": lanes, "slowhsm": slowhsm}
