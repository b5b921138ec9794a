"""ACME orders and authorizations of granted names: acme/CHECKS.md 74 to 80, 92 to 100 in part, 124 to 126, 134 to 136."""

import datetime
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import identifiers, new_csr, split_chain, unb64  # noqa: E402
from acme_fixtures import lab, names_of, shared  # noqa: E402,F401


def refuse_order(client, *names, **fields):
    return client.refused(client.url("new-order"), dict(identifiers=identifiers(names), **fields))


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def rfc3339(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- orders ---

def test_acme_074_new_order_has_everything(shared):
    order = shared.new_order([shared.host])
    assert order["status"] == "ready" and order["profile"] == "workload"
    assert order["identifiers"] == [{"type": "dns", "value": shared.host[4:]}]
    assert order["finalize"] == order["url"] + "/finalize" and len(order["authorizations"]) == 1
    assert datetime.datetime.fromisoformat(order["expires"].replace("Z", "+00:00")) > now()
    assert shared.fetch_order(order) == order


def test_acme_074_granted_order_lists_valid_authorizations(shared):
    order = shared.new_order(["dns:a.many.example.org", "ip:10.1.2.3"])
    found = [shared.fetch(u) for u in order["authorizations"]]
    assert [a["identifier"] for a in found] == order["identifiers"]
    assert all(a["status"] == "valid" and a["expires"] == order["expires"] and a["challenges"] == [] for a in found)
    for bad in (".2", ".", ".x", ".00000000000000000000000000001", ".-1"):
        assert shared.refused(order["authorizations"][0][:-2] + bad).status == 404


def test_acme_074_granted_and_other_names_have_an_authorization_each(shared):
    order = shared.new_order(["dns:unproven.example.net", shared.host, "dns:unproven2.example.net", "ip:10.1.2.3"])
    found = [shared.fetch(u) for u in order["authorizations"]]
    assert [a["identifier"] for a in found] == order["identifiers"]
    assert [a["status"] for a in found] == ["pending", "valid", "pending", "valid"]
    assert [len(a["challenges"]) for a in found] == [1, 0, 1, 0]
    assert shared.fetch_order(order) == order
    for index in (0, 2, 4):
        assert shared.refused("%s/acme/authorization/%s.%d" % (shared.base, order["url"].rsplit("/", 1)[1], index)).status == 404


def test_acme_075_identifiers_never_change_and_doubles_collapse(shared):
    order = shared.new_order([shared.host, "dns:b.many.example.org", shared.host, shared.host.upper().replace("DNS", "dns")])
    assert [i["value"] for i in order["identifiers"]] == [shared.host[4:], "b.many.example.org"]
    order2 = shared.finalize(order, new_csr(["dns:b.many.example.org", shared.host])[0])
    assert order2["identifiers"] == order["identifiers"] and order2["authorizations"] == order["authorizations"]


@pytest.mark.parametrize("payload", [{}, {"identifiers": []}, {"identifiers": {}}, {"identifiers": ["x"]}, {"identifiers": [{"type": "dns"}]},
                                     {"identifiers": [{"value": "x"}]}, {"identifiers": [{"type": 1, "value": "x"}]}, {"identifiers": None},
                                     {"identifiers": [{"type": "dns", "value": "a%d.example" % i} for i in range(101)]}])
def test_acme_076_empty_and_ill_formed_identifiers_are_malformed(shared, payload):
    problem = shared.refused(shared.url("new-order"), payload)
    assert (problem.status, problem.type) == (400, "malformed")


def test_acme_076_unknown_types_are_unsupported(shared):
    for kind in ("email", "uri", "permanent-identifier", "DNS", ""):
        problem = shared.refused(shared.url("new-order"), {"identifiers": [{"type": kind, "value": "a.example"}]})
        assert (problem.status, problem.type) == (400, "unsupportedIdentifier"), kind


@pytest.mark.parametrize("value", [
    "a_b.example", "example.org.", ".example.org", "a..example.org", "-a.example.org", "a-.example.org", "x" * 64 + ".example.org",
    ".".join(["x" * 60] * 5), "", " ", "a b.example", "a.example.org/x", "a.example.org:80", "*.*.example.org", "a.*.example.org", "*",
    "a*.example.org", "10.0.0.1", "\u00e4.example", "xn--.example", "xn--a.example", "xn--999999999.example.org", "1.2",
])
def test_acme_077_bad_dns_names_are_rejected(shared, value):
    problem = refuse_order(shared, "dns:" + value)
    assert (problem.status, problem.type) == (400, "rejectedIdentifier"), problem.document
    assert problem.document["subproblems"][0]["identifier"] == {"type": "dns", "value": value}


def test_acme_077_nul_in_a_name_is_malformed(shared):
    assert refuse_order(shared, "dns:a.example\u0000.org").type == "malformed"


def test_acme_077_names_are_lower_case_and_a_labels_accepted(shared):
    order = shared.new_order(["dns:XN--Bcher-KVA.many.EXAMPLE.org"])
    assert order["identifiers"] == [{"type": "dns", "value": "xn--bcher-kva.many.example.org"}]


def test_acme_078_wildcards_need_profile_and_grant(shared):
    assert refuse_order(shared, "dns:*.many.example.org").type == "rejectedIdentifier"
    order = shared.new_order(["dns:*.wild.example.org", "dns:wild2.wild.example.org"], profile="wild")
    assert order["status"] == "ready" and order["identifiers"][0]["value"] == "*.wild.example.org"
    wildcard, plain = (shared.fetch(u) for u in order["authorizations"])
    assert wildcard["identifier"]["value"] == "wild.example.org" and wildcard["wildcard"] is True
    assert "wildcard" not in plain
    order = shared.finalize(order, new_csr(["dns:*.wild.example.org", "dns:wild2.wild.example.org"])[0])
    assert names_of(split_chain(shared.certificate(order))[0]) == {"*.wild.example.org", "wild2.wild.example.org"}
    problem = refuse_order(shared, "dns:*.other.example.net", profile="wild")
    assert problem.type == "rejectedIdentifier" and "http-01" in problem.document["detail"]


def test_acme_078_the_log_says_which_profile_would_have_allowed_it(lab, shared):
    problem = refuse_order(shared, "dns:*.advised.wild.example.org")
    assert problem.type == "rejectedIdentifier" and "would allow" not in problem.response.text
    lab.ca.wait_logged("chancery-gateway", "*.advised.wild.example.org")
    (line,) = [x for x in lab.ca.log_lines("chancery-gateway") if "*.advised.wild.example.org" in x]
    assert "would allow this request" in line and "wild" in line.split("the nearest grant")[1]


def test_acme_079_validity_is_honoured(shared):
    start, end = now() + datetime.timedelta(minutes=10), now() + datetime.timedelta(hours=3)
    order, pem, _ = shared.obtain([shared.host], notBefore=rfc3339(start), notAfter=rfc3339(end))
    assert order["notBefore"] == rfc3339(start) and order["notAfter"] == rfc3339(end)
    cert = split_chain(pem)[0]
    assert cert.not_valid_before.replace(tzinfo=datetime.timezone.utc) == start
    assert cert.not_valid_after.replace(tzinfo=datetime.timezone.utc) == end


def test_acme_079_offsets_of_rfc3339_are_understood(shared):
    end = now() + datetime.timedelta(hours=3)
    text = (end + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")
    assert shared.new_order([shared.host], notAfter=text)["notAfter"] == rfc3339(end)


@pytest.mark.parametrize("fields", [
    {"notAfter": "tomorrow"}, {"notAfter": "2030-01-01"}, {"notAfter": 1900000000}, {"notBefore": " "}, {"notBefore": "2026-13-01T00:00:00Z"},
    {"notAfter": "2020-01-01T00:00:00Z"}, {"notAfter": "2099-01-01T00:00:00Z"}, {"notBefore": "2020-01-01T00:00:00Z"},
    {"notBefore": "2099-01-01T00:00:00Z"},
])
def test_acme_079_validity_outside_the_profile_is_refused(shared, fields):
    problem = refuse_order(shared, shared.host, **fields)
    assert (problem.status, problem.type) == (400, "malformed")


@pytest.mark.parametrize("fields", [
    {"notBefore": None, "notAfter": None}, {"notBefore": "", "notAfter": ""}, {"profile": None}, {"profile": ""}, {"replaces": None},
    {"notBefore": "0001-01-01T00:00:00Z", "notAfter": "0001-01-01T00:00:00Z"}, {"notAfter": "0001-01-01T00:00:00.000+00:00"},
])
def test_acme_079_null_empty_and_zero_are_absence(shared, fields):
    order = shared.new_order([shared.host], **fields)
    assert (order["status"], order["profile"]) == ("ready", "workload") and "notBefore" not in order and "notAfter" not in order


def test_acme_080_order_goes_from_ready_to_valid(shared):
    order = shared.new_order([shared.host])
    assert "certificate" not in order
    order = shared.finalize(order, new_csr([shared.host])[0])
    assert order["status"] == "valid" and order["certificate"].startswith(shared.base)
    assert shared.fetch_order(order) == order


def test_acme_080_expired_order_is_invalid(lab, shared):
    order = shared.new_order([shared.host])
    lab.ca.sql("UPDATE chancery.acme_order SET expires = now() - interval '1 minute' WHERE id = %s", order["url"].rsplit("/", 1)[1],
               role=lab.ca.pg.superuser)
    assert shared.fetch_order(order)["status"] == "invalid"
    problem = shared.refused(order["finalize"], {"csr": new_csr([shared.host])[0]})
    assert (problem.status, problem.type) == (403, "orderNotReady")
    assert shared.fetch_order(order)["status"] == "invalid"


# --- authorizations without challenges ---

def test_acme_092_pending_authorization_has_http01_with_a_token(shared):
    order = shared.new_order(["dns:unproven.example.net", shared.host, "ip:192.0.2.7"])
    assert len(order["authorizations"]) == 3
    for url, value in zip(order["authorizations"][::2], ("unproven.example.net", "192.0.2.7")):
        authorization = shared.fetch(url)
        assert authorization["status"] == "pending" and authorization["identifier"]["value"] == value and "wildcard" not in authorization
        assert "expires" in authorization
        (challenge,) = authorization["challenges"]
        assert set(challenge) == {"type", "url", "status", "token"} and challenge["type"] == "http-01" and challenge["status"] == "pending"
        assert len(unb64(challenge["token"])) == 32


def test_acme_099_deactivated_authorization_ends_its_order(shared):
    order = shared.new_order(["dns:unproven.example.net"])
    url = order["authorizations"][0]
    challenge = shared.fetch(url)["challenges"][0]["url"]
    for payload in ({}, {"status": "valid"}, {"status": 7}):
        assert shared.refused(url, payload).type == "malformed"
    assert json.loads(shared.ok(url, {"status": "deactivated"}).body)["status"] == "deactivated"
    assert shared.refused(url, {"status": "deactivated"}).type == "malformed"
    assert shared.fetch_order(order)["status"] == "invalid"
    assert shared.refused(challenge, {}).type == "malformed"
    assert shared.fetch(url)["status"] == "deactivated"


def test_acme_099_what_the_operator_granted_cannot_be_deactivated(shared):
    order = shared.new_order([shared.host])
    assert shared.refused(order["authorizations"][0], {"status": "deactivated"}).status == 403
    assert shared.fetch_order(order)["status"] == "ready"


def test_acme_100_ill_formed_challenge_answer_changes_nothing(shared):
    order = shared.new_order(["dns:unproven.example.net"])
    challenge = shared.fetch(order["authorizations"][0])["challenges"][0]["url"]
    for payload in (b"[]", b"x", b"{", b'{"a":1,"a":2}'):
        assert shared.refused(challenge, payload).type == "malformed"
    assert shared.fetch(challenge)["status"] == "pending"


# --- IP identifiers ---

def test_acme_124_addresses_are_canonical(shared):
    for value in ("10.0.0.01", "10.1", "0x0a000001", "10.0.0.1/32", "2001:DB8::1", "2001:db8:0::1", "::ffff:10.0.0.1", "fe80::1%eth0", "[2001:db8::1]", ""):
        problem = refuse_order(shared, "ip:" + value)
        assert problem.status == 400 and problem.type == "rejectedIdentifier", value


def test_acme_125_and_126_address_becomes_an_ip_san(shared):
    names = ["ip:10.20.30.40", "ip:2001:db8::7"]
    order = shared.new_order(names)
    assert order["status"] == "ready"
    assert shared.refused(order["finalize"], {"csr": new_csr([], common_name="10.20.30.40")[0]}).type == "badCSR"
    cert = split_chain(shared.certificate(shared.finalize(order, new_csr(names)[0])))[0]
    assert names_of(cert) == {"10.20.30.40", "2001:db8::7"}


# --- profiles ---

@pytest.mark.parametrize("profile", ["none", "device", "operator", "gateway-tls", " ", 7, "Workload"])
def test_acme_134_profiles_one_may_not_have_are_invalid(shared, profile):
    problem = refuse_order(shared, shared.host, profile=profile)
    assert (problem.status, problem.type) == (400, "invalidProfile")


def test_acme_134_names_outside_the_profile_are_rejected(shared):
    assert refuse_order(shared, "ip:10.0.0.1", profile="strict").type == "rejectedIdentifier"
    assert refuse_order(shared, shared.host, profile="strict").type == "rejectedIdentifier"
    too_many = ["dns:%s.strict.example.org" % c for c in "abcd"]
    assert refuse_order(shared, *too_many, profile="strict").type == "malformed"


def test_acme_135_profile_is_reflected_and_decides(shared):
    order, pem, _ = shared.obtain(["dns:a.strict.example.org"], profile="strict")
    assert order["profile"] == "strict"
    cert = split_chain(pem)[0]
    assert (cert.not_valid_after - cert.not_valid_before) < datetime.timedelta(hours=2)
