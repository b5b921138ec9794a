"""Certificates over the admin API: issue within grants, find, show, revoke, renew one's own; CRLs; status."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from acme_client import AccountKey, AcmeClient, new_csr
from admin import audit, call, csr_text, load_cert, refused, serial_of
from est import cert as est_cert, post as est_post, refused as est_refused
from instance import make_csr, new_key
from pgcluster import wait_for


@pytest.fixture(scope="module")
def printer(ca):
    ca.add_identity("printer-7", "device", ["device=dns:printer-7.example.org", "device=ip:10.7.0.0/16"])
    return "printer-7"


def issue_body(identity="printer-7", profile="device", names=("dns:printer-7.example.org",), common_name=None, key=None, **more):
    return dict({"identity": identity, "profile": profile, "csr": csr_text(key or new_key(), common_name, names)}, **more)


def test_a_certificate_is_issued_recorded_and_audited(ca, printer):
    key = new_key()
    with ca.operator() as c:
        status, answer, _ = call(c, "POST", "issue", issue_body(key=key))
        assert status == 200
        cert = x509.load_pem_x509_certificate(answer["pem"].encode())
        shown = call(c, "GET", "certificates/" + answer["serial"])[1]
    assert "%032x" % cert.serial_number == answer["serial"]
    assert cert.public_key().public_numbers() == key.public_key().public_numbers()
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["printer-7.example.org"]
    assert x509.load_pem_x509_certificate(answer["chain"].encode()) == load_cert(ca.issuing)
    assert (shown["identity"], shown["status"], shown["names"], shown["pem"]) == (
        "printer-7", "valid", ["dns:printer-7.example.org"], answer["pem"])
    assert audit(ca, "certificate.request", "printer-7")[-1][0] == "operator"


def test_the_same_request_again_gives_the_same_certificate(ca, printer):
    body = issue_body()
    with ca.operator() as c:
        assert call(c, "POST", "issue", body)[1]["serial"] == call(c, "POST", "issue", body)[1]["serial"]


def test_another_lifetime_is_another_wish(ca, printer):
    body = issue_body()
    with ca.operator() as c:
        plain = call(c, "POST", "issue", body)[1]["serial"]
        hour = call(c, "POST", "issue", dict(body, lifetime=3600))[1]
        cert = x509.load_pem_x509_certificate(hour["pem"].encode())
        assert hour["serial"] != plain and cert.not_valid_after - datetime.datetime.utcnow() < datetime.timedelta(hours=1)
        assert call(c, "POST", "issue", dict(body, lifetime=3600))[1]["serial"] == hour["serial"]
        assert call(c, "POST", "issue", body)[1]["serial"] == plain


def test_a_shorter_life_may_be_asked_but_not_a_longer_one(ca, printer):
    with ca.operator() as c:
        status, answer, _ = call(c, "POST", "issue", issue_body(lifetime=3600))
        assert status == 200
        cert = x509.load_pem_x509_certificate(answer["pem"].encode())
        assert 3500 < (cert.not_valid_after - cert.not_valid_before).total_seconds() < 3600 + 3600
        refused(c, "POST", "issue", issue_body(lifetime=90 * 86400), 400, "bad-validity")
        assert call(c, "POST", "issue", issue_body(lifetime=-5))[0] == 400


@pytest.mark.parametrize("change,status,code", [
    ({"names": ["dns:other.example.org"]}, 403, "name-not-allowed"),
    ({"names": ["dns:printer-7.example.org", "ip:10.8.0.1"]}, 403, "name-not-allowed"),
    ({"names": ["dns:*.example.org"]}, 403, None),
    ({"profile": "workload"}, 403, "requester-not-allowed"),
    ({"profile": "gateway-tls"}, 403, None),
    ({"profile": "no-such"}, 404, "unknown-profile"),
    ({"identity": "nobody"}, 404, "unknown-identity"),
    ({"common_name": "somebody-else", "profile": "pin"}, 400, "bad-csr"),
    ({"common_name": "other.example.org"}, 403, "name-not-allowed"),
    ({"key": ec.generate_private_key(ec.SECP521R1())}, 400, "bad-key"),
    ({"names": []}, 200, None)])
def test_an_operator_issues_only_what_policy_allows(ca, printer, change, status, code):
    with ca.operator() as c:
        got, answer, _ = call(c, "POST", "issue", issue_body(**change))
        assert got == status, answer
        assert code is None or answer["code"] == code


def test_a_refusal_says_what_would_have_been_allowed(ca):
    ca.add_identity("advised", "device", ["device=dns:*.advised.example.org", "brief=dns:a.b.advised.example.org"])
    with ca.operator() as c:
        status, problem, _ = call(c, "POST", "issue", issue_body("advised", names=["dns:a.b.advised.example.org"]))
        assert (status, problem["code"]) == (403, "name-not-allowed")
        assert 'nearest grant is "dns:*.advised.example.org"' in problem["reason"] and 'profile "brief" would allow' in problem["reason"]
        _, problem, _ = call(c, "POST", "issue", issue_body("advised", names=["dns:elsewhere.test"]))
        assert "nearest" not in problem["reason"] and "would allow" not in problem["reason"]


@pytest.mark.parametrize("csr", ["", "!!!!", base64.b64encode(b"\x30\x03\x02\x01\x00").decode(), "A" * 40000])
def test_a_request_that_is_no_csr_is_refused(ca, printer, csr):
    with ca.operator() as c:
        assert call(c, "POST", "issue", dict(issue_body(), csr=csr))[0] == 400


def test_certificates_are_found_by_identity_and_name_and_paged_without_loss(ca):
    ca.add_identity("finder", "device", ["device=dns:*.find.example.org"])
    with ca.operator() as c:
        made = {call(c, "POST", "issue", issue_body("finder", names=["dns:n%d.find.example.org" % n]))[1]["serial"] for n in range(5)}
        found, after = [], None
        while True:
            page = call(c, "GET", "certificates?identity=finder&limit=2" + ("&after=" + after if after else ""))[1]
            found += [x["serial"] for x in page["certificates"]]
            after = page.get("next")
            if not after:
                break
        assert sorted(found) == sorted(made)
        one = call(c, "GET", "certificates?name=dns:N3.find.example.org")[1]["certificates"]
        assert [x["names"] for x in one] == [["dns:n3.find.example.org"]]
        assert call(c, "GET", "certificates?name=n3.find.example.org")[0] == 400
        assert call(c, "GET", "certificates?after=soon")[0] == 400
        refused(c, "GET", "certificates?identity=nobody", None, 404, "unknown-identity")


@pytest.mark.parametrize("change,status,word", [
    ({"csr": csr_text(new_key(), extensions=[(x509.BasicConstraints(True, None), True)])}, 403, "bad-csr"), ({"profile": "nothing"}, 404, "unknown-profile"),
    ({"csr": csr_text(new_key(), None, ["dns:foreign.example.org"])}, 403, "name-not-allowed"), ({"identity": "nobody"}, 404, "unknown-identity"),
    ({"profile": "workload"}, 403, "requester-not-allowed")])
def test_a_refused_issue_stands_in_the_audit_as_refused_with_its_reason(ca, printer, change, status, word):
    body = {"identity": "printer-7", "profile": "device", "csr": csr_text(new_key(), None, ["dns:printer-7.example.org"])}
    name = "asks-" + word  # how many a minute are events is counted for each operator
    with ca.client(*ca.add_operator(name, "officer"), port=ca.admin_port) as c:
        problem = refused(c, "POST", "issue", dict(body, **change), status, word)
    told = ca.sql("SELECT operation, object, outcome, detail->>'word', detail->>'reason', role FROM chancery.audit_event "
                  "WHERE request_id = %s AND role = 'chancery_admin'", problem["request_id"])
    assert told == [("certificate.request", dict(body, **change)["identity"], "refused", word, problem["reason"], "chancery_admin")]


def test_revoking_is_in_effect_when_answered_and_shown(ca, printer):
    key, chain = ca.issue("printer-7", "device", ["dns:printer-7.example.org"])
    serial = serial_of(chain)
    with ca.client(key, chain) as device, ca.operator() as c:
        assert device.request("GET", "/.well-known/est/cacerts").status == 200
        assert call(c, "POST", "certificates/%s/revoke" % serial, {"reason": "keyCompromise"})[0] == 200
        try:
            status = device.request("GET", "/.well-known/est/cacerts").status
        except OSError:
            status = None
        assert status in (401, 403, None)
        shown = call(c, "GET", "certificates/" + serial)[1]
        assert (shown["status"], shown["reason"]) == ("revoked", "keyCompromise") and shown["revoked_at"]
        refused(c, "POST", "certificates/%s/revoke" % serial, {}, 409, "already-revoked")
        live = [x["serial"] for x in call(c, "GET", "certificates?identity=printer-7")[1]["certificates"]]
        every = [x["serial"] for x in call(c, "GET", "certificates?identity=printer-7&all=yes")[1]["certificates"]]
        assert serial not in live and serial in every
    assert audit(ca, "certificate.revoke", serial)[0][0] == "operator"


@pytest.mark.parametrize("serial,status", [("11" * 16, 404), ("11" * 15, 400), ("zz" * 16, 400)])
def test_revoking_a_certificate_that_is_not_there_is_refused(ca, serial, status):
    with ca.operator() as c:
        assert call(c, "POST", "certificates/%s/revoke" % serial, {})[0] == status
        assert call(c, "GET", "certificates/" + serial)[0] == status


def test_an_operator_renews_its_own_certificate_with_a_new_key(ca):
    key, chain = ca.add_operator("renewer", "auditor")
    with ca.client(key, chain, ca.admin_port) as c:
        status, answer, _ = call(c, "POST", "renew", {"csr": csr_text(new_key(), "renewer")})
        assert status == 200
        assert call(c, "GET", "certificates/" + answer["serial"])[1]["renewed_from"] == serial_of(chain)
        refused(c, "POST", "renew", {"csr": csr_text(new_key(), "renewer", ["email:other@example.org"])}, 403, "name-not-allowed")
        refused(c, "POST", "renew", {"csr": csr_text(new_key(), "operator")}, 400, "bad-csr")


def test_a_crl_is_published_when_asked(ca):
    def number():
        return [i["crl_number"] for i in ca.admin("status")["issuers"] if i["name"] == "issuing-1"][0]
    before = number()
    with ca.operator() as c:
        assert call(c, "POST", "crl/publish", {"issuer": "issuing-1"})[1] == {"issuers": ["issuing-1"]}
        wait_for(lambda: number() > before, 20, "a CRL with a higher number")
        refused(c, "POST", "crl/publish", {"issuer": "root"}, 404, "unknown-issuer")
        refused(c, "POST", "crl/publish", {"issuer": "nobody"}, 404, "unknown-issuer")


def test_status_tells_programs_issuers_and_database(ca):
    with ca.operator() as c:
        status, answer, _ = call(c, "GET", "status")
    assert status == 200
    seen = {p["program"] for p in answer["programs"] if not p["stale"]}
    assert {"signer", "gateway", "admin"} <= seen
    assert [h["token"] for h in answer["hsm"]] == ["test-issuing"]
    assert [o["feed_age"] < 60 for o in answer["ocsp"]] == [True] and answer["ocsp"][0]["responder_until"]
    assert answer["database"] == {"reachable": True, "schema_version": ca.sql("SELECT max(version) FROM chancery.schema_version")[0][0]}
    issuers = {i["name"]: i for i in answer["issuers"]}
    assert issuers["root"]["kind"] == "root" and issuers["issuing-1"]["days_left"] > 1000
    assert isinstance(answer["problems"], list) and answer["healthy"] == (not answer["problems"])


# --- authority, lines and compromised keys ---


def issue(c, key=None, **more):
    status, answer, _ = call(c, "POST", "issue", issue_body(key=key, **more))
    assert status == 200, answer
    return answer["serial"]


def test_a_certificate_shows_what_authorised_it_and_who_revoked_it(ca, printer):
    with ca.operator() as c:
        serial = issue(c)
        shown = call(c, "GET", "certificates/" + serial)[1]
        assert (shown["protocol"], shown["requested_by"], shown["proof"]) == ("admin", "operator", "certificate")
        operator = call(c, "GET", "certificates/" + shown["shown_certificate"])[1]
        assert (operator["identity"], operator["profile"]) == ("operator", "operator")
        assert "revoked_by" not in shown and "acme_account" not in shown and "approved_by" not in shown
        assert call(c, "POST", "certificates/%s/revoke" % serial, {"reason": "superseded"})[0] == 200
        shown = call(c, "GET", "certificates/" + serial)[1]
        assert (shown["revoked_by"], shown["reason"]) == ("operator", "superseded")


def test_a_compromised_key_takes_its_other_certificates_along_and_is_nobodys_again(ca, printer):
    ca.add_identity("printer-8", "device", ["device=dns:printer-8.example.org"])
    key = new_key()
    elsewhere = dict(identity="printer-8", names=("dns:printer-8.example.org",))
    with ca.operator() as c:
        mine, theirs = issue(c, key), issue(c, key, **elsewhere)
        status, answer, _ = call(c, "POST", "certificates/%s/revoke" % mine, {"reason": "keyCompromise"})
        assert status == 200 and answer["others"] == [theirs]
        for serial in (mine, theirs):
            shown = call(c, "GET", "certificates/" + serial)[1]
            assert (shown["status"], shown["reason"]) == ("revoked", "keyCompromise")
        refused(c, "POST", "issue", issue_body(key=key), 403, "key-blocked")
        refused(c, "POST", "issue", issue_body(key=key, **elsewhere), 403, "key-blocked")
    with ca.client(*ca.issue("printer-8", "device", ["dns:printer-8.example.org"])) as device:
        est_refused(est_post(device, make_csr(key, None, ["dns:printer-8.example.org"]), label="devices"), 403, "key-blocked")


def test_acme_takes_no_compromised_key_for_a_certificate_nor_an_account(ca):
    ca.add_identity("web-9", "workload", ["workload=dns:web-9.example.org"])
    key, names = new_key(), ["dns:web-9.example.org"]
    with ca.operator() as c:
        serial = issue(c, key, identity="web-9", profile="workload", names=names)
        assert call(c, "POST", "certificates/%s/revoke" % serial, {"reason": "keyCompromise"})[0] == 200
    tls = ca.issue("web-9", "workload", names)
    with AcmeClient(ca, *tls) as client:
        client.register()
        order = client.new_order(names)
        problem = client.refused(order["finalize"], {"csr": new_csr(names, key=key)[0]})
        assert (problem.status, problem.type) == (400, "badCSR")
        assert client.finalize(order, new_csr(names)[0])["status"] == "valid"
    with AcmeClient(ca, *tls, account_key=AccountKey(key, "ES256")) as client:
        problem = client.refused(client.url("new-account"), {}, use_jwk=True)
        assert (problem.status, problem.type) == (400, "badPublicKey")


def test_a_line_goes_with_its_first_certificate(ca, printer):
    key = new_key()
    with ca.operator() as c:
        first = issue(c, key)
        other = issue(c)
    cert = x509.load_pem_x509_certificate(call_pem(ca, first))
    with ca.client(*ca.save(key, cert)) as device:
        second = est_cert(est_post(device, make_csr(new_key(), None, ["dns:printer-7.example.org"]), label="devices"))
    alone = ca.admin("cert", "revoke", first)
    assert alone["left"].startswith("1 asked for with it") and "--with-successors" in alone["left"]
    answer = ca.admin("cert", "revoke", first, "--with-successors")
    assert "left" not in answer
    assert answer["others"] == ["%032x" % second.serial_number]
    with ca.operator() as c:
        assert call(c, "GET", "certificates/" + "%032x" % second.serial_number)[1]["status"] == "revoked"
        assert call(c, "GET", "certificates/" + other)[1]["status"] == "valid"


def call_pem(ca, serial):
    with ca.operator() as c:
        return call(c, "GET", "certificates/" + serial)[1]["pem"].encode()
