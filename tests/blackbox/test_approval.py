"""A verdict has three values. What a profile wants operators to approve is held until enough of them have, whoever asked left out;
what an issuing CA cannot sign at the moment waits for it. Nothing that was asked for becomes invalid by waiting."""

import hashlib
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import admin  # noqa: E402
from acme_client import AccountKey, AcmeClient, b64  # noqa: E402
from admin import call, refused  # noqa: E402
from est import cert, csr_der, post, public  # noqa: E402
from instance import Instance, make_csr, new_key, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

BASE = {"requesters": ["device", "workload"], "protocols": ["est", "acme", "admin"], "keys": ["p256"], "lifetime": "1h",
        "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth", "serverAuth"], "names": {"types": ["dns"]}}
PROFILES = [
    dict(BASE, name="guarded", approval={"operators": 1, "within": "1h"}),
    dict(BASE, name="twice", approval={"operators": 2, "within": "1h"}),
    dict(BASE, name="elsewhere", issuer="issuing-2"),
    dict(BASE, name="guarded-elsewhere", issuer="issuing-2", approval={"operators": 1, "within": "1h"}),
]
LABELS = [{"name": p["name"], "profile": p["name"]} for p in PROFILES]
CONFIG = {"est": {"wait": "1s", "retry_after": "3s", "labels": LABELS}, "acme": {"finalize_wait": "1s"},
          "issuers": [{"name": "issuing-1", "key": "issuing-1"}, {"name": "issuing-2", "key": "not-made-yet"}]}


@pytest.fixture(scope="module")
def ca():
    with Instance(profiles=PROFILES, config=CONFIG, complete=False) as instance:
        instance.make_issuer(2)
        instance.import_issuer("issuing-2")
        admin.describe(instance)
        instance.team = {name: instance.add_operator(name, "officer") for name in ("bob", "carol")}
        yield instance


class Asker:
    """A device that may have one name under every profile here."""
    number = 0

    def __init__(self, ca):
        Asker.number += 1
        self.ca, self.name = ca, "asker-%d" % Asker.number
        self.dns = "dns:%s.example.org" % self.name
        ca.add_identity(self.name, "device", ["%s=%s" % (p, self.dns) for p in ["device"] + [p["name"] for p in PROFILES]])
        self.files = ca.issue(self.name, "device", [self.dns])
        self.key = new_key()
        self.csr = make_csr(self.key, None, [self.dns])

    def enroll(self, label):
        with self.ca.client(*self.files) as c:
            return post(c, self.csr, label=label)

    def row(self):
        return self.ca.sql("SELECT r.id, r.state FROM issuance_request r JOIN identity i ON i.id = r.identity WHERE i.name = %s "
                           "ORDER BY r.id DESC LIMIT 1", self.name)[0]


@pytest.fixture
def asker(ca):
    return Asker(ca)


def held(asker):
    return wait_for(lambda: asker.row()[0] if asker.row()[1] == "held" else None, 20, "the request is held")


def approve(ca, name, number):
    with (ca.client(*ca.team[name], port=ca.admin_port) if name in ca.team else ca.operator()) as c:
        return call(c, "POST", "requests/%d/approve" % number, {})


def test_a_request_waits_for_an_operator_and_then_the_repeat_gets_the_certificate(ca, asker):
    first = asker.enroll("guarded")
    assert first.status == 202 and first.header("Retry-After") == "3"
    number = held(asker)
    assert asker.enroll("guarded").status == 202 and asker.row() == (number, "held")
    status, answer, _ = approve(ca, "bob", number)
    assert (status, answer) == (200, {"id": number, "approvals": 1, "needed": 1, "changed": True})
    wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")
    got = cert(asker.enroll("guarded"))
    assert public(got) == public(asker.key) and asker.row()[0] == number


def test_operators_see_who_asks_for_what_and_how_that_was_proven(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    with ca.operator() as c:
        one = call(c, "GET", "requests/%d" % number)[1]
        assert one["identity"] == one["requester"] == asker.name and one["proof"] == "certificate"
        assert (one["profile"], one["protocol"], one["state"], one["waits_for"]) == ("guarded", "est", "held", "approval")
        assert (one["names"], one["approvals"], one["needed"]) == ([asker.dns], 0, 1)
        assert one["key_sha256"] == hashlib.sha256(public(asker.key)).hexdigest()
        listed = call(c, "GET", "requests?limit=1")[1]
        assert len(listed["requests"]) == 1 and "next" in listed
        rest = call(c, "GET", "requests?limit=100&after=" + listed["next"])[1]["requests"]
        assert number in [r["id"] for r in listed["requests"] + rest]
    approve(ca, "bob", number)
    wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")
    with ca.operator() as c:
        assert call(c, "GET", "requests/%d" % number)[1]["serial"]
        assert number not in [r["id"] for r in call(c, "GET", "requests")[1]["requests"]]


def test_two_must_approve_and_each_counts_once(ca, asker):
    asker.enroll("twice")
    number = held(asker)
    assert approve(ca, "bob", number)[1]["approvals"] == 1
    again = approve(ca, "bob", number)[1]
    assert (again["approvals"], again["changed"]) == (1, False) and asker.row() == (number, "held")
    assert approve(ca, "carol", number)[1]["approvals"] == 2
    wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")


def test_whoever_asked_cannot_approve(ca, asker):
    with ca.operator() as c:
        body = {"identity": asker.name, "profile": "guarded", "csr": admin.csr_text(asker.key, None, [asker.dns])}
        waiting = refused(c, "POST", "issue", body, 503, "approval-waiting")
        number = held(asker)
        assert "ca-admin request approve %d" % number in waiting["reason"]
        refused(c, "POST", "requests/%d/approve" % number, {}, 403, "own-request")
        assert asker.row() == (number, "held")
        approve(ca, "carol", number)
        wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")
        assert call(c, "POST", "issue", body)[0] == 200


@pytest.mark.parametrize("leaves", [["identity", "block", "leaver"], ["operator", "role", "remove", "leaver", "officer"]])
def test_an_approval_by_one_who_may_not_any_more_does_not_count(ca, asker, leaves):
    asker.enroll("twice")
    number = held(asker)
    ca.team["leaver"] = ca.add_operator("leaver-%d" % number, "officer")
    assert approve(ca, "leaver", number)[1]["approvals"] == 1
    ca.admin(*[w if w != "leaver" else "leaver-%d" % number for w in leaves])
    assert approve(ca, "bob", number)[1]["approvals"] == 1
    assert asker.row() == (number, "held")


def test_a_rejection_is_final_and_tells_why(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    with ca.operator() as c:
        refused(c, "POST", "requests/%d/reject" % number, {}, 400, "invalid")
        assert call(c, "POST", "requests/%d/reject" % number, {"reason": "not ours"})[1]["state"] == "refused"
        refused(c, "POST", "requests/%d/approve" % number, {}, 409, "conflict")
        refused(c, "POST", "requests/%d/reject" % number, {"reason": "twice"}, 409, "conflict")
    answer = asker.enroll("guarded")
    assert answer.status == 403 and answer.text.startswith("rejected: ") and "not ours" in answer.text
    assert asker.row()[0] == number
    assert ca.sql("SELECT outcome, detail->>'reason' FROM audit_event WHERE operation = 'request.reject' AND object = %s",
                  str(number)) == [("ok", "not ours")]


def test_whoever_asks_again_days_later_gets_what_was_approved(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    approve(ca, "bob", number)
    wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")
    ca.sql("UPDATE issuance_request SET created_at = created_at - interval '3 days', done_at = done_at - interval '2 days' "
           "WHERE id = %s", number)
    assert public(cert(asker.enroll("guarded"))) == public(asker.key) and asker.row()[0] == number


def test_an_outage_takes_no_approval_back(ca, asker):
    """The issuing CA's key went away after operators were asked: held for that, with the approval still counting."""
    asker.enroll("guarded-elsewhere")
    number = held(asker)
    ca.sql("UPDATE issuance_request SET hold = 'approval', approvals_needed = 1, hold_until = now() + interval '1 hour' WHERE id = %s",
           number)
    assert approve(ca, "bob", number)[1]["approvals"] == 1

    def unavailable():
        with ca.operator() as c:
            one = call(c, "GET", "requests/%d" % number)[1]
        return one["state"] == "held" and one["waits_for"] == "unavailable" and (one["approvals"], one["needed"]) == (1, 1)
    wait_for(unavailable, 20, "it waits for the issuing CA, approved")


def test_what_nobody_approves_in_time_is_refused(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    ca.sql("UPDATE issuance_request SET created_at = created_at - interval '2 hours', hold_until = now() WHERE id = %s", number)
    wait_for(lambda: asker.row()[1] == "refused", 20, "the signer has looked at it again")
    answer = asker.enroll("guarded")
    assert answer.status == 403 and answer.text.startswith("approval-expired: ")


def test_an_offboarded_asker_leaves_nothing_to_approve(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    ca.admin("offboard", asker.name)
    assert asker.row() == (number, "refused")
    with ca.operator() as c:
        refused(c, "POST", "requests/%d/approve" % number, {}, 409, "conflict")


def test_requests_are_for_operators_and_must_exist(ca, asker):
    with pytest.raises(OSError), ca.client(*asker.files, port=ca.admin_port) as c:
        c.request("GET", "/admin/v1/requests")
    with ca.operator() as c:
        for method, path, body in (("GET", "requests/999999", None), ("POST", "requests/999999/approve", {}),
                                   ("POST", "requests/999999/reject", {"reason": "x"})):
            refused(c, method, path, body, 404, "not-found")
        refused(c, "GET", "requests?after=x", None, 400, "invalid")


def test_ca_admin_lists_and_approves(ca, asker):
    asker.enroll("guarded")
    number = held(asker)
    text = ca.run([program("ca-admin"), "request", "list",
                   "--config", os.path.join(ca.operator_directory, "admin.yaml")]).stdout
    assert asker.name in text and "approval" in text
    assert ca.admin("request", "approve", str(number))["approvals"] == 1
    wait_for(lambda: asker.row()[1] == "done", 20, "it is certified")


@pytest.fixture
def order(ca, asker):
    with AcmeClient(ca, *asker.files, account_key=AccountKey.new("ES256")) as c:
        c.register()
        yield c, asker


def finalize(client, asker, profile):
    """The order right after finalize, which does not wait for its end."""
    made = client.new_order([asker.dns], profile=profile)
    return client.order_of(client.ok(made["finalize"], {"csr": b64(csr_der(asker.csr))}))


def test_an_acme_order_is_processing_until_it_is_approved(ca, order):
    client, asker = order
    made = finalize(client, asker, "guarded")
    assert made["status"] == "processing"
    number = held(asker)
    assert client.fetch_order(made)["status"] == "processing"
    approve(ca, "bob", number)
    assert client.wait(made["url"], ("valid",))["status"] == "valid"


def test_a_key_that_cannot_be_used_for_a_moment_leaves_the_order_waiting(ca, order):
    client, asker = order
    made = finalize(client, asker, "elsewhere")
    assert made["status"] == "processing"
    number = held(asker)
    with ca.operator() as c:
        one = call(c, "GET", "requests/%d" % number)[1]
    assert one["waits_for"] == "unavailable" and "issuing-2" in one["reason"]
    assert client.fetch_order(made)["status"] == "processing"
    assert asker.enroll("elsewhere").status == 202
    wait_for(lambda: ca.sql("SELECT 1 FROM issuance_request WHERE id = %s AND hold_until > now() + interval '1 second'", number), 20,
             "it is looked at again and again")
    assert client.fetch_order(made)["status"] == "processing"
