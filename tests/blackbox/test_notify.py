"""What systemd is told: each program is up while it waits for what others still bring, and says what that is; units start what may
heal again and again, and nothing else."""

import configparser
import os
import re
import socket
import subprocess

import pytest

from built import SOURCE
from instance import FRONTS, MODULE, STARTED, Instance
from pgcluster import wait_for

PROGRAMS = ("chancery-signer",) + STARTED
UNITS = os.path.join(SOURCE, "deploy", "systemd")


class Told:
    """A program's NOTIFY_SOCKET: the variables it has set, the last value of each."""

    def __init__(self, ca, name, monkeypatch, **spawn):
        self.value, path = {}, ca.path("notify-" + name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        self.program = ca.spawn(name, **spawn)
        monkeypatch.delenv("NOTIFY_SOCKET")

    def look(self):
        try:
            while True:
                self.value.update(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
        except BlockingIOError:
            return self.value

    def wait_status(self, pattern, what):
        def ready():
            assert self.program.running(), self.program.tail()
            return self.look().get("READY") == "1" and re.search(pattern, self.value["STATUS"])
        try:
            wait_for(ready, 40, what)
        except AssertionError as e:
            raise AssertionError("%s: %s\n%s" % (e, self.value, self.program.tail())) from None


@pytest.fixture
def site():
    """Everything is made but the schema: nothing is imported, nobody initialised."""
    ca = Instance()
    try:
        ca.make_database()
        ca.make_keys()
        ca.write_config()
        yield ca
    finally:
        ca.stop()


def test_units_may_start_before_schema_import_and_init(site, monkeypatch):
    told = {name: Told(site, name, monkeypatch) for name in PROGRAMS}
    for name in PROGRAMS:
        told[name].wait_status('^waiting: .*role "chancery_', name + " waits for the schema, which brings the roles")
    site.apply_schema()
    told["chancery-signer"].wait_status("^waiting: .*issuer import", "the signer waits for the import")
    site.import_issuer()
    for name in FRONTS:
        told[name].wait_status("^waiting: .*init", name + " waits for init")
    site.init()
    for name in PROGRAMS:
        told[name].wait_status("^$", name + " waits for nothing")
    site.wait_ready()


def test_a_signer_without_its_hsm_is_up_says_so_and_ends_to_be_started_again(site, monkeypatch):
    away = site.write_config(site.path("away.yaml"), {"hsm": {"token": "away"}})
    told = Told(site, "chancery-signer", monkeypatch, config=away)
    assert told.program.process.wait(30) == 75, told.program.tail()
    assert told.look()["READY"] == "1" and told.value["STATUS"].startswith("waiting: ") and MODULE in told.value["STATUS"]


def test_a_mistake_in_the_configuration_is_never_ready(site, monkeypatch):
    wrong = site.write_config(site.path("wrong.yaml"), {"profiles": "/nonexistent"})
    told = Told(site, "chancery-gateway", monkeypatch, config=wrong)
    assert told.program.process.wait(30) == 78, told.program.tail()
    assert "READY" not in told.look()


@pytest.mark.parametrize("name", PROGRAMS)
def test_units_start_again_for_ever_what_may_heal_and_nothing_else(name, tmp_path):
    with open(os.path.join(UNITS, name + ".service")) as f:
        text = f.read()
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(text)
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "the start limit would end it"
    assert (unit["Service"]["Type"], unit["Service"]["Restart"], unit["Service"]["RestartPreventExitStatus"]) == \
        ("notify", "always", "2 78")
    made = tmp_path / (name + ".service")
    made.write_text(text.replace("@bindir@/" + name, "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(made)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0 and not done.stdout, done.stdout
