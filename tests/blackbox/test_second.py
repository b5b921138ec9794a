"""Operations that wait for a second operator, as operators meet them: 202 and nothing done, list, show, approve, reject; what is done
at once; what ca-admin says of it. The rules themselves, and calls that meet, are in tests/db/test_second.py."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import admin  # noqa: E402
from admin import audit, call, csr_text, refused  # noqa: E402
from instance import Instance, new_key, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

GUARDED = ["operator.add", "operator.role", "operator.certificate", "grant.wildcard", "grant.domain", "issuer.change"]
OPERATOR = {"name": "zoe", "kind": "operator"}


@pytest.fixture(scope="module")
def ca():
    with Instance(config={"admin": {"second_operator": GUARDED, "proposal_lifetime": "1h"}}) as instance:
        admin.describe(instance)
        yield instance


class Team:
    """The first operator alone, then bob and carol with him."""

    def __init__(self, ca):
        self.ca, self.files = ca, {}

    def approve(self, number, who):
        with self.ca.client(*self.files[who], port=self.ca.admin_port) as c:
            return call(c, "POST", "proposals/%d/approve" % number, {})[:2]

    def join(self, name, *roles, by=None):
        """Added, given roles and enrolled, everything that waits approved."""
        for argv in [["identity", "add", name, "--kind", "operator"]] + [["operator", "role", "add", name, r] for r in roles]:
            done = self.ca.admin(*argv, check=False)
            assert done.returncode == (5 if by else 0), done.stderr
            if by:
                assert self.approve(waiting(self.ca)[-1]["id"], by)[0] == 200
        return self.enroll(name, by)

    def enroll(self, name, by):
        key = new_key()
        with self.ca.operator() as c:
            body = {"identity": name, "profile": "operator", "csr": csr_text(key, name)}
            status, answer, _ = call(c, "POST", "issue", body)
        if by:
            assert status == 202
            answer = self.approve(answer["proposal"], by)[1]["answer"]
        from cryptography import x509
        self.files[name] = self.ca.save(key, x509.load_pem_x509_certificate(answer["pem"].encode()))


def waiting(ca):
    return ca.admin("proposal", "list")


@pytest.fixture(scope="module")
def alone(ca):
    """What a lone operator did, and who came then."""
    team = Team(ca)
    ca.admin("identity", "add", "never-enrolled", "--kind", "operator")
    ca.admin("operator", "role", "add", "never-enrolled", "administrator")
    ca.add_identity("broad", "workload", ["workload=dns:**.first.example.org"])
    team.events = {o: audit(ca, "proposal.alone", o) for o in ("never-enrolled", "broad")}
    team.join("bob", "administrator", "officer")
    team.join("carol", "administrator", by="bob")
    return team


def test_a_lone_operator_does_it_at_once_and_the_audit_says_so(ca, alone):
    assert [e[0] for e in alone.events["never-enrolled"]] == ["operator", "operator"]  # added, and given a role
    assert [e[0] for e in alone.events["broad"]] == ["operator"]
    assert [e[0] for e in audit(ca, "proposal.alone", "bob")] == ["operator"] * 4  # and two roles, and his certificate
    assert audit(ca, "proposal.alone", "carol") == []


def test_an_operator_is_added_when_another_has_approved(ca, alone):
    with ca.operator() as c:
        status, answer, _ = call(c, "POST", "identities", OPERATOR)
        assert (status, answer["able"]) == (202, ["bob", "carol"])
        refused(c, "GET", "identity?name=zoe", None, 404, "unknown-identity")
        number = answer["proposal"]
        assert call(c, "POST", "identities", OPERATOR)[1]["proposal"] == number
        shown = call(c, "GET", "proposals/%d" % number)[1]
        assert shown["arguments"] == OPERATOR and (shown["operation"], shown["object"], shown["proposer"], shown["state"]) == (
            "identity.add", "zoe", "operator", "pending")
        assert call(c, "GET", "status")[1]["proposals_waiting"] == 1
        access = {a["name"]: a["proposals"] for a in call(c, "GET", "access")[1]["access"]}
        assert access["operator"] == ["%d identity.add zoe" % number] and access["bob"] == []
        refused(c, "POST", "proposals/%d/approve" % number, {}, 403, "own-proposal")
    assert alone.approve(number, "bob") == (200, {"id": number, "operation": "identity.add", "object": "zoe", "proposer": "operator",
                                                  "answer": {"name": "zoe", "kind": "operator", "grants": 0}})
    assert [e[:2] for e in audit(ca, "identity.add", "zoe")] == [("operator", "ok")]
    assert [e[:2] for e in audit(ca, "proposal.approve", "zoe")] == [("bob", "ok")]
    assert alone.approve(number, "carol")[0] == 409
    assert ca.admin("proposal", "show", str(number))["decided_by"] == "bob" and waiting(ca) == []


def test_what_each_guard_is_about(ca, alone):
    ca.add_identity("dev", "device")
    ca.add_identity("stray", "workload")
    waits = [("operator/role", {"name": "zoe", "role": "auditor"}), ("issuer/retire", {"name": "issuing-1"}),
             ("issue", {"identity": "bob", "profile": "operator", "csr": csr_text(new_key(), "bob")}),
             ("grants", {"identity": "dev", "profile": "device", "pattern": "dns:*.example.org"}),
             ("grants", {"identity": "dev", "profile": "device", "pattern": "dns:**.example.org"}),
             ("grants", {"identity": "dev", "profile": "device", "pattern": "ip:10.0.0.0/8"}),
             ("grants", {"identity": "dev", "profile": "device", "pattern": "email:*@example.org"}),
             ("grants", {"identity": "dev", "profile": "device", "pattern": "uri:urn:x:*"}),
             ("identities", {"name": "d2", "kind": "device", "grants": [{"profile": "device", "pattern": "dns:a.example.org"},
                                                                        {"profile": "device", "pattern": "dns:**.example.org"}]})]
    at_once = [("grants", {"identity": "dev", "profile": "device", "pattern": "dns:example.org"}), ("identities", {"name": "d1", "kind": "device"}),
               ("identity/block", {"name": "zoe"}), ("identity/offboard", {"name": "stray"}),
               ("operator/role/remove", {"name": "zoe", "role": "auditor"})]
    with ca.operator() as c:
        for path, body in waits:
            assert call(c, "POST", path, body)[0] == 202, (path, body)
        for path, body in at_once:
            assert call(c, "POST", path, body)[0] == 200, (path, body)
        assert call(c, "POST", "identity/unblock", {"name": "zoe"})[0] == 202
        for p in call(c, "GET", "proposals")[1]["proposals"]:
            assert call(c, "POST", "proposals/%d/reject" % p["id"], {"reason": "a test"})[1]["state"] == "rejected"
    assert ca.sql("SELECT state FROM chancery.issuer WHERE name = 'issuing-1'") == [("active",)]
    assert waiting(ca) == []


def test_what_would_be_refused_is_refused_at_once(ca, alone):
    with ca.operator() as c:
        refused(c, "POST", "identities", {"name": "bob", "kind": "operator"}, 409, "identity-exists")
        refused(c, "POST", "identities", {"name": "no name", "kind": "operator"}, 400, "invalid")
        refused(c, "POST", "operator/role", {"name": "operator", "role": "auditor"}, 403, "own-identity")
        refused(c, "POST", "operator/role", {"name": "nobody", "role": "auditor"}, 404, "unknown-identity")
        refused(c, "POST", "issuer/retire", {"name": "nobody"}, 404, "unknown-issuer")
        refused(c, "POST", "grants", {"identity": "bob", "profile": "device", "pattern": "dns:*.example.org"}, 403, "requester-not-allowed")
        refused(c, "POST", "proposals/999/approve", {}, 404, "not-found")
        refused(c, "POST", "proposals/999/reject", {"reason": "x"}, 404, "not-found")
        refused(c, "GET", "proposals?after=x", None, 400, "invalid")
    assert waiting(ca) == []


def test_who_approves_needs_the_role_of_the_operation(ca, alone):
    """Carol is administrator only: grants to devices are an officer's."""
    ca.add_identity("roled", "device")
    with ca.operator() as c:
        grant = {"identity": "roled", "profile": "device", "pattern": "dns:*.roled.example.org"}
        status, answer, _ = call(c, "POST", "grants", grant)
        assert status == 202 and answer["able"] == ["bob"]
    status, problem = alone.approve(answer["proposal"], "carol")
    assert (status, problem["code"]) == (403, "role-missing") and "officer" in problem["reason"]
    assert alone.approve(answer["proposal"], "bob")[1]["answer"] == grant
    assert audit(ca, "proposal.approve", "")[-1][:2] == ("carol", "refused")
    assert [g["created_by"] for g in ca.admin("grant", "list", "roled")] == ["operator"]


def test_nobody_becomes_another_operator_by_a_certificate_of_his(ca, alone):
    """Whoever could have one for a key of his own in another's name could approve by it."""
    key = new_key()
    body = {"identity": "carol", "profile": "operator", "csr": csr_text(key, "carol")}
    with ca.operator() as c:
        status, answer, _ = call(c, "POST", "issue", body)
        assert status == 202 and answer["able"] == ["bob"]
        assert alone.approve(answer["proposal"], "carol")[1]["code"] == "own-proposal"
        status, done = alone.approve(answer["proposal"], "bob")
        assert status == 200 and done["answer"]["serial"]
        shown = call(c, "GET", "certificates/" + done["answer"]["serial"])[1]
        assert (shown["identity"], shown["requested_by"]) == ("carol", "bob")
        own = {"identity": "operator", "profile": "operator", "csr": csr_text(new_key(), "operator")}
        assert call(c, "POST", "issue", own)[0] == 200


def test_ca_admin_says_that_it_waits_and_approves(ca, alone):
    done = ca.admin("issuer", "retire", "issuing-1", check=False)
    number = waiting(ca)[0]["id"]
    assert done.returncode == 5 and "ca-admin proposal approve %d" % number in done.stderr and "nothing has happened" in done.stderr
    assert '"proposal": %d' % number in done.stdout
    key, chain = alone.files["bob"]
    os.chmod(key, 0o600)
    remote = ["--server", "https://localhost:%d" % ca.admin_port, "--cert", chain, "--key", key, "--ca", ca.trust]
    text = ca.run([program("ca-admin"), "proposal", "list"] + remote).stdout
    assert "issuer.retire" in text and "bob carol" in text
    assert "approved and done: issuer.retire" in ca.run([program("ca-admin"), "proposal", "approve", str(number)] + remote).stdout
    assert [i["state"] for i in ca.admin("issuer", "list") if i["name"] == "issuing-1"] == ["retired"]
    assert ca.admin("issuer", "activate", "issuing-1", check=False).returncode == 5
    ca.run([program("ca-admin"), "proposal", "approve", str(waiting(ca)[0]["id"])] + remote)
    assert [i["state"] for i in ca.admin("issuer", "list") if i["name"] == "issuing-1"] == ["active"]
    wait_for(lambda: ca.admin("status", check=False).returncode == 0, 20, "all is well")


def test_an_approval_needs_a_proposer_who_still_may(ca, alone):
    with ca.client(*alone.files["carol"], port=ca.admin_port) as c:
        number = call(c, "POST", "identities", {"name": "late", "kind": "operator"})[1]["proposal"]
    ca.admin("identity", "block", "carol")
    status, problem = alone.approve(number, "bob")
    assert status == 409 and "who proposed it" in problem["reason"]
    ca.admin("proposal", "reject", str(number), "--reason", "carol left")
    assert ca.admin("proposal", "show", str(number))["reason"] == "carol left"
    # bob alone is left to approve
    with ca.operator() as c:
        assert call(c, "POST", "identities", {"name": "late", "kind": "operator"})[1]["able"] == ["bob"]
