"""est/CHECKS.md 87 to 92: 202 while no signer answers, and what the repeat gets. Stops and starts its own instance's signer."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from est import Device, cert, post, public  # noqa: E402
from instance import Instance, new_key  # noqa: E402
from pgcluster import wait_for  # noqa: E402


@pytest.fixture(scope="module")
def slow():
    with Instance(config={"est": {"wait": "0s", "retry_after": "3s"}}, programs=("chancery-gateway", "chancery-admin")) as instance:
        yield instance


@pytest.fixture
def device(slow):
    d = Device(slow)
    yield d
    d.close()


@pytest.fixture
def no_signer(slow):
    slow.stop_program("chancery-signer")
    yield
    if "chancery-signer" not in slow.running:
        slow.spawn("chancery-signer")
        slow.wait_seen("chancery-signer")


def pending(slow, device):
    return slow.sql("SELECT count(*) FROM issuance_request r JOIN identity i ON i.id = r.identity "
                    "WHERE i.name = %s AND r.state = 'pending'", device.name)[0][0]


@pytest.mark.parametrize("operation", ["simpleenroll", "simplereenroll"])
def test_est_087_088_pending_has_retry_after_in_seconds(slow, device, no_signer, operation):
    r = post(device.client, device.csr(common_name=device.name), operation)
    assert r.status == 202 and r.header("Retry-After") == "3"
    assert r.header("Content-Type").startswith("text/plain") and r.text.startswith("pending: ")


def test_est_089_090_a_repeat_on_another_connection_meets_the_same_request(slow, device, no_signer):
    key = new_key()
    assert post(device.client, device.csr(key)).status == 202
    with slow.client(*device.files) as c:
        # The CSR is built anew, as a bound one would have to be: other octets, same key.
        assert post(c, device.csr(key)).status == 202
    assert pending(slow, device) == 1
    assert post(device.client, device.csr()).status == 202
    assert pending(slow, device) == 2


def test_est_091_the_repeat_gets_the_certificate_when_a_signer_is_back(slow, device):
    slow.stop_program("chancery-signer")
    key = new_key()
    assert post(device.client, device.csr(key)).status == 202
    slow.spawn("chancery-signer")

    def done():
        r = post(device.client, device.csr(key))
        assert r.status in (200, 202)
        return r if r.status == 200 else None
    first = cert(wait_for(done, 30, "the waiting request is answered"))
    assert public(first) == public(key)
    assert cert(post(device.client, device.csr(key))) == first
    assert slow.sql("SELECT count(*) FROM certificate c JOIN identity i ON i.id = c.identity WHERE i.name = %s", device.name) == [(2,)]


def test_est_091_a_request_of_a_blocked_identity_is_never_answered_with_a_certificate(slow, device, no_signer):
    key = new_key()
    assert post(device.client, device.csr(key)).status == 202
    slow.admin("offboard", device.name)
    slow.spawn("chancery-signer")
    slow.wait_seen("chancery-signer")
    assert post(device.client, device.csr(key)).status == 403
    assert pending(slow, device) == 0
    assert slow.sql("SELECT count(*) FROM certificate c JOIN identity i ON i.id = c.identity WHERE i.name = %s", device.name) == [(1,)]
