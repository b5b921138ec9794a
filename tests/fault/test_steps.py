"""kill -9 of the signer, the gateway and PostgreSQL, and removal of the token, at each step of an issuance under load.

A step is a place where one program is held by the proxy (pgstop.py) with a batch of the load in its hands; then something is
struck and comes back. Every client must get its certificate in the end, and ledger and database must agree (audit.py).
"""

import pytest

from audit import audit
from load import Load
from pgcluster import wait_for

GATEWAY, SIGNER = "chancery_gateway", "chancery_signer"

# (role, prepared statement, moment): where the program is held.
STEPS = {
    "before_the_request_is_committed": dict(role=GATEWAY, statement="transaction_commit", moment="before"),
    "after_the_commit_before_the_bell": dict(role=GATEWAY, statement="transaction_commit", moment="after"),
    "after_the_claim": dict(role=SIGNER, statement="claim_take", moment="after", rows=True),
    "after_signing_before_recording": dict(role=SIGNER, statement="claim_issue", moment="before"),
    "before_the_signers_commit": dict(role=SIGNER, statement="transaction_commit", moment="before"),
    "after_commit_before_its_answer": dict(role=SIGNER, statement="transaction_commit", moment="after"),
    "after_the_result_before_the_answer": dict(role=GATEWAY, statement="wait_fetch", moment="after", rows=True),
    "after_the_answer": None,
}


def kill_signer(site, held):
    pids = site.pids("chancery-signer")
    # The one that is held; all of them when a gateway is.
    site.kill([held] if held in pids else pids)


def kill_gateway(site, _held):
    site.kill(site.pids("chancery-gateway"))


def crash_postgresql(site, _held):
    site.crash_database()


def restart_postgresql(site):
    site.pg.start()


def cut_connection(site, held):
    """Nobody dies; only the connection of the one that is held breaks, or, after an answer, every connection."""
    if held is None:
        site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'chancery\\_%%'", role=site.pg.superuser)


def nothing(_site):
    pass


def take_token_away(site, _held):
    site.ended_before = len(site.launcher_events("launcher.ended", "chancery-signer"))
    site.remove_token()


def bring_token_back(site):
    """When every signer has noticed."""
    wait_for(lambda: len(site.launcher_events("launcher.ended", "chancery-signer")) >= site.ended_before + site.signers, 20,
             "the signers miss the token")
    site.return_token()


VICTIMS = {
    "signer": (kill_signer, nothing),
    "gateway": (kill_gateway, nothing),
    "postgresql": (crash_postgresql, restart_postgresql),
    "connection": (cut_connection, nothing),
    "token": (take_token_away, bring_token_back),
}


def strike(site, load, victim, step):
    hit, mend = VICTIMS[victim]
    stop = site.proxy.arm(**step) if step is not None else None
    if stop is not None:
        held = stop.wait()
    else:
        count = load.ledger.count()
        wait_for(lambda: load.ledger.count() > count, 30, "an answer")
        held = None
    hit(site, held)
    if stop is not None and victim == "connection":
        stop.cut()
    site.proxy.disarm()
    mend(site)


@pytest.mark.parametrize("victim", VICTIMS)
def test_struck_at_each_step_under_load(site, victim):
    site.relaunch()
    with Load(site) as load:
        for n, (name, step) in enumerate(STEPS.items()):
            try:
                if n == len(STEPS) // 2 and victim in ("gateway", "token"):
                    site.relaunch()  # or the launcher's back-off is what this test waits for
                strike(site, load, victim, step)
                load.every_worker_goes_on()
            except AssertionError as e:
                raise AssertionError("%s %s: %s" % (victim, name, e)) from None
    print(victim, len(load.ledger.acks), "certificates,", dict(load.ledger.answers), "lost connections:", load.ledger.losses,
          "slowest answer: %.1f s" % load.ledger.slowest)
    audit(site, load.ledger.acks)
