"""The admin API's door: who may enter, what a body and a query must be, and the one form of errors."""

import json

import pytest

from admin import call, refused

READS = ["status", "issuers", "identities", "identity?name=operator", "grants?identity=operator", "certificates",
         "certificates/" + "11" * 16]
CHANGES = [("identities", {"name": "intruder", "kind": "operator"}), ("identity/block", {"name": "operator"}),
           ("identity/unblock", {"name": "operator"}), ("identity/offboard", {"name": "operator"}),
           ("grants", {"identity": "outsider", "profile": "workload", "pattern": "dns:**.example.org"}),
           ("grants/remove", {"identity": "outsider", "profile": "device", "pattern": "dns:outsider.example.org"}),
           ("certificates/" + "11" * 16 + "/revoke", {}), ("issue", {"identity": "outsider", "profile": "device", "csr": ""}),
           ("renew", {"csr": ""}), ("crl/publish", {})]


@pytest.fixture(scope="module")
def outsider(ca):
    """A device: a welcome client of EST, but no operator."""
    ca.add_identity("outsider", "device", ["device=dns:outsider.example.org"])
    key, chain = ca.issue("outsider", "device", ["dns:outsider.example.org"])
    with ca.client(key, chain) as client:
        assert client.request("GET", "/.well-known/est/cacerts").status == 200
        yield client


@pytest.mark.parametrize("path", READS)
def test_a_device_reads_nothing(outsider, path):
    refused(outsider, "GET", path, None, 403, "not-an-operator")


@pytest.mark.parametrize("path,body", CHANGES)
def test_a_device_changes_nothing(outsider, path, body):
    refused(outsider, "POST", path, body, 403, "not-an-operator")


def test_nothing_changed_by_the_refused_calls(ca, outsider):
    assert ca.admin("identity", "show", "operator")["state"] == "active"
    assert ca.admin("identity", "show", "intruder", check=False).returncode == 3


def test_an_operator_that_is_blocked_is_out_at_once(ca):
    ca.add_identity("short-lived", "operator")
    key, chain = ca.issue("short-lived", "operator")
    with ca.client(key, chain) as client:
        assert call(client, "GET", "status")[0] == 200
        ca.admin("identity", "block", "short-lived")
        try:
            status = call(client, "GET", "status")[0]
        except (ConnectionError, OSError):
            status = None
        assert status in (401, 403, None)


def test_an_operator_cannot_shut_out_itself(ca):
    with ca.operator() as c:
        refused(c, "POST", "identity/block", {"name": "operator"}, 403, "own-identity")
        refused(c, "POST", "identity/offboard", {"name": "operator"}, 403, "own-identity")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"text"', b'{"name": "a", "name": "b"}', b'{"name": "a"} x', b'{"name": "a", "kind": "device", "extra": 1}',
    b'{"name": 7, "kind": "device"}', b'{"kind": "device"}', b'{"name": "a\\u0000b", "kind": "device"}',
    b"[" * 5000 + b"]" * 5000, b'{"name": "x", "kind": "device", "grants": {}}', b'{"name": "x", "kind": "device", "grants": ["a"]}'])
def test_a_body_that_is_not_what_the_operation_takes_is_refused(ca, body):
    with ca.operator() as c:
        answer = c.request("POST", "/admin/v1/identities", body, "application/json")
        assert answer.status == 400, answer
        assert json.loads(answer.body)["request_id"]


def test_a_body_of_another_type_is_refused(ca):
    with ca.operator() as c:
        answer = c.request("POST", "/admin/v1/identities", b"name=a", "application/x-www-form-urlencoded")
        assert answer.status == 415
        assert answer.header("Content-Type") == "application/problem+json"


def test_a_body_beyond_its_bound_is_refused(ca):
    with ca.operator() as c:
        answer = c.request("POST", "/admin/v1/identities", b" " * 50000, "application/json")
        assert answer.status == 413


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "unknown=1", "limit", "after=%zz",
                                   "after=%0a", "after=%", "after=" + "a" * 3000])
def test_a_query_that_is_not_known_is_refused(ca, query):
    with ca.operator() as c:
        answer = c.request("GET", "/admin/v1/identities?" + query)
        assert answer.status in (400, 414, 431), answer


def test_unknown_paths_and_methods_are_refused_in_the_same_form(ca):
    for method, path, status in (("GET", "nothing", 404), ("POST", "status", 405), ("GET", "identity/block", 405)):
        with ca.operator() as c:
            answer = c.request(method, "/admin/v1/" + path, b"{}" if method == "POST" else None,
                               "application/json" if method == "POST" else None)
        assert answer.status == status, (path, answer)
        problem = json.loads(answer.body)
        assert problem["code"] and problem["request_id"]


def test_the_request_id_of_a_refusal_is_in_the_log(ca):
    with ca.operator() as c:
        problem = refused(c, "GET", "identity?name=nobody", None, 404, "unknown-identity")
    assert any(problem["request_id"] in line and "nobody" in line for line in ca.log_lines("chancery-gateway"))
