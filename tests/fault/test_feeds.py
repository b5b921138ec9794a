"""Feeds of changes go by transaction numbers, and a crash of PostgreSQL gives the last of them out again: numbers of transactions
that left nothing durable. What is written with such a number, before a program looks again, must not be overlooked: a revocation
would be ignored by the gateway for as long as it runs."""

import os
import signal
import ssl

import pytest

from cryptography import x509

from pgcluster import wait_for

GATEWAY = "chancery_gateway"
BURN = "DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"


def number(site):
    return int(site.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", role=site.pg.superuser)[0][0])


def burn(site):
    site.sql(BURN, role=site.pg.superuser)


@pytest.fixture
def quiet(site):
    """Nothing is flushed but what must be: numbers burnt just before a crash are given out again."""
    site.sql("ALTER SYSTEM SET wal_writer_delay = '10s'", role=site.pg.superuser)
    site.sql("SELECT pg_reload_conf()", role=site.pg.superuser)
    frozen = [p for name in ("chancery-signer", "chancery-validator", "chancery-status") for p in site.pids(name)]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    site.sql("ALTER SYSTEM RESET ALL", role=site.pg.superuser)
    site.sql("SELECT pg_reload_conf()", role=site.pg.superuser)


def crash_with_numbers_to_come_again(site, statement):
    """The gateway has looked past numbers that are free again, and is held at its next look. Returns the stop and the highest."""
    for _ in range(8):
        burn(site)
        high = number(site)
        looked = site.proxy.arm(GATEWAY, statement, "after")
        looked.wait()
        looked.release()
        # Its second statement or the next look: then the cursor is stored.
        again = site.proxy.arm(GATEWAY, statement, "after")
        again.wait()
        site.crash_database()
        site.proxy.disarm()
        stop = site.proxy.arm(GATEWAY, statement, "before")
        site.pg.start()
        if number(site) < high - 100:
            return stop, high
        site.proxy.disarm()
    raise AssertionError("no transaction number ever came again")


@pytest.mark.parametrize("then", ["still_below", "already_above"])
def test_revocation_with_a_number_given_out_again_is_noticed(site, quiet, then):
    name = "reborn-" + then.replace("_", "-")
    for pid in site.pids("chancery-signer"):
        os.kill(pid, signal.SIGCONT)
    key, chain = site.device(name)
    for pid in site.pids("chancery-signer"):
        os.kill(pid, signal.SIGSTOP)
    with open(chain, "rb") as f:
        serial = x509.load_pem_x509_certificate(f.read()).serial_number.to_bytes(16, "big")

    def refused():
        try:
            with site.client(key, chain) as c:
                return c.request("GET", "/.well-known/est/cacerts").status == 403
        except (ssl.SSLError, ConnectionError):
            return True
    assert not refused()
    stop, high = crash_with_numbers_to_come_again(site, "revocation_changes")
    stop.wait()
    assert site.sql("SELECT certificate_revoke(%s, 1::smallint, 'test', 'test')", serial, role=GATEWAY)[0][0] == "ok"
    assert int(site.sql("SELECT xid::text FROM revocation WHERE serial = %s", serial)[0][0]) < high, "as a number given out again"
    if then == "already_above":
        burn(site)
        burn(site)
        assert number(site) > high
    stop.release()
    wait_for(refused, 5, "the gateway refuses the revoked certificate")
