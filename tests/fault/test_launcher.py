"""The launcher: what dies is started again, ever more slowly; what says its configuration is wrong is not; all stop together."""

import os
import signal
import time

import pytest

from load import Load
from audit import audit
from pgcluster import alive, wait_for
from site_under_fault import NAMES

EXPECTED = {"chancery-signer": 2, "chancery-gateway": 1, "chancery-admin": 1, "chancery-validator": 1, "chancery-status": 1}


def all_there(site):
    return {name: len(site.pids(name)) for name in NAMES} == EXPECTED


def ended(site, name, since):
    return [int(w["restart_ms"]) for w in site.launcher_events("launcher.ended", name)[since:]]


@pytest.mark.parametrize("name", NAMES)
def test_killed_program_is_started_again(site, name):
    site.mend()
    wait_for(lambda: all_there(site), 20, "all programs run")
    before = set(site.pids(name))
    victim = min(before)
    site.kill([victim])
    wait_for(lambda: all_there(site), 20, "%s is back" % name)
    assert victim not in site.pids(name)
    assert len(before & set(site.pids(name))) == len(before) - 1, "its twin was left alone"
    site.wait_ready()


def test_back_off_grows_and_is_kept(site):
    site.relaunch()
    since = len(site.launcher_events("launcher.ended", "chancery-validator"))
    gaps = []
    for _ in range(4):
        pids = wait_for(lambda: site.pids("chancery-validator"), 20, "a validator")
        start = time.monotonic()
        site.kill(pids)
        wait_for(lambda: site.pids("chancery-validator"), 20, "the next validator")
        gaps.append(time.monotonic() - start)
    assert ended(site, "chancery-validator", since) == [200, 400, 800, 1600]
    assert all(gap >= least for gap, least in zip(gaps, (0.2, 0.4, 0.8, 1.6))), gaps


def test_program_with_an_impossible_configuration_waits_for_a_reload(site):
    before = len(site.launcher_events("ready", "chancery-signer"))
    site.relaunch()
    # Both have read their PIN: one that starts late must not be who meets the wrong one.
    wait_for(lambda: len(site.launcher_events("ready", "chancery-signer")) >= before + 2, 20, "both signers are ready")
    wait_for(lambda: all_there(site), 20, "all programs run")
    pin = site.path("ceremony/issuing.pin")
    with open(pin) as f:
        good = f.read()
    since = len(site.launcher_events("launcher.ended", "chancery-signer"))
    try:
        with open(pin, "w") as f:
            f.write("000000\n")
        site.kill(site.pids("chancery-signer")[:1])
        # Killed, started again, then it says 78 (a wrong PIN tried for ever would lock the token).
        wait_for(lambda: ended(site, "chancery-signer", since)[1:], 20, "the signer refuses its PIN")
        last = site.launcher_events("launcher.ended", "chancery-signer")[-1]
        assert (last["code"], last["restart_ms"]) == ("78", "-1"), last
        # Programs killed after it come back; it does not.
        for _ in range(3):
            pids = site.pids("chancery-validator")
            site.kill(pids)
            wait_for(lambda: site.pids("chancery-validator"), 20, "the validator is back")
        assert len(ended(site, "chancery-signer", since)) == 2 and len(site.pids("chancery-signer")) == 1
    finally:
        with open(pin, "w") as f:
            f.write(good)
    site.launcher.process.send_signal(signal.SIGHUP)
    wait_for(lambda: all_there(site), 20, "a reload starts it again")
    site.wait_ready()


def stop_and_check(site, within):
    pids = site.all_pids()
    assert len(pids) == sum(EXPECTED.values())
    since = {name: len(site.launcher_events("launcher.ended", name)) for name in NAMES}
    start = time.monotonic()
    assert site.launcher.stop() == 0
    print("stopped within %.1f s" % (time.monotonic() - start))
    assert time.monotonic() - start < within
    assert not any(alive(p) for p in pids)
    codes = [(w["program"], w["code"], w["signal"]) for name in NAMES for w in site.launcher_events("launcher.ended", name)[since[name]:]]
    assert codes == [(name, "0", "0") for name in NAMES for _ in range(EXPECTED[name])], codes


def test_sigterm_under_load_stops_all_cleanly_and_loses_nothing(site):
    site.relaunch()
    with Load(site) as load:
        stop_and_check(site, 25)
        site.launch()
        load.every_worker_goes_on()
    audit(site, load.ledger.acks)


@pytest.mark.parametrize("database", ["gone", "silent"])
def test_sigterm_while_the_database_is_away_stops_all_cleanly(site, database):
    site.mend()
    site.wait_ready()
    with Load(site) as load:
        wait_for(lambda: all_there(site), 20, "all programs run")
        if database == "gone":
            site.crash_database()
        else:
            site.pg.suspend()
        try:
            seen = load.ledger.answers[503]
            wait_for(lambda: load.ledger.answers[503] > seen, 30, "a client is told to come back")
            stop_and_check(site, 25)
        finally:
            if database == "gone":
                site.pg.start()
            else:
                site.pg.resume()
        site.launch()
        load.every_worker_goes_on()
    audit(site, load.ledger.acks)


def test_programs_started_without_a_database_wait_for_it(site):
    site.mend()
    site.wait_ready()
    assert site.launcher.stop() == 0
    site.crash_database()
    site.launch()
    wait_for(lambda: all_there(site), 20, "all programs run")
    pids = site.all_pids()
    wait_for(lambda: len({line.split("program=")[1].split()[0] for line in site.log_lines("chancery")
                          if "event=store.open" in line}) == len(NAMES), 20, "each says what it waits for")
    stopped = site.launcher.stop(within=20)
    assert stopped == 0
    assert not any(alive(p) for p in pids)
    site.launch()
    wait_for(lambda: all_there(site), 20, "all programs run")
    pids = site.all_pids()
    site.pg.start()
    site.wait_ready()
    assert site.all_pids() == pids, "nobody had to be started again"


def test_killed_launcher_takes_its_programs_with_it(site):
    site.mend()
    site.wait_ready()
    pids = wait_for(lambda: all_there(site) and site.all_pids(), 20, "all programs run")
    os.kill(site.launcher.process.pid, signal.SIGKILL)
    site.launcher.process.wait(10)
    wait_for(lambda: not any(alive(p) for p in pids), 25, "its programs end too")
    site.launch()
    site.wait_ready()
