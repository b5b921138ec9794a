"""What an operation asks of PostgreSQL, counted over all programs: the counts are the test, not the time."""

import os
import re
import subprocess

import pytest

from cost import PRELOAD, Cost
from instance import Instance, program

COUNT = 200


@pytest.fixture(scope="module")
def ca():
    with Instance(postgresql=PRELOAD) as instance:
        instance.add_identity("lone", "device", ["device=dns:lone.example.org"])
        instance.add_identity("web", "workload", ["workload=dns:web.example.org"])
        yield instance


@pytest.fixture(scope="module")
def cost(ca):
    return Cost(ca)


def load(ca, mode, pair, name):
    """One client, COUNT operations over one connection: how many there were."""
    key, chain = pair
    done = subprocess.run([program("chancery-load"), mode, "--host", "localhost:%d" % ca.port, "--port", str(ca.port), "--ca", ca.trust,
                           "--cert", chain, "--key", key, "--names", name, "--threads", "1", "--connections", "1", "--count", str(COUNT)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))  # it ends with what it has
    assert "failed=0 " in done.stdout, done.stdout
    return int(re.search(r"done=(\d+)", done.stdout).group(1))


def test_an_enrollment_alone(ca, cost):
    """A request, a certificate and a result are three commits; the status program hears of some of them at a time."""
    lone = ca.issue("lone", "device", ["dns:lone.example.org"], common_name="lone")
    load(ca, "est", lone, "dns:lone.example.org")  # connections are made, statements prepared
    cost.each(1)
    commits, statements, octets = cost.each(load(ca, "est", lone, "dns:lone.example.org"))
    assert 3 <= commits <= 5, (commits, statements, octets)
    assert 5 <= statements <= 6, statements


def test_an_order_with_a_grant_alone(ca, cost):
    web = ca.issue("web", "workload", ["dns:web.example.org"])
    load(ca, "acme", web, "dns:web.example.org")
    cost.each(1)
    commits, statements, octets = cost.each(load(ca, "acme", web, "dns:web.example.org"))
    assert 3 <= commits <= 10, (commits, statements)
    assert 5 <= statements <= 16, statements
