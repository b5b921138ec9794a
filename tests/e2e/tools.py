"""Running other people's programs: to their end with everything they print kept, or as servers in the foreground."""

import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from instance import SOURCE, free_port  # noqa: E402
from pgcluster import wait_for  # noqa: E402

# Nothing of the caller's reaches a client: no proxies, no trust, no configuration of its own.
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
SECONDS = 60


def must_exist(name):
    assert shutil.which(name, path=ENVIRONMENT["PATH"]), "%s is not installed; deploy/packages*.txt name what these tests need" % name


def show(argv, code, output):
    return "$ %s\nexit %s\n%s" % (" ".join(argv), code, output)


def attempt(*argv, env=(), stdin=None, cwd="/"):
    """Exit code and everything printed, which pytest shows when the test fails."""
    must_exist(argv[0])
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=SECONDS,
                          env=dict(ENVIRONMENT, HOME="/nonexistent", **dict(env)), input=stdin if stdin is not None else "", cwd=cwd)
    print(show(argv, done.returncode, done.stdout))
    return done.returncode, done.stdout


def run(*argv, **more):
    """The same for a program that must succeed: what it printed."""
    code, output = attempt(*argv, **more)
    assert code == 0, show(argv, code, output)
    return output


def refused(*argv, **more):
    """The same for a program that must fail."""
    code, output = attempt(*argv, **more)
    assert code != 0, "this must fail: " + show(argv, code, output)
    return output


class Server:
    """One server in the foreground; ready when its ports accept."""

    def __init__(self, argv, log, ports):
        must_exist(argv[0])
        self.argv, self.log = argv, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT)
        try:
            for port in ports:
                wait_for(lambda port=port: self.accepts(port), 20, "%s accepts on port %d" % (argv[0], port))
        except AssertionError as e:
            self.stop()
            raise AssertionError("%s\n%s" % (e, self.printed())) from None

    def printed(self):
        with open(self.log, errors="replace") as f:
            return show(self.argv, self.process.poll(), f.read()[-4000:])

    def accepts(self, port):
        assert self.process.poll() is None, self.printed()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if exc[0] is not None:
            print(self.printed())
        self.stop()


def recipe(name, into, **values):
    """A shipped file of deploy/sidecar with its @NAMES@ replaced."""
    with open(os.path.join(SOURCE, "deploy", "sidecar", name)) as f:
        text = f.read()
    for key, value in values.items():
        text = text.replace("@%s@" % key, value)
    left = [line for line in text.splitlines() if not line.lstrip().startswith("#") and re.search("@[A-Z]+@", line)]
    assert not left, "%s has names that nobody replaced: %s" % (name, left)
    with open(into, "w") as f:
        f.write(text)
    return into


def join(into, *parts):
    """One PEM file of several."""
    with open(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for part in parts:
            with open(part) as f:
                out.write(f.read())
    return into


__all__ = ["Server", "attempt", "free_port", "join", "recipe", "refused", "run", "wait_for"]
