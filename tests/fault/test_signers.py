"""Two signers share a queue and a token: one is killed again and again, the token stays away for long."""

import os
import random
import signal

import pytest

from audit import audit, served
from load import Load
from pgcluster import wait_for


def test_one_of_two_killed_repeatedly_at_random_moments(site):
    chance = random.Random(7)
    with Load(site, est=4) as load:
        for _ in range(6):
            pids = wait_for(lambda: len(site.pids("chancery-signer")) == 2 and site.pids("chancery-signer"), 30, "two signers")
            count = load.ledger.count()
            wait_for(lambda: load.ledger.count() > count + chance.randrange(8), 30, "certificates")
            # Frozen first: so that it dies wherever it is, also with a claim that the other one must be able to take.
            os.kill(pids[0], signal.SIGSTOP)
            site.kill(pids[:1])
        load.every_worker_goes_on()
    assert load.ledger.slowest < 10, "the other signer goes on at once: %.1f s" % load.ledger.slowest
    audit(site, load.ledger.acks)



@pytest.mark.parametrize("how", ["gone", "empty"])
def test_token_that_stays_away_is_waited_for(site, how):
    """Signers end, are started again and end again; enrollments wait with 202, orders in processing; OCSP goes on."""
    site.relaunch()
    with Load(site) as load:
        since = len(site.launcher_events("launcher.ended", "chancery-signer"))
        site.remove_token()
        if how == "empty":
            os.mkdir(site.path("tokens"))

        def gave_up():
            return site.launcher_events("launcher.ended", "chancery-signer")[since:]
        wait_for(lambda: len(gave_up()) >= 6, 40, "signers try again and again")
        assert {w["code"] for w in gave_up()} == {"75"}, gave_up()
        waiting = load.ledger.answers[202]
        wait_for(lambda: load.ledger.answers[202] > waiting, 20, "enrollments are told to wait")
        served(site, load.ledger.acks[-5:])
        if how == "empty":
            os.rmdir(site.path("tokens"))
        site.return_token()
        load.every_worker_goes_on()
    audit(site, load.ledger.acks)
