"""What a real HSM does and SoftHSM never does, by a module in front of SoftHSM (shim.c): PINs that run out, signing that fails."""

import os

import pytest

from conftest import MODULE, SHIM, wait_for
from test_signer import verify

FINAL_TRY, LOCKED = "00020000", "00040000"


@pytest.fixture
def shim(site, monkeypatch):
    """The site with the shim as its module; logins() counts."""
    monkeypatch.setenv("SHIM_MODULE", MODULE)
    monkeypatch.setenv("SHIM_LOGINS", site.world.path("logins"))
    text = site.world.read("chancery.yaml").decode()
    site.world.write("chancery.yaml", text.replace("module: %s\n" % MODULE, "module: %s\n" % SHIM))
    site.logins = lambda: os.path.getsize(site.world.path("logins")) if os.path.exists(site.world.path("logins")) else 0
    site.import_issuers()
    return site


def test_shim_alone_changes_nothing(shim):
    s = shim.start()
    assert shim.logins() == 1
    assert s.stop() == 0


@pytest.mark.parametrize("flags, words", [(FINAL_TRY, "one wrong login more would lock"), (LOCKED, "is locked")])
def test_token_about_to_lock_is_not_tried(shim, monkeypatch, flags, words):
    monkeypatch.setenv("SHIM_FLAGS", flags)
    s = shim.start(wait=False)
    assert s.ends() == 78
    assert words in s.text() and "no login was tried" in s.text()
    assert shim.logins() == 0


def test_wrong_pin_is_one_login(shim):
    shim.world.write("issuing.pin", "wrong\n", 0o600)
    s = shim.start(wait=False)
    assert s.ends() == 78
    assert shim.logins() == 1


@pytest.mark.parametrize("busy, logins", [("SHIM_BUSY_SLOTS", 1), ("SHIM_BUSY_LOGINS", 4)])
def test_token_that_is_busy_for_a_moment_is_opened_all_the_same(shim, monkeypatch, busy, logins):
    """As SoftHSM is while another signer starts."""
    monkeypatch.setenv(busy, "3")
    s = shim.start()
    assert shim.logins() == logins
    assert s.stop() == 0


@pytest.mark.parametrize("busy, most", [("SHIM_BUSY_SLOTS", 0), ("SHIM_BUSY_LOGINS", 6)])
def test_token_that_stays_busy_ends_the_signer_for_a_restart(shim, monkeypatch, busy, most):
    monkeypatch.setenv(busy, "1000000")
    s = shim.start(wait=False)
    assert s.ends() == 75 and "CKR_GENERAL_ERROR" in s.text()
    assert shim.logins() == most


@pytest.mark.parametrize("signs", [1, 7, 40])
def test_hsm_that_fails_in_a_batch_records_nothing_of_it(shim, monkeypatch, signs):
    """Of three batches the HSM survives some signatures; whole batches are there, the broken one is not, and all are done later."""
    shim.configure(batch=16)
    text = shim.world.read("chancery.yaml").decode()
    shim.world.write("chancery.yaml", text.replace("module: %s\n" % MODULE, "module: %s\n" % SHIM))
    who = shim.identity("d")
    requests = [shim.request(who) for _ in range(48)]
    monkeypatch.setenv("SHIM_SIGNS", str(signs))
    s = shim.start(wait=False)
    assert s.ends() == 75, s.text()
    assert "CKR_DEVICE_ERROR" in s.text() or "Device error" in s.text(), s.text()
    states = [shim.result(r)[0] for r in requests]
    assert "refused" not in states
    count = shim.value("chancery_gateway", "SELECT count(*) FROM certificate")
    assert states.count("done") == count and count % 16 == 0 and count <= signs
    monkeypatch.delenv("SHIM_SIGNS")
    shim.start(2)
    for r in requests:
        assert shim.wait(r)[0] == "done"
    assert shim.value("chancery_gateway", "SELECT count(DISTINCT serial) FROM certificate") == 48


def test_hsm_that_fails_at_a_crl_ends_the_signer(shim, monkeypatch):
    monkeypatch.setenv("SHIM_SIGNS", "0")
    s = shim.start(wait=False)
    assert s.ends() == 75
    assert shim.crl() is None
    monkeypatch.delenv("SHIM_SIGNS")
    shim.start(2)
    wait_for(shim.crl, 20, "the CRL after recovery")


def test_hsm_that_never_answers_ends_the_signer(shim, monkeypatch):
    """libp11 can wait for ever; whoever waits in the queue must not wait with it."""
    monkeypatch.setenv("SHIM_HANG", shim.world.path("hang"))
    s = shim.start()
    wait_for(shim.crl, 20, "the first CRL")
    shim.world.write("hang", "")
    request = shim.request(shim.identity("d"))
    assert s.ends(60) == 75
    assert "no answer in time" in s.text()
    assert shim.result(request)[0] == "pending"
    os.unlink(shim.world.path("hang"))
    shim.start(2)
    assert shim.wait(request)[0] == "done"


def most_at_once(site):
    path = site.world.path("most")
    return os.path.getsize(path) if os.path.exists(path) else 0


@pytest.mark.parametrize("wait_us, sessions, most", [("20000", 4, 4), ("20000", 1, 1), ("0", 4, 1)])
def test_slow_hsm_is_asked_by_all_sessions_at_once(shim, monkeypatch, wait_us, sessions, most):
    """As many signatures are under way as there are sessions, and a fast token is asked by one thread alone."""
    monkeypatch.setenv("SHIM_WAIT_US", wait_us)
    monkeypatch.setenv("SHIM_MOST", shim.world.path("most"))
    text = shim.world.read("chancery.yaml").decode()
    shim.world.write("chancery.yaml", text.replace("hsm:\n", "hsm:\n  sessions: %d\n" % sessions))
    who = shim.identity("d")
    shim.start()
    wait_for(shim.crl, 20, "the first CRL, which is signed by another thread")
    for _ in range(2):  # what the first batch took decides for the second
        requests = [shim.request(who) for _ in range(16)]
        for r in requests:
            assert shim.wait(r)[0] == "done"
    assert most_at_once(shim) == most
    serials = [shim.result(r)[1] for r in requests]
    assert len(set(serials)) == 16
    for serial in serials:
        assert verify(shim, shim.certificate(serial)).returncode == 0


def test_slow_hsm_that_fails_in_one_session_records_nothing_of_the_batch(shim, monkeypatch):
    monkeypatch.setenv("SHIM_WAIT_US", "5000")
    who = shim.identity("d")
    monkeypatch.setenv("SHIM_SIGNS", "30")
    s = shim.start(wait=False)
    requests = [shim.request(who) for _ in range(64)]
    assert s.ends() == 75, s.text()
    states = [shim.result(r)[0] for r in requests]
    count = shim.value("chancery_gateway", "SELECT count(*) FROM certificate")
    assert "refused" not in states and states.count("done") == count < 30
    monkeypatch.delenv("SHIM_SIGNS")
    shim.start(2)
    assert all(shim.wait(r)[0] == "done" for r in requests)
