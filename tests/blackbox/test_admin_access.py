"""The admin API's door: who may enter, what a body and a query must be, and the one form of errors."""

import json

import pytest

from admin import call, csr_text, refused
from instance import new_key
from pgcluster import wait_for

READS = ["status", "issuers", "identities", "identity?name=operator", "grants?identity=operator", "certificates",
         "certificates/" + "11" * 16]
CHANGES = [("identities", {"name": "intruder", "kind": "operator"}), ("identity/block", {"name": "operator"}),
           ("identity/unblock", {"name": "operator"}), ("identity/offboard", {"name": "operator"}),
           ("grants", {"identity": "outsider", "profile": "workload", "pattern": "dns:**.example.org"}),
           ("grants/remove", {"identity": "outsider", "profile": "device", "pattern": "dns:outsider.example.org"}),
           ("certificates/" + "11" * 16 + "/revoke", {}), ("issue", {"identity": "outsider", "profile": "device", "csr": ""}),
           ("renew", {"csr": ""}), ("crl/publish", {}), ("issuer/retire", {"name": "issuing-1"}), ("proposals/1/approve", {})]


@pytest.mark.parametrize("kind", ["device", "workload"])
def test_nobody_but_operators_gets_through_the_handshake(ca, kind):
    name = "outsider-" + kind
    ca.add_identity(name, kind, ["%s=dns:%s.example.org" % (kind, name)])
    files = ca.issue(name, kind, ["dns:%s.example.org" % name])
    with ca.client(*files) as client:
        assert client.request("GET", "/.well-known/est/cacerts").status == 200  # a welcome client of the gateway
    before = len(ca.log_lines("chancery-admin"))
    with pytest.raises(OSError) as e, ca.client(*files, port=ca.admin_port) as client:
        client.request("GET", "/admin/v1/status")
    assert "certificate unknown" in str(e.value).lower().replace("_", " ")
    wait_for(lambda: [x for x in ca.log_lines("chancery-admin")[before:] if "event=tls.refused" in x and name in x and "no operator" in x],
             5, "the log says why")


@pytest.mark.parametrize("path", READS + ["openapi.json"])
def test_the_gateway_has_no_administration_to_read(ca, path):
    with ca.operator(ca.port) as c:
        assert c.request("GET", "/admin/v1/" + path).status == 404


@pytest.mark.parametrize("path,body", CHANGES)
def test_the_gateway_has_no_administration_to_change(ca, path, body):
    with ca.operator(ca.port) as c:
        assert c.request("POST", "/admin/v1/" + path, json.dumps(body).encode(), "application/json").status == 404
    assert ca.admin("identity", "show", "operator")["state"] == "active"
    assert ca.admin("identity", "show", "intruder", check=False).returncode == 3


def test_the_admin_program_serves_no_protocol(ca):
    with ca.operator() as c:
        for path in ("/acme/directory", "/.well-known/est/cacerts", "/"):
            assert c.request("GET", path).status == 404


def refusals(ca, actor):
    """The audit's refusals of one caller: operation, object, kind, word, request id."""
    return ca.sql("SELECT operation, object, detail->>'kind', detail->>'word', request_id FROM chancery.audit_event "
                  "WHERE actor = %s AND outcome = 'refused' AND operation <> 'certificate.issue' ORDER BY id", actor)


def test_calls_without_the_right_to_them_are_audited(ca):
    """Whoever tries what no operator may, with the request id the client was told."""
    ca.add_identity("prying", "device")
    with ca.client(*ca.add_operator("overeager", "officer"), port=ca.admin_port) as c:
        told = [refused(c, "POST", "identity/block", {"name": "overeager"}, 403, "own-identity"),
                refused(c, "POST", "issue", {"identity": "prying", "profile": "device",
                                             "csr": csr_text(new_key(), None, ["dns:foreign.example.org"])}, 403, "name-not-allowed")]
        # What is wrong, or is not there, is no lack of right: the log is enough.
        refused(c, "GET", "identity?name=nobody", None, 404, "unknown-identity")
        assert call(c, "GET", "identities?limit=x")[0] == 400
    assert refusals(ca, "overeager") == [
        ("identity.block", "overeager", "operator", "own-identity", told[0]["request_id"]),
        ("certificate.request", "prying", "operator", "name-not-allowed", told[1]["request_id"])]
    reasons = ca.sql("SELECT detail->>'reason' FROM chancery.audit_event WHERE request_id = %s AND outcome = 'refused'",
                     told[1]["request_id"])
    assert reasons == [(told[1]["reason"],)]


def test_a_client_cannot_fill_the_audit_with_its_refusals(ca):
    files = ca.add_operator("hammer", "officer")
    before = ca.sql("SELECT now()")[0][0]
    with ca.client(*files, port=ca.admin_port) as c:
        ids = [refused(c, "POST", "identity/block", {"name": "hammer"}, 403, "own-identity")["request_id"] for _ in range(150)]
    minutes = (ca.sql("SELECT now()")[0][0] - before).total_seconds() // 60 + 2  # that were begun meanwhile
    audited = refusals(ca, "hammer")
    assert 60 <= len(audited) <= 60 * minutes
    assert [a[4] for a in audited[:60]] == ids[:60]
    assert ca.sql("SELECT count(*) FROM chancery.audit_event WHERE actor = 'hammer' AND detail ? 'more'")[0][0] >= 1
    logged = "\n".join(ca.log_lines("chancery-admin"))
    assert all(i in logged for i in ids), "the rest is in the log"


def test_an_operator_that_is_blocked_is_out_at_once(ca):
    key, chain = ca.add_operator("short-lived", "monitor")
    with ca.client(key, chain, ca.admin_port) as client:
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
    assert any(problem["request_id"] in line and "nobody" in line for line in ca.log_lines("chancery-admin"))
