"""Feeds of changes go by transaction numbers, and a crash of PostgreSQL gives the last of them out again: numbers of transactions
that left nothing durable. What is written with such a number, before a program looks again, must not be overlooked: a revocation
would be ignored by the gateway, and a certificate be unknown to the OCSP responder, for as long as it runs."""

import os
import signal
import ssl

import pytest

from cryptography import x509

from audit import ocsp_status
from httpclient import Client
from pgcluster import wait_for
from site_under_fault import NAMES

GATEWAY, ADMIN = "chancery_gateway", "chancery_admin"
STATUS = "chancery_status"
BURN = "DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"


def number(site):
    return int(site.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", role=site.pg.superuser)[0][0])


def burn(site):
    site.sql(BURN, role=site.pg.superuser)


class Frozen:
    """Every program but those that must run, so that nothing is flushed but what must be: numbers burnt just before a crash are
    given out again."""

    def __init__(self, site):
        self.site, self.pids = site, []
        self.admin("ALTER SYSTEM SET wal_writer_delay = '10s'")

    def admin(self, statement):
        self.site.sql(statement, role=self.site.pg.superuser)
        self.site.sql("SELECT pg_reload_conf()", role=self.site.pg.superuser)

    def all_but(self, name):
        self.thaw()
        self.pids = [p for n in NAMES if n != name for p in self.site.pids(n)]
        self.send(signal.SIGSTOP)

    def thaw(self):
        self.send(signal.SIGCONT)
        self.pids = []

    def send(self, sign):
        for pid in self.pids:
            os.kill(pid, sign)


@pytest.fixture
def frozen(site):
    f = Frozen(site)
    yield f
    f.thaw()
    f.admin("ALTER SYSTEM RESET ALL")


def crash_with_numbers_to_come_again(site, role, statement):
    """The program has looked past numbers that are free again, and is held at its next look. Returns the stop and the highest."""
    for _ in range(8):
        burn(site)
        high = number(site)
        looked = site.proxy.arm(role, statement, "after")
        looked.wait()
        looked.release()
        # Its second statement or the next look: then the cursor is stored.
        again = site.proxy.arm(role, statement, "after")
        again.wait()
        site.crash_database()
        site.proxy.disarm()
        stop = site.proxy.arm(role, statement, "before")
        site.pg.start()
        if number(site) < high - 100:
            return stop, high
        site.proxy.disarm()
    raise AssertionError("no transaction number ever came again")


def pass_by(site, high):
    burn(site)
    burn(site)
    assert number(site) > high


@pytest.mark.parametrize("then", ["still_below", "already_above"])
def test_revocation_with_a_number_given_out_again_is_noticed(site, frozen, then):
    key, chain = site.device("reborn-" + then.replace("_", "-"))
    with open(chain, "rb") as f:
        serial = x509.load_pem_x509_certificate(f.read()).serial_number.to_bytes(16, "big")

    def refused():
        try:
            with site.client(key, chain) as c:
                return c.request("GET", "/.well-known/est/cacerts").status == 403
        except (ssl.SSLError, ConnectionError):
            return True
    assert not refused()
    frozen.all_but("chancery-gateway")
    stop, high = crash_with_numbers_to_come_again(site, GATEWAY, "revocation_changes")
    stop.wait()
    assert site.sql("SELECT outcome FROM certificate_revoke(%s, 1::smallint, 'test', 'test')", serial, role=ADMIN)[0][0] == "ok"
    assert int(site.sql("SELECT xid::text FROM revocation WHERE serial = %s", serial)[0][0]) < high, "as a number given out again"
    if then == "already_above":
        pass_by(site, high)
    stop.release()
    wait_for(refused, 5, "the gateway refuses the revoked certificate")


@pytest.mark.parametrize("then", ["still_below", "already_above"])
def test_certificate_with_a_number_given_out_again_is_known_to_ocsp(site, frozen, then):
    with open(site.issuing, "rb") as f:
        issuer = x509.load_pem_x509_certificate(f.read())
    frozen.all_but("chancery-status")
    stop, high = crash_with_numbers_to_come_again(site, STATUS, "issued_changes")
    stop.wait()
    frozen.thaw()
    _, chain = site.device("issued-" + then.replace("_", "-"))
    with open(chain, "rb") as f:
        cert = x509.load_pem_x509_certificate(f.read())
    serial = cert.serial_number.to_bytes(16, "big")
    assert int(site.sql("SELECT xid::text FROM certificate WHERE serial = %s", serial)[0][0]) < high, "as a number given out again"
    if then == "already_above":
        pass_by(site, high)
    stop.release()
    with Client("127.0.0.1", site.public_port) as c:
        wait_for(lambda: ocsp_status(c, issuer, cert) == "GOOD", 5, "OCSP knows the certificate")
