"""chancery: starts the programs, restarts what dies, says what is missing, forwards signals, leaves nothing behind."""

import os
import pwd
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from instance import Instance, program  # noqa: E402
from pgcluster import alive, children, wait_for  # noqa: E402

NAMES = ("chancery-signer", "chancery-gateway", "chancery-admin", "chancery-validator", "chancery-status")


@pytest.fixture(scope="module")
def ca():
    with Instance(programs=(), signers=2) as instance:
        for key in list(instance.running):
            instance.stop_program(key)
        os.mkdir(instance.path("bin"))
        for name in NAMES:
            os.symlink(program(name), instance.path("bin", name))
        yield instance


@pytest.fixture
def launcher(ca):
    p = launch(ca)
    yield p
    if p.poll() is None:
        p.send_signal(signal.SIGTERM)
        p.wait(60)


def launch(ca, config=None, programs=None):
    with open(ca.path("log", "chancery.log"), "ab") as log:
        return subprocess.Popen([program("chancery"), "--config", config or ca.config_path, "--programs", programs or ca.path("bin")],
                                stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def ends(ca, p, code):
    """The launcher has ended with this code; never left behind when it has not."""
    try:
        return p.wait(20) == code
    finally:
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            p.wait(60)


def log_since(ca, mark):
    with open(ca.path("log", "chancery.log"), errors="replace") as f:
        return f.read()[mark:]


def size(ca):
    path = ca.path("log", "chancery.log")
    return os.path.getsize(path) if os.path.exists(path) else 0


def running(launcher):
    """Names of the launcher's children with their process ids."""
    found = []
    for pid in children(launcher.pid):
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                argv = f.read().split(b"\0")
        except OSError:
            continue
        found.append((os.path.basename(argv[0].decode()), pid, argv[4].decode() if len(argv) > 4 else ""))
    return sorted(found)


def all_there(launcher):
    names = [n for n, _, _ in running(launcher)]
    return names == sorted(NAMES + ("chancery-signer",)) and running(launcher)


def test_it_starts_everything_and_the_gateway_answers(ca, launcher):
    found = wait_for(lambda: all_there(launcher), 20, "six programs run")
    assert [number for name, _, number in found if name == "chancery-signer"] == ["1", "2"]
    wait_for(lambda: ca.answers("chancery-gateway"), 30, "the gateway answers")


def test_what_dies_is_restarted_ever_more_slowly(ca, launcher):
    mark = size(ca)
    delays = []
    for _ in range(3):
        wait_for(lambda: all_there(launcher), 30, "six programs run")
        pid = [p for n, p, _ in running(launcher) if n == "chancery-validator"][0]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: not alive(pid), 10, "it is gone")
        wait_for(lambda n=len(delays): log_since(ca, mark).count("event=launcher.ended") > n, 10, "the launcher has seen it")
        line = [x for x in log_since(ca, mark).splitlines() if "event=launcher.ended" in x][-1]
        assert "program=chancery-validator" in line.replace('"', "").replace("program=chancery ", "") and "signal=9" in line
        delays.append(int(line.split("restart_ms=")[1].split()[0]))
    assert delays == [200, 400, 800]
    wait_for(lambda: all_there(launcher), 30, "six programs run again")


def test_a_killed_signer_comes_back_and_signs(ca, launcher):
    wait_for(lambda: all_there(launcher) and ca.answers("chancery-gateway"), 30, "all run")
    for name, pid, _ in running(launcher):
        if name == "chancery-signer":
            os.kill(pid, signal.SIGKILL)
    ca.init()  # finds its certificate good
    ca.add_identity("after-%d" % launcher.pid, "device", ["device=dns:after-%d.example.org" % launcher.pid])
    ca.issue("after-%d" % launcher.pid, "device", ["dns:after-%d.example.org" % launcher.pid])


def test_sigterm_ends_everything_and_leaves_no_pid_file(ca, launcher):
    found = wait_for(lambda: all_there(launcher), 30, "six programs run")
    wait_for(lambda: ca.answers("chancery-gateway"), 30, "the gateway answers")
    mark = size(ca)
    launcher.send_signal(signal.SIGTERM)
    assert launcher.wait(60) == 0
    assert not [pid for _, pid, _ in found if alive(pid)]
    assert os.listdir(ca.path("run")) == []
    ends = [line for line in log_since(ca, mark).splitlines() if "launcher.ended" in line]
    assert len(ends) == len(found) and all("level=info" in line and "restart_ms=-1" in line for line in ends)


def test_sighup_is_forwarded(ca, launcher):
    wait_for(lambda: all_there(launcher) and ca.answers("chancery-gateway"), 30, "all run")
    mark = size(ca)
    launcher.send_signal(signal.SIGHUP)
    wait_for(lambda: "event=front.reload" in log_since(ca, mark), 20, "the gateway reloads")


def test_programs_do_not_outlive_a_killed_launcher(ca, launcher):
    found = wait_for(lambda: all_there(launcher), 30, "six programs run")
    launcher.kill()
    launcher.wait(10)
    wait_for(lambda: not [pid for _, pid, _ in found if alive(pid)], 40, "all have ended")


def test_a_second_launcher_is_refused(ca, launcher):
    wait_for(lambda: all_there(launcher), 30, "six programs run")
    mark = size(ca)
    assert ends(ca, launch(ca), 1)
    assert "runs already" in log_since(ca, mark)


def test_a_missing_program_is_named_with_the_remedy(ca):
    mark = size(ca)
    os.mkdir(ca.path("half"))
    os.symlink(program("chancery-signer"), ca.path("half", "chancery-signer"))
    assert ends(ca, launch(ca, programs=ca.path("half")), 78)
    text = log_since(ca, mark)
    assert ca.path("half", "chancery-gateway") in text and "--programs" in text


def test_users_need_root_and_must_exist(ca):
    os.mkdir(ca.path("other-run"))
    config = ca.write_config(ca.path("users.yaml"), {"launcher": {"users": True}, "run_directory": ca.path("other-run")})
    os.chmod(config, 0o644)
    mark, argv = size(ca), [program("chancery"), "--config", config, "--programs", ca.path("bin")]
    if os.geteuid() == 0:
        os.chown(ca.path("other-run"), 65534, 65534)
        argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] + argv
    with open(ca.path("log", "chancery.log"), "ab") as log:
        assert ends(ca, subprocess.Popen(argv, stdout=log, stderr=log), 78)
    assert "run as root or set launcher.users to false" in log_since(ca, mark)
    if os.geteuid() == 0 and not any(user.pw_name == "chancery-signer" for user in pwd.getpwall()):
        assert ends(ca, launch(ca, config), 78)
        assert "useradd --system" in log_since(ca, mark)


def test_a_program_that_began_before_the_reload_gets_another_try(ca, tmp_path):
    """Its mistake may be what has been corrected since. The first validator waits, survives the reload, and ends with 78."""
    for name in set(NAMES) - {"chancery-validator"}:
        os.symlink(program(name), str(tmp_path / name))
    gate, begun, late = (str(tmp_path / name) for name in ("gate", "begun", "chancery-validator"))
    os.mkfifo(gate)
    with open(late, "w") as f:
        f.write("#!/bin/sh\ntrap '' HUP\n[ -e %s ] && exec %s \"$@\"\n: >%s\nread line <%s\nexit 78\n"
                % (begun, program("chancery-validator"), begun, gate))
    os.chmod(late, 0o755)
    mark = size(ca)
    p = launch(ca, programs=str(tmp_path))
    try:
        wait_for(lambda: os.path.exists(begun), 20, "the first validator has begun")
        p.send_signal(signal.SIGHUP)
        wait_for(lambda: "event=launcher.reload" in log_since(ca, mark), 20, "the launcher reloads")
        with open(gate, "w") as f:
            f.write("\n")
        wait_for(lambda: "code=78" in log_since(ca, mark), 20, "the first validator ends")
        wait_for(lambda: all_there(p), 30, "six programs run")
        assert "restart_ms=-1" not in log_since(ca, mark)
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(60)


def test_a_program_with_a_wrong_configuration_is_not_restarted_until_reload(ca):
    good = open(ca.path("profiles.yaml")).read()
    with open(ca.path("profiles.yaml"), "w") as f:
        f.write(good.replace("lifetime: 30d", "lifetime: soon", 1))
    mark = size(ca)
    p = launch(ca)
    try:
        wait_for(lambda: "restart_ms=-1" in log_since(ca, mark), 20, "a program is given up")  # others may be about to
        text = log_since(ca, mark)
        assert "profiles.yaml:" in text and "correct it and reload" in text
        with open(ca.path("profiles.yaml"), "w") as f:
            f.write(good)
        p.send_signal(signal.SIGHUP)
        wait_for(lambda: all_there(p), 30, "six programs run")
        wait_for(lambda: ca.answers("chancery-gateway"), 30, "the gateway answers")
    finally:
        with open(ca.path("profiles.yaml"), "w") as f:
            f.write(good)
        p.send_signal(signal.SIGTERM)
        p.wait(60)
