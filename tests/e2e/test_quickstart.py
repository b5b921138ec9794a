"""deploy/quickstart itself, in a directory and on ports of its own: a first run, a second one, --down, up again, --clean."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from instance import SOURCE, free_port

PORTS = ("ENROLL", "ADMIN", "PUBLIC", "METRICS", "SIDECAR", "HTTP01", "RESOLVER", "NGINX_CRL", "NGINX_OCSP")
USERS = ["chancery-" + u for u in ("gateway", "admin", "signer", "validator", "status", "postgres")]
STEP = re.compile(r"^(\d) (.{56}) (.+) \((\d+\.\d) s\)$")


class Trial:
    def __init__(self):
        self.base = tempfile.mkdtemp(prefix="chancery-quickstart-")
        os.chmod(self.base, 0o755)
        self.ports = {p: free_port() for p in PORTS}
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "CHANCERY_BASE": self.base,
                    "CHANCERY_QUICKSTART_BUILD": os.path.join(self.base, "build")}
        self.env.update({"CHANCERY_%s_PORT" % name: str(port) for name, port in self.ports.items()})
        self.env.update({k: os.environ[k] for k in ("CC",) if k in os.environ})

    def run(self, *args):
        """Its output; waits for the script and not for the daemons it leaves, so a descriptor left with them would show."""
        done = subprocess.run([os.path.join(SOURCE, "deploy", "quickstart"), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env=self.env, timeout=800, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def listens(self, name):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.ports[name])) == 0

    def path(self, *parts):
        return os.path.join(self.base, *parts)


@pytest.fixture(scope="module")
def trial():
    t = Trial()
    try:
        t.first = t.run()
        yield t
    finally:
        subprocess.run([os.path.join(SOURCE, "deploy", "quickstart"), "--clean"], stdin=subprocess.DEVNULL, env=t.env, timeout=120,
                       check=False)
        shutil.rmtree(t.base, ignore_errors=True)


def outcomes(text):
    return [m.groups() for m in map(STEP.match, text.splitlines()) if m]


def test_the_first_run_prints_every_step_with_its_outcome(trial):
    steps = outcomes(trial.first)
    assert {int(s[0]) for s in steps} == set(range(1, 9))
    said = {s[1].strip(): s[2] for s in steps}
    assert said["evidence of the ceremonies"] == "holds"
    assert said["status"] == "all well"
    assert said["ca-admin offboard leaver-1"] == "refused on the open connection"
    assert (said["OCSP"], said["CRL"], said["nginx"]) == ("revoked at once", "on the list", "refused by OCSP and by CRL")
    for client in ("curl", "strongSwan pki", "dehydrated", "certbot", "HAProxy"):
        assert any(client in title for title in said), client


def test_the_three_commands_it_tells_work(trial):
    commands = [line.strip() for line in trial.first.splitlines() if line.startswith("  /")]
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout


def test_each_program_runs_as_its_own_user(trial):
    seen = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            exe = os.readlink("/proc/%s/exe" % pid)
            owner = pwd.getpwuid(os.stat("/proc/%s" % pid).st_uid).pw_name
        except (OSError, KeyError):
            continue
        if exe.startswith(trial.path("opt")):
            with open("/proc/%s/status" % pid) as f:
                uid = int(re.search(r"^Uid:\s+(\d+)", f.read(), re.MULTILINE).group(1))
            seen[os.path.basename(exe)] = pwd.getpwuid(uid).pw_name or owner
    assert seen == {"chancery": "root", "chancery-gateway": "chancery-gateway", "chancery-admin": "chancery-admin", "chancery-signer": "chancery-signer",
                    "chancery-validator": "chancery-validator", "chancery-status": "chancery-status"}


def test_secrets_are_their_owners_alone(trial):
    for path, owner in (("var/lib/chancery/issuing/token.pin", "chancery-signer"), ("var/lib/chancery/offline-root/token.pin", "root"),
                        ("var/lib/chancery/operator/operator.key", "root")):
        st = os.stat(trial.path(path))
        assert (pwd.getpwuid(st.st_uid).pw_name, st.st_mode & 0o777) == (owner, 0o600), path
    for path in ("var/lib/chancery/issuing", "var/lib/chancery/offline-root", "var/lib/chancery/postgres"):
        assert os.stat(trial.path(path)).st_mode & 0o077 == 0, path


def test_no_role_of_another_can_be_had(trial):
    socket_dir = trial.path("run/chancery/postgresql")

    def login(user, role):
        return subprocess.run(["runuser", "-u", user, "--", "psql", "-h", socket_dir, "-U", role, "-d", "chancery", "-Atc", "SELECT 1"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", env=trial.env, check=False).returncode
    assert login("chancery-gateway", "chancery_gateway") == 0
    for user, role in (("chancery-gateway", "chancery_signer"), ("chancery-gateway", "chancery_admin"), ("chancery-status", "chancery_gateway"), ("chancery-signer", "chancery_owner"),
                       ("chancery-validator", "postgres"), ("nobody", "chancery_status")):
        assert login(user, role) != 0, (user, role)


def test_a_second_run_keeps_what_is_done(trial):
    text = trial.run()
    said = {s[1].strip(): s[2] for s in outcomes(text)}
    assert said["signer, gateway, admin, validator, status"] == "run already"
    assert said["root ceremony: key, certificate, CRL, evidence"] == "kept"
    assert said["status"] == "all well"
    assert "were done on" in text


def test_down_stops_everything_and_a_new_run_starts_it(trial):
    trial.run("--down")
    assert not trial.listens("ENROLL") and not trial.listens("PUBLIC")
    assert "were not running" in trial.run("--down")
    assert {s[1].strip(): s[2] for s in outcomes(trial.run())}["status"] == "all well"
    assert trial.listens("ENROLL") and trial.listens("PUBLIC")


def test_clean_removes_what_it_made(trial):
    made = open(trial.path("var/lib/chancery/users-made")).read().split() if os.path.exists(
        trial.path("var/lib/chancery/users-made")) else []
    trial.run("--clean")
    for path in ("opt/chancery", "etc/chancery", "var/lib/chancery", "run/chancery", "build"):
        assert not os.path.exists(trial.path(path)), path
    assert not trial.listens("ENROLL")
    left = {u.pw_name for u in pwd.getpwall()}
    assert not left & set(made) and set(made) <= set(USERS)


@pytest.mark.parametrize("args", [("--bogus",), ("--down", "--clean"), ("extra",)])
def test_wrong_usage_is_refused_before_anything_is_done(trial, args):
    done = subprocess.run([os.path.join(SOURCE, "deploy", "quickstart"), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=dict(trial.env, CHANCERY_BASE=trial.path("never")), check=False)
    assert done.returncode != 0 and not os.path.exists(trial.path("never"))
