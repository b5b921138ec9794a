"""What makes a CRL is killed, cut off, crashed or told to stop at each step of it: no revocation is lost, and the next CRL has it soon."""

import os
import signal
import time

import pytest

from cryptography import x509
from pgcluster import holds_for, wait_for

SIGNER = "chancery_signer"
REVOKE = """WITH r AS (INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor)
    SELECT uuid_send(gen_random_uuid()), id, 0, now(), now() + interval '2 days', 't' FROM issuer WHERE name = 'issuing-1'
    RETURNING issuer, serial), m AS (INSERT INTO crl_dirty (issuer, crl_shard) SELECT issuer, 0 FROM r)
    SELECT encode(serial, 'hex') FROM r"""
STEPS = [("crl_turn_take", "after"), ("crl_marks", "after"), ("crl_entries", "after"), ("crl_part_add", "before"),
         ("crl_insert", "before"), ("crl_trim", "after")]


def stop_signer(site, held):
    """By its own, in time, although the database says nothing to the thread that makes the CRL."""
    begun = time.monotonic()
    os.kill(held, signal.SIGTERM)
    wait_for(lambda: held not in site.pids("chancery-signer"), 10, "the signer ends")
    assert time.monotonic() - begun < 8


VICTIMS = {
    "killed": lambda site, held: site.kill([held]),
    "stopped": stop_signer,
    "crashed": lambda site, held: site.crash_database(),
    "cut": lambda site, held: None,
}


def listed(site):
    """What the CRL lists that is being served; whole and signed, or it does not parse."""
    crl = x509.load_der_x509_crl(site.public().request("GET", "/crl/issuing-1.crl").body)
    return {"%032x" % r.serial_number for r in crl}


@pytest.mark.parametrize("victim", VICTIMS)
def test_crl_struck_at_each_step_is_made_again(site, victim):
    site.relaunch()
    for statement, moment in STEPS:
        stop = site.proxy.arm(SIGNER, statement, moment)
        serial = site.sql(REVOKE)[0][0]
        held = stop.wait(30)
        VICTIMS[victim](site, held)
        if victim == "cut":
            stop.cut()
        site.proxy.disarm()
        if victim == "crashed":
            site.pg.start()
        try:
            wait_for(lambda: serial in listed(site), 30, "the CRL lists it")
            wait_for(lambda: site.sql("SELECT count(*) FROM crl_dirty") == [(0,)], 30, "no mark waits")
        except AssertionError as e:
            raise AssertionError("%s %s %s: %s" % (victim, moment, statement, e)) from None
    assert site.sql("SELECT count(*) FROM crl c WHERE octets <> (SELECT sum(octet_length(octets)) FROM crl_part p "
                    "WHERE p.issuer = c.issuer AND p.number = c.number)") == [(0,)]
    assert site.sql("SELECT count(*) FROM (SELECT created_at, lag(created_at) OVER (PARTITION BY issuer ORDER BY number) AS before FROM crl) c "
                    "WHERE created_at < before") == [(0,)], "numbers rise"


def test_second_signer_leaves_the_turn_and_takes_it_over(site):
    """One is held with the turn; the other does not make the CRL, until the turn's time is over."""
    site.relaunch()
    stop = site.proxy.arm(SIGNER, "crl_entries", "after")
    serial = site.sql(REVOKE)[0][0]
    stop.wait(30)
    holds_for(lambda: serial not in listed(site), 2.5, "the other one, which looks each second, leaves it")
    site.sql("UPDATE crl_turn SET until = now()")
    wait_for(lambda: serial in listed(site), 20, "the other signer makes it")
    number = site.sql("SELECT max(number) FROM crl")
    stop.release()
    holds_for(lambda: site.sql("SELECT max(number) FROM crl") == number, 2, "whoever was late records nothing")


def test_token_that_goes_away_while_a_crl_is_made_ends_the_signer_and_no_revocation_is_lost(site):
    site.relaunch()
    since = len(site.launcher_events("launcher.ended", "chancery-signer"))
    stop = site.proxy.arm(SIGNER, "crl_entries", "after")
    serial = site.sql(REVOKE)[0][0]
    stop.wait(30)
    site.remove_token()
    stop.release()
    wait_for(lambda: len(site.launcher_events("launcher.ended", "chancery-signer")) > since, 20, "a signer ends")
    assert {w["code"] for w in site.launcher_events("launcher.ended", "chancery-signer")[since:]} == {"75"}
    site.return_token()
    wait_for(lambda: serial in listed(site), 40, "the CRL lists it")
