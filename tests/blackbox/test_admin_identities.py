"""Identities and grants over the admin API: what is recorded, what is refused, what takes effect at once."""

import pytest

from admin import audit, call, csr_text, refused
from instance import new_key


def test_an_identity_is_registered_with_its_grants_and_audited(ca):
    with ca.operator() as c:
        status, answer, response = call(c, "POST", "identities", {
            "name": "sensor-1", "kind": "device", "owner": "plant team",
            "grants": [{"profile": "device", "pattern": "dns:sensor-1.example.org"}, {"profile": "device", "pattern": "ip:10.1.0.0/16"}]})
        assert (status, answer) == (200, {"name": "sensor-1", "kind": "device", "grants": 2})
        twice = [{"profile": "device", "pattern": "dns:sensor-2.example.org"}] * 2
        assert call(c, "POST", "identities", {"name": "sensor-twice", "kind": "device", "grants": twice})[1]["grants"] == 1
        shown = call(c, "GET", "identity?name=sensor-1")[1]
    assert (shown["kind"], shown["state"], shown["owner"]) == ("device", "active", "plant team")
    assert {g["pattern"] for g in shown["grants"]} == {"dns:sensor-1.example.org", "ip:10.1.0.0/16"}
    events = audit(ca, "identity.add", "sensor-1")
    assert len(events) == 1 and events[0][:2] == ("operator", "ok") and events[0][2]


def test_a_name_is_taken_once(ca):
    with ca.operator() as c:
        body = {"name": "sensor-2", "kind": "device"}
        assert call(c, "POST", "identities", body)[0] == 200
        refused(c, "POST", "identities", body, 409, "identity-exists")


@pytest.mark.parametrize("change", [{"name": ""}, {"name": "-x"}, {"name": "a b"}, {"name": "a/b"}, {"name": "ä"}, {"name": "x" * 101},
                                    {"kind": "robot"}, {"owner": "o" * 201}])
def test_an_impossible_identity_is_refused(ca, change):
    with ca.operator() as c:
        status, problem, _ = call(c, "POST", "identities", dict({"name": "never", "kind": "device"}, **change))
        assert status == 400 and problem["reason"], problem
    assert not ca.sql("SELECT 1 FROM chancery.identity WHERE name = 'never'")


@pytest.mark.parametrize("grant,status", [
    ({"profile": "no-such", "pattern": "dns:a.example.org"}, 404), ({"profile": "device", "pattern": "a.example.org"}, 400),
    ({"profile": "device", "pattern": "dns:"}, 400), ({"profile": "device", "pattern": "dns:a_b.example.org"}, 400),
    ({"profile": "device", "pattern": "ip:10.0.0.1/8"}, 400), ({"profile": "device", "pattern": "dns:a.*.org"}, 400)])
def test_a_grant_nobody_could_use_is_refused_whole(ca, grant, status):
    with ca.operator() as c:
        got = call(c, "POST", "identities", {"name": "half-made", "kind": "device", "grants": [
            {"profile": "device", "pattern": "dns:fine.example.org"}, grant]})[0]
        assert got == status
        assert call(c, "GET", "identity?name=half-made")[0] == 404


@pytest.mark.parametrize("kind,profile,meant_for_it", [("device", "workload", '"device"'), ("service", "device", '"gateway-tls"'),
                                                       ("operator", "device", '"operator"'), ("user", "device", "this kind: none")])
def test_a_grant_under_a_profile_for_another_kind_is_refused(ca, kind, profile, meant_for_it):
    """Both roads to a grant; nothing is recorded, and the answer tells which profiles this kind may ask for."""
    name = "wrong-kind-" + kind
    wrong, right = {"profile": profile, "pattern": "dns:wrong.example.org"}, {"name": name, "kind": kind}
    with ca.operator() as c:
        problem = refused(c, "POST", "identities", dict(right, grants=[wrong]), 403, "requester-not-allowed")
        said = problem["reason"].partition("profiles for ")
        assert '"%s" is not for identities of kind "%s"' % (profile, kind) in said[0]
        assert meant_for_it in said[2] and '"%s"' % profile not in said[2]
        assert call(c, "GET", "identity?name=" + name)[0] == 404
        assert call(c, "POST", "identities", right)[0] == 200
        assert refused(c, "POST", "grants", dict(wrong, identity=name), 403, "requester-not-allowed")["reason"] == problem["reason"]
        assert call(c, "GET", "identity?name=" + name)[1]["grants"] == []
    assert "ok" not in [outcome for _, outcome, _ in audit(ca, "grant.add", name)]


def test_a_grant_is_in_effect_when_it_is_answered_and_gone_when_it_is_removed(ca):
    ca.add_identity("mesh-1", "workload")
    grant = {"identity": "mesh-1", "profile": "workload", "pattern": "dns:*.mesh.example.org"}

    def wanted():
        return {"identity": "mesh-1", "profile": "workload", "csr": csr_text(new_key(), None, ["dns:a.mesh.example.org"])}
    with ca.operator() as c:
        refused(c, "POST", "issue", wanted(), 403, "name-not-allowed")
        assert call(c, "POST", "grants", grant)[0] == 200
        refused(c, "POST", "grants", grant, 409, "grant-exists")
        assert call(c, "POST", "issue", wanted())[0] == 200
        assert call(c, "POST", "grants/remove", grant)[0] == 200
        refused(c, "POST", "grants/remove", grant, 404, "unknown-grant")
        refused(c, "POST", "issue", wanted(), 403, "name-not-allowed")
        refused(c, "POST", "grants", dict(grant, identity="nobody"), 404, "unknown-identity")


def test_lists_are_paged_without_loss(ca):
    names = ["page-%02d" % n for n in range(7)]
    for name in names:
        ca.add_identity(name, "device")
    found, after = [], "page-"
    with ca.operator() as c:
        while after:
            page = call(c, "GET", "identities?limit=3&after=" + after)[1]
            assert len(page["identities"]) <= 3
            found += [i["name"] for i in page["identities"]]
            after = page.get("next")
    assert [n for n in found if n.startswith("page-")] == names
    assert len(found) == len(set(found))


def test_grants_are_paged_without_loss(ca):
    """Added in another order than that of their names."""
    patterns = ["dns:g%d.example.org" % n for n in range(5)]
    ca.add_identity("many-grants", "device", ["device=" + p for p in patterns[2:]])
    for pattern in patterns[:2]:
        ca.admin("grant", "add", "many-grants", "device", pattern)
    found, after = [], None
    with ca.operator() as c:
        while True:
            page = call(c, "GET", "grants?identity=many-grants&limit=2" + ("&after=" + after if after else ""))[1]
            found += [g["pattern"] for g in page["grants"]]
            after = page.get("next")
            if not after:
                break
        for listing in ("grants?identity=many-grants", "requests?", "proposals?", "audit?"):
            assert call(c, "GET", listing + "&after=soon")[0] == 400
            assert call(c, "GET", listing + "&after=-1")[0] == 400
    assert sorted(found) == patterns


def test_blocking_is_idempotent_and_undone(ca):
    ca.add_identity("toggle", "device", ["device=dns:toggle.example.org"])
    body = {"name": "toggle"}
    with ca.operator() as c:
        assert call(c, "POST", "identity/block", body)[1]["changed"] is True
        assert call(c, "POST", "identity/block", body)[1]["changed"] is False
        refused(c, "POST", "issue", {"identity": "toggle", "profile": "device", "csr": csr_text(new_key(), "toggle")}, 403,
                "identity-blocked")
        assert call(c, "POST", "identity/unblock", body)[1]["changed"] is True
        assert call(c, "POST", "issue", {"identity": "toggle", "profile": "device", "csr": csr_text(new_key(), "toggle")})[0] == 200
        refused(c, "POST", "identity/block", {"name": "nobody"}, 404, "unknown-identity")
    assert [e[0] for e in audit(ca, "identity.block", "toggle")] == ["operator"]


def test_offboarding_counts_what_it_took_and_is_in_effect_when_answered(ca):
    ca.add_identity("leaver", "device", ["device=dns:leaver.example.org"])
    first = ca.issue("leaver", "device", ["dns:leaver.example.org"])
    ca.issue("leaver", "device", ["dns:leaver.example.org"])
    with ca.client(*first) as leaver, ca.operator() as c:
        assert leaver.request("GET", "/.well-known/est/cacerts").status == 200
        done = call(c, "POST", "identity/offboard", {"name": "leaver", "reason": "cessationOfOperation"})[1]
        assert done == {"name": "leaver", "revoked": 2, "accounts": 0, "requests": 0, "programs_behind": 0}
        try:
            status = leaver.request("GET", "/.well-known/est/cacerts").status
        except OSError:
            status = None
        assert status in (401, 403, None)
        again = call(c, "POST", "identity/offboard", {"name": "leaver"})[1]
        assert (again["revoked"], again["accounts"]) == (0, 0)
        assert call(c, "GET", "identity?name=leaver")[1]["state"] == "blocked"
        refused(c, "POST", "identity/offboard", {"name": "nobody"}, 404, "unknown-identity")
    reasons = ca.sql("SELECT r.reason FROM chancery.revocation r JOIN chancery.certificate c USING (serial) "
                     "JOIN chancery.identity i ON i.id = c.identity WHERE i.name = 'leaver'")
    assert reasons == [(5,), (5,)]


@pytest.mark.parametrize("reason", ["nonsense", "certificateHold", "removeFromCRL", "cACompromise", 5])
def test_an_offboarding_with_a_reason_that_does_not_apply_is_refused(ca, reason):
    ca.sql("INSERT INTO chancery.identity (name, kind) VALUES ('stays', 'device') ON CONFLICT DO NOTHING")
    with ca.operator() as c:
        assert call(c, "POST", "identity/offboard", {"name": "stays", "reason": reason})[0] == 400
        assert call(c, "GET", "identity?name=stays")[1]["state"] == "active"
