"""ACME nonces: acme/CHECKS.md 30 to 37."""

import concurrent.futures
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AcmeClient, b64, unb64  # noqa: E402
from acme_fixtures import lab, shared  # noqa: E402,F401
from instance import free_port  # noqa: E402
from pgcluster import wait_for  # noqa: E402


def test_acme_030_every_post_answer_brings_a_nonce(shared):
    # AcmeClient.check() asserts it for all statuses
    requests = [lambda: shared.post(shared.kid), lambda: shared.post(shared.url("nowhere")),
                lambda: shared.send(shared.kid, b"{}", "text/plain"), lambda: shared.send(shared.kid, b"A" * 70000),
                lambda: shared.send(shared.kid, b""), lambda: shared.post(shared.url("new-order"), {})]
    statuses = []
    for request in requests:
        response = request()
        statuses.append(response.status)
        assert shared.post(shared.kid, changes={"nonce": response.header("Replay-Nonce")}).status == 200
    assert statuses == [200, 404, 415, 413, 400, 400]


def test_acme_030_directory_needs_none(shared):
    assert shared.get(shared.url("directory")).header("Replay-Nonce") is None


def test_acme_031_new_nonce_is_200_for_head_and_204_for_get(shared):
    for method, status in (("HEAD", 200), ("GET", 204)):
        response = shared.request(method, shared.url("new-nonce"))
        assert response.status == status and response.body == b""
        assert response.header("Cache-Control") == "no-store"
        assert shared.post(shared.kid, changes={"nonce": response.header("Replay-Nonce")}).status == 200


def test_acme_032_nonces_are_unguessable_base64url(shared):
    nonces = [shared.fresh_nonce() for _ in range(50)]
    assert len(set(nonces)) == 50
    for nonce in nonces:
        assert len(unb64(nonce)) >= 28 and b64(unb64(nonce)) == nonce


def test_acme_033_missing_nonce_is_malformed(shared):
    assert shared.refused(shared.kid, drop=["nonce"]).type == "malformed"
    for nonce in ("", 7, None, "a b"):
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "malformed"


def test_acme_033_unknown_and_changed_nonces_are_bad_with_a_fresh_one(shared):
    good = shared.fresh_nonce()
    for nonce in ("AAAA", b64(os.urandom(36)), good[:-1] + ("A" if good[-1] != "A" else "B"), good[:8] + ("A" if good[8] != "A" else "B") + good[9:]):
        problem = shared.refused(shared.kid, changes={"nonce": nonce})
        assert (problem.status, problem.type) == (400, "badNonce")
        assert shared.post(shared.kid, changes={"nonce": problem.response.header("Replay-Nonce")}).status == 200


def test_acme_034_a_nonce_is_accepted_once(shared):
    nonce = shared.fresh_nonce()
    assert shared.post(shared.kid, changes={"nonce": nonce}).status == 200
    for _ in range(2):
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"


def race(clients, nonce):
    def attempt(client):
        return client.post(client.kid, changes={"nonce": nonce}).status
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        return sorted(pool.map(attempt, clients))


def test_acme_034_parallel_posts_with_one_nonce(lab, shared):
    clients = []
    for _ in range(4):
        c = AcmeClient(lab.ca, *shared.tls, account_key=shared.key)
        c.kid, c.nonce = shared.kid, "unused"
        c.get(c.url("directory"))
        clients.append(c)
    for _ in range(5):
        assert race(clients, shared.fresh_nonce()) == [200, 400, 400, 400]
    for c in clients:
        c.close()


@pytest.fixture(scope="module")
def second(lab):
    """A second gateway of the same CA; its port."""
    port = free_port()
    changes = {"enroll": dict(lab.ca.changes["enroll"], port=port, base_urls=["https://localhost:%d" % p for p in (lab.ca.port, port)]),
               "metrics": {"port": free_port()}}
    lab.ca.spawn("chancery-gateway", 2, lab.ca.write_config(lab.ca.path("second.yaml"), changes))

    def answers():
        lab.ca.check_running()
        try:
            with lab.ca.client(os.path.join(lab.ca.operator_directory, "operator.key"),
                               os.path.join(lab.ca.operator_directory, "operator.pem"), port) as c:
                return c.request("GET", "/.well-known/est/cacerts").status == 200
        except OSError:
            return False
    wait_for(answers, 30, "the second gateway answers")
    yield port
    lab.ca.stop_program("chancery-gateway-2")


def test_acme_034_nonce_is_accepted_once_across_gateways(lab, shared, second):
    other = AcmeClient(lab.ca, *shared.tls, account_key=shared.key, base="https://localhost:%d" % second, port=second)
    with other:
        other.kid = other.base + shared.path_of(shared.kid)
        nonce = shared.fresh_nonce()  # made by one, used at the other
        assert other.post(other.kid, changes={"nonce": nonce}).status == 200
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"
        for _ in range(5):
            assert race([shared, other], shared.fresh_nonce()) == [200, 400]


def test_acme_034_deactivation_at_one_gateway_is_known_at_the_other(lab, second):
    client = lab.client()
    other = AcmeClient(lab.ca, *client.tls, account_key=client.key, base="https://localhost:%d" % second, port=second)
    with other:
        other.kid = other.base + client.path_of(client.kid)
        assert other.post(other.kid).status == 200  # now in its cache
        client.ok(client.kid, {"status": "deactivated"})
        wait_for(lambda: other.post(other.kid).status == 401, 5, "the other gateway refuses the account")


def test_acme_035_bad_nonce_document_has_its_status(shared):
    problem = shared.refused(shared.kid, changes={"nonce": b64(os.urandom(36))})
    assert problem.document["status"] == 400 and problem.response.status == 400


def test_acme_036_nonces_survive_a_restart(lab, shared):
    nonce = shared.fresh_nonce()
    lab.ca.restart("chancery-gateway")
    shared.close()
    assert shared.post(shared.kid, changes={"nonce": nonce}).status == 200
    assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"


def test_acme_036_lost_nonce_keys_fail_cleanly(lab, shared):
    used, unused = shared.fresh_nonce(), shared.fresh_nonce()
    assert shared.post(shared.kid, changes={"nonce": used}).status == 200
    # what a crash of PostgreSQL does to unlogged tables
    lab.ca.sql("TRUNCATE chancery.acme_nonce_key, chancery.acme_nonce_used", role=lab.ca.pg.superuser)
    for nonce in (used, unused):
        problem = shared.refused(shared.kid, changes={"nonce": nonce})
        assert problem.type == "badNonce"

    def works():
        return shared.post(shared.kid).status == 200
    wait_for(works, 5, "fresh nonces are made with a new key")
    for client in lab.clients:
        client.nonce = None
    assert shared.refused(shared.kid, changes={"nonce": used}).type == "badNonce"


def test_acme_037_nonces_cost_no_rows_until_used(lab, shared):
    count = "SELECT count(*) FROM chancery.acme_nonce_used"
    before = lab.ca.sql(count, role=lab.ca.pg.superuser)
    for _ in range(200):
        shared.request("HEAD", shared.url("new-nonce"))
    assert lab.ca.sql(count, role=lab.ca.pg.superuser) == before
