"""A full gateway: what begins is told when to come back, what has begun is finished, and revoking never waits."""

import base64
import os
import sys
import threading

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AcmeClient, b64, new_csr, split_chain  # noqa: E402
from instance import Instance, make_csr, new_key  # noqa: E402
from pgcluster import wait_for  # noqa: E402

NAME = "dns:lanes.example.org"
ROOM = 3
ENROLL = "/.well-known/est/simpleenroll"


@pytest.fixture(scope="module")
def ca():
    config = {"enroll": {"workers": 2, "queue": ROOM - 2}, "est": {"wait": "25s"}, "acme": {"finalize_wait": "1s"}}
    with Instance(config) as instance:
        instance.add_identity("lanes-device", "device", ["device=dns:lanes-device.example.org"])
        instance.add_identity("lanes-web", "workload", ["workload=" + NAME])
        yield instance


@pytest.fixture(scope="module")
def device(ca):
    return ca.issue("lanes-device", "device", ["dns:lanes-device.example.org"], common_name="lanes-device")


def enroll(ca, device):
    csr = make_csr(new_key(), "lanes-device", ["dns:lanes-device.example.org"]).public_bytes(Encoding.DER)
    with ca.client(*device) as c:
        return c.request("POST", ENROLL, base64.b64encode(csr), "application/pkcs10")


@pytest.fixture
def full(ca, device):
    """Without a signer as many enrollments wait as the gateway takes; they are answered in the end."""
    answers = []
    ca.stop_program("chancery-signer")
    before = ca.sql("SELECT count(*) FROM issuance_request")[0][0]
    threads = [threading.Thread(target=lambda: answers.append(enroll(ca, device).status)) for _ in range(ROOM)]
    for t in threads:
        t.start()
    wait_for(lambda: ca.sql("SELECT count(*) FROM issuance_request")[0][0] == before + ROOM, 20, "a full gateway")
    yield
    ca.spawn("chancery-signer")
    for t in threads:
        t.join()
    assert answers == [200] * ROOM


@pytest.fixture
def acme(ca):
    with AcmeClient(ca, *ca.issue("lanes-web", "workload", [NAME])) as client:
        client.register()
        yield client


@pytest.fixture
def begun(acme):
    """An order and a certificate from before the crowd."""
    certificate = acme.obtain([NAME])[1]
    return acme.new_order([NAME]), b64(split_chain(certificate)[0].public_bytes(Encoding.DER))


def test_full_gateway_refuses_orders_and_enrollments_and_says_when_to_come_back(ca, device, acme, begun, full):
    problem = acme.refused(acme.url("new-order"), {"identifiers": [{"type": "dns", "value": "lanes.example.org"}]})
    assert (problem.status, problem.type) == (503, "serverInternal")
    assert 1 <= int(problem.response.header("Retry-After")) <= 30
    refused = enroll(ca, device)
    assert refused.status == 503 and 1 <= int(refused.header("Retry-After")) <= 30


def test_full_gateway_goes_on_with_an_order_that_was_begun(acme, begun, full):
    order, _ = begun
    assert acme.fetch_order(order)["status"] == "ready" and acme.fresh_nonce()
    answer = acme.post(order["finalize"], {"csr": new_csr([NAME])[0]})
    assert answer.status == 200 and b'"processing"' in answer.body


def test_full_gateway_revokes(acme, begun, full):
    assert acme.post(acme.url("revoke-cert"), {"certificate": begun[1]}).status == 200
