"""A configured issuing CA that is not imported yet: the others work, everybody who is asked says which one is missing and what
to run, and once it is imported it is used without a restart of any program."""

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from admin import load_cert  # noqa: E402
from httpclient import Client  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402

REMEDY = "ca-admin issuer import"
ISSUERS = [{"name": "issuing-1", "key": "issuing-1"}, {"name": "issuing-2", "key": "issuing-2"}]
SECOND = {"name": "second", "issuer": "issuing-2", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"], "lifetime": "1h",
          "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}


@pytest.fixture(scope="module")
def half():
    with Instance(config={"issuers": ISSUERS}, profiles=[SECOND], complete=False) as instance:
        yield instance


def ready(ca):
    try:
        with Client("127.0.0.1", ca.public_port) as c:
            answer = c.request("GET", "/ready")
            return answer.status, answer.body.decode()
    except OSError:
        return None, ""


def status(ca):
    done = ca.admin("status", check=False)
    return done.returncode, json.loads(done.stdout)


def issue(ca, name, profile):
    ca.add_identity(name, "device", ["%s=dns:%s.example.org" % (profile, name)])
    return load_cert(ca.issue(name, profile, ["dns:%s.example.org" % name])[1])


def test_what_is_missing_is_told_and_the_others_work(half):
    assert issue(half, "of-the-first", "device").issuer == load_cert(half.issuing).subject
    code, text = wait_for(lambda: (lambda r: r if r[0] else None)(ready(half)), 20, "the status program answers")
    assert code == 503 and '"issuing-2"' in text and REMEDY in text
    code, answer = wait_for(lambda: (lambda r: r if len(told(r[1], "issuing-2")) == 3 else None)(status(half)), 20,
                            "admin program, signer and status program tell of it")
    assert code == 5 and answer["healthy"] is False
    assert all(REMEDY in line for line in told(answer, "issuing-2")) and not told(answer, "issuing-1")
    states = {p["program"]: p["state"] for p in answer["programs"]}
    assert (states["signer"], states["status"]) == ("degraded", "degraded")
    half.add_identity("of-the-second", "device", ["second=dns:of-the-second.example.org"])
    with pytest.raises(AssertionError, match="unavailable"):
        half.issue("of-the-second", "second", ["dns:of-the-second.example.org"])


def told(answer, name):
    return [line for line in answer["problems"] if '"%s"' % name in line]


def test_imported_it_is_used_without_a_restart(half):
    pids = {name: p.process.pid for name, p in half.running.items()}
    half.make_issuer(2)
    half.import_issuer("issuing-2")
    wait_for(lambda: ready(half)[0] == 200, 20, "the status program is ready")
    half.complete = True
    second = load_cert(half.path("ceremony/issuing-2.pem"))
    wait_for(lambda: status(half)[1]["healthy"], 20, "all is well")
    assert issue(half, "late", "second").issuer == second.subject
    assert issue(half, "as-before", "device").issuer == load_cert(half.issuing).subject
    assert {name: p.process.pid for name, p in half.running.items()} == pids
    half.check_running()
