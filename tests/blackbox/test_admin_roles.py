"""What operators may do: every operation with every role, what is an administrator's where it is about operators, and who gives roles."""

import os
import re

import admin
import pytest
from admin import audit, call, csr_text, refused
from instance import SOURCE, new_key

ROLES = ["administrator", "officer", "helpdesk", "auditor", "monitor"]


def operations():
    return [(m.upper(), p, op) for p, item in sorted(admin.document["paths"].items()) for m, op in sorted(item.items())]


@pytest.fixture(scope="module")
def team(ca):
    """A client for an operator with each role, and for one with none."""
    clients = {role: ca.client(*ca.add_operator("is-" + role, role), port=ca.admin_port) for role in ROLES}
    clients["none"] = ca.client(*ca.add_operator("is-nothing"), port=ca.admin_port)
    yield clients
    for c in clients.values():
        c.close()


@pytest.mark.parametrize("role", ROLES + ["none"])
def test_an_operation_is_for_the_roles_of_the_document_and_no_other(ca, team, role):
    for method, path, op in operations():
        path = re.sub(r"{id}", "999999", re.sub(r"{serial}", "11" * 16, path))[len("/admin/v1/"):]
        status, answer, _ = call(team[role], method, path, {} if method == "POST" else None)
        wanted = set(op.get("x-roles", [])) | set(op.get("x-roles-over-operators", []))
        if wanted and role not in wanted:
            assert (status, answer["code"]) == (403, "role-missing"), (path, answer)
        else:
            assert status != 403 or answer["code"] != "role-missing", (path, answer)


def test_only_renewing_and_the_document_are_every_operators():
    assert [op["operationId"] for _, _, op in operations() if "x-roles" not in op] == ["openapi", "renew"]


def test_what_gives_something_to_operators_is_an_administrators(ca, team):
    ca.add_identity("target", "operator")
    ca.admin("identity", "block", "target")
    csr = csr_text(new_key(), "target")
    calls = [("identities", {"name": "evil", "kind": "operator"}), ("identities", {"name": "evil", "kind": "service"}),
             ("identity/unblock", {"name": "target"}), ("grants", {"identity": "target", "profile": "operator", "pattern": "email:*@example.org"}),
             ("grants", {"identity": "gateway", "profile": "gateway-tls", "pattern": "dns:www.bank.example"}),
             ("grants/remove", {"identity": "gateway", "profile": "gateway-tls", "pattern": "dns:localhost"}),
             ("issue", {"identity": "target", "profile": "operator", "csr": csr}),
             ("issue", {"identity": "operator", "profile": "operator", "csr": csr})]
    for path, body in calls:
        assert "administrator" in refused(team["officer"], "POST", path, body, 403, "role-missing")["reason"]
    assert call(team["administrator"], "POST", "identity/unblock", {"name": "target"})[0] == 200
    assert call(team["administrator"], "POST", "issue", {"identity": "target", "profile": "operator", "csr": csr})[0] == 200
    for path, body in (("identities", {"name": "evil", "kind": "device"}), ("identity/unblock", {"name": "plain"}),
                       ("grants", {"identity": "plain", "profile": "device", "pattern": "dns:a.example.org"})):
        ca.admin("identity", "add", "plain", "--kind", "device", check=False)
        assert "officer" in refused(team["administrator"], "POST", path, body, 403, "role-missing")["reason"]
    assert ca.admin("identity", "show", "evil", check=False).returncode == 3


def test_what_takes_something_is_helpdesks_too(ca, team):
    ca.add_identity("caller", "device")
    assert call(team["helpdesk"], "POST", "identity/block", {"name": "caller"})[0] == 200
    refused(team["helpdesk"], "POST", "identity/unblock", {"name": "caller"}, 403, "role-missing")
    assert call(team["helpdesk"], "POST", "identity/offboard", {"name": "caller"})[0] == 200
    ca.add_identity("leaver", "operator")
    assert call(team["helpdesk"], "POST", "identity/block", {"name": "leaver"})[0] == 200


def test_only_administrators_take_from_programs(ca, team):
    serial = ca.sql("SELECT encode(c.serial, 'hex') FROM certificate c JOIN identity i ON i.id = c.identity WHERE i.name = 'gateway'")[0][0]
    calls = [("identity/block", {"name": "gateway"}), ("identity/offboard", {"name": "chancery-admin"}),
             ("certificates/%s/revoke" % serial, {})]
    for role in ("officer", "helpdesk"):
        for path, body in calls:
            assert "administrator" in refused(team[role], "POST", path, body, 403, "role-missing")["reason"]
    assert ca.sql("SELECT count(*) FROM identity WHERE kind = 'service' AND state <> 'active'") == [(0,)]


def test_nobody_gives_himself_a_role_and_only_administrators_give_any(ca, team):
    own = {"name": "is-administrator", "role": "officer"}
    refused(team["administrator"], "POST", "operator/role", own, 403, "own-identity")
    refused(team["administrator"], "POST", "operator/role/remove", dict(own, role="administrator"), 403, "own-identity")
    refused(team["officer"], "POST", "operator/role", {"name": "is-nothing", "role": "officer"}, 403, "role-missing")
    refused(team["administrator"], "POST", "operator/role", {"name": "gateway", "role": "officer"}, 404, "unknown-identity")
    assert call(team["administrator"], "POST", "operator/role", {"name": "is-nothing", "role": "king"})[0] == 400


def test_a_role_counts_from_when_it_is_given_until_it_is_taken(ca, team):
    none = team["none"]
    refused(none, "GET", "identities", None, 403, "role-missing")
    given = ca.admin("operator", "role", "add", "is-nothing", "auditor")
    assert given == {"name": "is-nothing", "role": "auditor", "changed": True}
    assert call(none, "GET", "identities")[0] == 200
    assert not ca.admin("operator", "role", "add", "is-nothing", "auditor")["changed"]
    assert {"name": "is-nothing", "kind": "operator", "state": "active", "roles": ["auditor"], "grants": [], "proposals": []} in ca.admin("access")
    ca.admin("operator", "role", "remove", "is-nothing", "auditor")
    refused(none, "GET", "identities", None, 403, "role-missing")
    for operation in ("operator.role.add", "operator.role.remove"):
        assert [a[0] for a in audit(ca, operation, "is-nothing") if a[1] == "ok"] == ["operator"]


def test_access_tells_who_may_do_and_have_what(ca):
    ca.add_identity("has-two", "device", ["device=dns:b.example.org", "device=dns:a.example.org"])
    told = {a["name"]: a for a in ca.admin("access")}
    assert told["has-two"]["grants"] == ["device=dns:a.example.org", "device=dns:b.example.org"] and told["has-two"]["roles"] == []
    assert told["operator"]["roles"] == ["administrator", "officer"]
    assert told["gateway"]["grants"] == ["gateway-tls=dns:localhost", "gateway-tls=ip:127.0.0.1"]


def test_auditors_find_who_did_what(ca, team):
    ca.add_identity("watched", "device", ["device=dns:watched.example.org"])
    ca.admin("identity", "block", "watched")
    refused(team["officer"], "POST", "grants", {"identity": "watched", "profile": "device", "pattern": "nonsense"}, 400, "bad-name")
    def find(**filters):
        query = "&".join("%s=%s" % pair for pair in filters.items())
        return [e for e in call(team["auditor"], "GET", "audit?" + query)[1]["events"]]
    seen = find(object="watched")
    assert [(e["operation"], e["outcome"], e["actor"]) for e in seen] == [
        ("grant.add", "refused", "is-officer"), ("identity.block", "ok", "operator"), ("identity.add", "ok", "operator")]
    assert seen[0]["reason"] and {e["role"] for e in seen} == {"chancery_admin"}
    assert [e["id"] for e in find(object="watched", outcome="refused")] == [seen[0]["id"]]
    assert [e["id"] for e in find(object="watched", operation="identity.block", actor="operator", since="3600")] == [seen[1]["id"]]
    assert find(object="watched", until="3600") == [] and find(object="watched", actor="nobody") == []
    first = call(team["auditor"], "GET", "audit?object=watched&limit=1")[1]
    rest = call(team["auditor"], "GET", "audit?object=watched&after=" + first["next"])[1]
    assert [e["id"] for e in first["events"] + rest["events"]] == [e["id"] for e in seen] and "next" not in rest
    shown = call(team["auditor"], "GET", "audit/%d" % seen[2]["id"])[1]
    assert shown["detail"]["kind"] == "device"
    refused(team["auditor"], "GET", "audit/999999999", None, 404, "not-found")
    refused(team["auditor"], "GET", "audit?outcome=maybe", None, 400, "invalid")
    refused(team["auditor"], "GET", "audit?after=x", None, 400, "invalid")
    listed = ca.admin("audit", "list", "--object", "watched", "--since", "1h", "--limit", "2")
    assert [e["id"] for e in listed] == [e["id"] for e in seen[:2]]
    assert ca.admin("audit", "show", str(seen[2]["id"]))["detail"] == shown["detail"]


def test_the_manual_tells_the_roles_as_they_are(ca):
    """The ROLES section of ca-admin(1), each role's commands, against the document."""
    with open(os.path.join(SOURCE, "man", "ca-admin.1")) as f:
        section = f.read().split(".SH ROLES\n")[1].split("\n.SH ")[0]
    told = {}
    for role, text in re.findall(r"\.TP\n\.B (\w+)\n(.*?)(?=\n\.TP|\Z)", section, re.S):
        listed = " ".join(text.split("\n")).rstrip(".")
        listed = listed.split(": ", 1)[1] if ": " in listed else listed
        told[role] = sorted(c.strip().lower() for c in listed.split(","))
    names = {"issuers": "issuer list", "identities": "identity list", "grants": "grant list", "certificates": "cert list",
             "certificate.show": "cert show", "certificate.revoke": "cert revoke", "identity.offboard": "offboard", "requests": "request list", "audit": "audit list", "proposals": "proposal list"}
    assert sorted(told) == sorted(ROLES)
    for role in ROLES:
        may = [op["operationId"] for _, _, op in operations() if role in op.get("x-roles", []) + op.get("x-roles-over-operators", [])]
        assert told[role] == sorted(names.get(n, n.replace(".", " ")) for n in may), role
