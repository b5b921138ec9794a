"""ACME orders, authorizations of granted names, finalize, certificates and revocation: acme/CHECKS.md 74 to 91,
92 to 100 in part, 111 to 119, 124 to 126, 134 to 136."""

import concurrent.futures
import datetime
import json
import os
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import der  # noqa: E402
import revocation as rev  # noqa: E402
from acme_client import AccountKey, AcmeClient, b64, identifiers, new_csr, split_chain, unb64  # noqa: E402
from acme_fixtures import lab, web  # noqa: E402,F401
from instance import make_csr  # noqa: E402


@pytest.fixture(scope="module")
def shared(lab):
    return lab.client(["workload=dns:**.many.example.org", "workload=ip:10.0.0.0/8", "workload=ip:2001:db8::/32",
                       "strict=dns:**.strict.example.org", "wild=dns:**.wild.example.org"])


def refuse_order(client, *names, **fields):
    return client.refused(client.url("new-order"), dict(identifiers=identifiers(names), **fields))


def names_of(cert):
    return {str(n.value) for n in cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}


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


def test_acme_081_finalize_of_a_pending_order_changes_nothing(shared):
    order = shared.new_order(["dns:unproven.example.net"])
    assert order["status"] == "pending"
    problem = shared.refused(order["finalize"], {"csr": new_csr(["dns:unproven.example.net"])[0]})
    assert (problem.status, problem.type) == (403, "orderNotReady")
    assert shared.fetch_order(order) == order


def bad_csrs(host):
    key = ec.generate_private_key(ec.SECP256R1())
    good = unb64(new_csr([host], key)[0])
    spoiled = bytearray(good)
    spoiled[-1] ^= 1
    own = [x509.NameAttribute(NameOID.COMMON_NAME, "other.example.org")]
    ca_csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(host[4:])]), True).add_extension(x509.BasicConstraints(True, None), True)
    from cryptography.hazmat.primitives import hashes
    return {
        "extra name": new_csr([host, "dns:more.many.example.org"])[0],
        "other name": new_csr(["dns:more.many.example.org"])[0],
        "no name": new_csr([])[0],
        "other type": new_csr(["uri:https://" + host[4:]])[0],
        "other common name": b64(make_csr(key, "other.example.org", [host]).public_bytes(serialization.Encoding.DER)),
        "asks for a CA": b64(ca_csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)),
        "signature": b64(bytes(spoiled)),
        "trailing octets": b64(good + b"\0"),
        "not DER": b64(b"nonsense"),
        "empty": "",
        "PEM": b64(b"-----BEGIN CERTIFICATE REQUEST-----\n"),
        "small RSA": new_csr([host], rsa.generate_private_key(65537, 1024))[0],
        "small exponent": new_csr([host], rsa.generate_private_key(3, 2048))[0],
        "curve": new_csr([host], ec.generate_private_key(ec.SECP521R1()))[0],
        "old curve": new_csr([host], ec.generate_private_key(ec.SECP256K1()))[0],
        str(own[0].value): b64(x509.CertificateSigningRequestBuilder().subject_name(x509.Name(own)).sign(
            key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)),
    }


def test_acme_082_bad_csr_leaves_the_order_ready(shared):
    order = shared.new_order([shared.host])
    for name, csr in bad_csrs(shared.host).items():
        problem = shared.refused(order["finalize"], {"csr": csr})
        assert (problem.status, problem.type) == (400, "badCSR"), (name, problem.document)
        assert shared.fetch_order(order) == order, name
    for payload in ({}, {"csr": 7}):
        assert shared.refused(order["finalize"], payload).type == "malformed"
    assert shared.finalize(order, new_csr([shared.host])[0])["status"] == "valid"


def test_acme_082_names_compare_as_sets_without_case(shared):
    names = ["dns:c.many.example.org", "dns:d.many.example.org"]
    order = shared.new_order(names)
    csr = new_csr(["dns:D.MANY.example.org", "dns:c.many.Example.ORG"])[0]
    cert = split_chain(shared.certificate(shared.finalize(order, csr)))[0]
    assert names_of(cert) == {"c.many.example.org", "d.many.example.org"}


def test_acme_082_common_name_may_repeat_a_name_or_stand_alone(shared):
    for csr in (new_csr([shared.host], common_name=shared.host[4:])[0], new_csr([], common_name=shared.host[4:])[0]):
        order = shared.finalize(shared.new_order([shared.host]), csr)
        assert order["status"] == "valid"
        assert names_of(split_chain(shared.certificate(order))[0]) == {shared.host[4:]}


A, B, IP = "a.many.example.org", "b.many.example.org", "10.1.2.3"
DEFAULT = [("2.5.4.6", der.printable("AU")), ("2.5.4.8", der.utf8("Some-State")), (der.ORGANIZATION, der.utf8("Internet Widgits Pty Ltd"))]
# What clients write: the names of the order, the subject, the values of subjectAltName, and whether it is accepted.
CLIENT_CSRS = {
    "certbot": ([A, B], [], [A, B], True),
    "acme.sh": ([A, B], [(der.COMMON_NAME, der.utf8(A))], [A, B], True),
    "acme.sh with country, organization and unit": (
        [A], [("2.5.4.6", der.printable("CN")), (der.ORGANIZATION, der.utf8("Example")), ("2.5.4.11", der.utf8("Web")),
              (der.COMMON_NAME, der.utf8(A))], [A], True),
    "acme.sh for an address": ([IP], [(der.ORGANIZATION, der.utf8("acme.sh"))], [IP], True),
    "lego, Go": ([A, B], [(der.COMMON_NAME, der.printable(A))], [A, B], True),
    "lego for an address": ([IP], [(der.COMMON_NAME, der.utf8(IP))], [IP], True),
    "openssl req, defaults": ([A], DEFAULT, [A], True),
    "openssl req without names": ([A], DEFAULT + [(der.COMMON_NAME, der.utf8(A))], [], True),
    "openssl req with a mail address": (
        [A], DEFAULT + [(der.COMMON_NAME, der.utf8(A)), ("1.2.840.113549.1.9.1", der.tlv(0x16, b"a@example.org"))], [A], True),
    "Windows": ([A], [(der.COMMON_NAME, der.utf8(A))], [A.upper()], True),
    "Java with a person": ([A], [(der.COMMON_NAME, der.utf8("Duke Java")), (der.ORGANIZATION, der.utf8("Example"))], [A], True),
    "keytool, defaults": ([A], [(der.COMMON_NAME, der.printable("Unknown")), ("2.5.4.6", der.printable("Unknown"))], [A], False),
    "one name in each place": ([A, B], [(der.COMMON_NAME, der.utf8(B))], [A], True),
    "capitals and doubles": ([A], [(der.COMMON_NAME, der.utf8(A.upper()))], [A, A.upper()], True),
    "IA5String": ([A], [(der.COMMON_NAME, der.tlv(0x16, A.encode()))], [A], True),
    "a word as common name": ([A], [(der.COMMON_NAME, der.utf8("server"))], [A], True),
    "one more as common name": ([A], [(der.COMMON_NAME, der.utf8(B))], [A], False),
    "one of two as common name": ([A, B], [(der.COMMON_NAME, der.utf8(B))], [], False),
    "two common names": ([A, B], [(der.COMMON_NAME, der.utf8(A)), (der.COMMON_NAME, der.utf8(B))], [], False),
    "organization alone": ([A], [(der.ORGANIZATION, der.utf8("Example"))], [], False),
    "an address as DNS name": ([IP], [], [b"\x82" + bytes([len(IP)]) + IP.encode()], False),
    "an address as common name": ([IP], [(der.COMMON_NAME, der.utf8(IP))], [], False),
    "another address as common name": ([IP], [(der.COMMON_NAME, der.utf8("10.1.2.4"))], [IP], False),
}


@pytest.mark.parametrize("client", CLIENT_CSRS)
def test_acme_082_requests_as_clients_write_them(shared, client):
    """RFC 8555 section 7.4, RFC 8738 section 7: names are judged wherever they stand, the subject is the profile's."""
    names, subject, alt_names, accepted = CLIENT_CSRS[client]
    values = [n if isinstance(n, bytes) else der.tlv(0x87, bytes(map(int, n.split(".")))) if n[0].isdigit() else der.tlv(0x82, n.encode())
              for n in alt_names]
    attributes = [der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.seq(*values)))] if values else []
    csr = b64(der.csr(ec.generate_private_key(ec.SECP256R1()), der.name(*subject), attributes))
    order = shared.new_order(["%s:%s" % ("ip" if n == IP else "dns", n) for n in names])
    if not accepted:
        problem = shared.refused(order["finalize"], {"csr": csr})
        assert (problem.status, problem.type) == (400, "badCSR"), problem.document
        csr = new_csr(["%s:%s" % ("ip" if n == IP else "dns", n) for n in names])[0]
    cert = split_chain(shared.certificate(shared.finalize(order, csr)))[0]
    assert names_of(cert) == set(names) and cert.subject.rfc4514_string() == "CN=" + names[0]


def test_acme_082_microsofts_attributes_may_stand_beside_the_names(shared):
    names = der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(A)))
    version = der.seq(der.oid("1.3.6.1.4.1.311.13.2.3"), der.set_of(der.tlv(0x16, b"10.0.20348.2")))
    other = der.seq(der.oid("1.3.6.1.4.1.311.2.1.14"), der.set_of(der.seq(der.extension("2.5.29.15", b"\x03\x02\x05\xa0"))))
    subject = der.name((der.COMMON_NAME, der.utf8(A)))
    order = shared.new_order(["dns:" + A])
    key = ec.generate_private_key(ec.SECP256R1())
    problem = shared.refused(order["finalize"], {"csr": b64(der.csr(key, subject, [version, names, other]))})
    assert problem.type == "badCSR" and "Microsoft" in problem.document["detail"]
    assert shared.finalize(order, b64(der.csr(key, subject, [version, names])))["status"] == "valid"


def test_acme_083_account_key_is_not_certified(lab):
    for alg in ("ES256", "RS256", "EdDSA"):
        client = lab.client(alg=alg)
        order = client.new_order([client.host])
        from cryptography.hazmat.primitives import hashes
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(client.host[4:])]), True)
        csr = builder.sign(client.key.private, None if alg == "EdDSA" else hashes.SHA256())
        problem = client.refused(order["finalize"], {"csr": b64(csr.public_bytes(serialization.Encoding.DER))})
        assert problem.type == "badCSR" and "account" in problem.document["detail"]


def test_acme_084_nothing_but_the_profile_gets_into_the_certificate(shared):
    wanted = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.CODE_SIGNING]), False),
              (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)]
    csr = new_csr(["dns:a.strict.example.org"], extensions=wanted)[0]
    order = shared.finalize(shared.new_order(["dns:a.strict.example.org"], profile="strict"), csr)
    cert = split_chain(shared.certificate(order))[0]
    assert set(cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {ExtendedKeyUsageOID.SERVER_AUTH}
    with pytest.raises(x509.ExtensionNotFound):
        cert.extensions.get_extension_for_class(x509.TLSFeature)
    assert cert.subject == x509.Name([])


def test_acme_085_second_finalize_is_refused(shared):
    order = shared.new_order([shared.host])
    csr = new_csr([shared.host])[0]
    assert shared.ok(order["finalize"], {"csr": csr}).status == 200
    for again in (csr, new_csr([shared.host])[0]):
        problem = shared.refused(order["finalize"], {"csr": again})
        assert (problem.status, problem.type) == (403, "orderNotReady")


def test_acme_085_parallel_finalizes_give_one_certificate(lab, shared):
    order = shared.new_order([shared.host])
    clients = [AcmeClient(lab.ca, *shared.tls, account_key=shared.key) for _ in range(4)]
    for c in clients:
        c.kid, c.nonce = shared.kid, c.fresh_nonce()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda c: c.post(order["finalize"], {"csr": new_csr([shared.host])[0]}).status, clients))
    for c in clients:
        c.close()
    assert statuses == [200, 403, 403, 403]
    assert lab.ca.sql("SELECT count(*) FROM chancery.issuance_request WHERE acme_order = %s", order["url"].rsplit("/", 1)[1],
                      role=lab.ca.pg.superuser) == [(1,)]


def test_acme_048_and_086_without_a_signer_the_order_is_processing(lab, shared):
    lab.ca.stop_program("chancery-signer")
    order = shared.new_order([shared.host])
    csr = new_csr([shared.host])[0]
    response = shared.ok(order["finalize"], {"csr": csr})
    assert json.loads(response.body)["status"] == "processing"
    assert int(response.header("Retry-After")) >= 1 and response.header("Location") == order["url"]
    response = shared.ok(order["url"])
    assert json.loads(response.body)["status"] == "processing" and int(response.header("Retry-After")) >= 1
    assert shared.refused(order["finalize"], {"csr": csr}).type == "orderNotReady"
    assert shared.refused(shared.base + "/acme/certificate/" + order["url"].rsplit("/", 1)[1]).status == 404
    lab.ca.spawn("chancery-signer", 1)
    done = shared.wait(order["url"], ("valid", "invalid"))
    assert done["status"] == "valid"
    assert names_of(split_chain(shared.certificate(done))[0]) == {shared.host[4:]}


def test_acme_080_refusal_by_the_signer_makes_the_order_invalid(lab):
    client = lab.client()
    lab.ca.stop_program("chancery-signer")
    order = client.new_order([client.host])
    client.ok(order["finalize"], {"csr": new_csr([client.host])[0]})
    lab.ca.admin("grant", "remove", client.name, "workload", client.host)
    lab.ca.spawn("chancery-signer", 1)
    done = client.wait(order["url"], ("valid", "invalid"))
    assert done["status"] == "invalid" and done["error"]["type"].endswith(":rejectedIdentifier")
    assert "certificate" not in done


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


# --- certificates and revocation ---

def test_acme_111_chain_is_leaf_and_issuer_in_clean_pem(lab, shared):
    _, pem, key = shared.obtain([shared.host])
    leaf, issuing = split_chain(pem)
    assert leaf.public_key().public_numbers() == key.public_key().public_numbers()
    with open(lab.ca.issuing, "rb") as f:
        assert issuing == x509.load_pem_x509_certificate(f.read())
    issuing.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(leaf.signature_hash_algorithm))
    assert leaf.issuer == issuing.subject and pem.endswith(b"-----\n") and b"\r" not in pem


def test_acme_112_and_113_media_type_has_no_parameter_whatever_is_accepted(shared):
    order, _, _ = shared.obtain([shared.host])
    for accept in ("application/pkix-cert", "text/html", "*/*", "application/pem-certificate-chain"):
        jws = AcmeClient.encode(shared.header(order["certificate"]), None, shared.key)
        response = shared.request("POST", order["certificate"], json.dumps(jws).encode(), "application/jose+json", ["Accept: " + accept])
        shared.nonce = response.header("Replay-Nonce")
        assert response.status == 200 and response.header("Content-Type") == "application/pem-certificate-chain"


def test_acme_114_certificate_never_changes(lab, shared):
    order, pem, _ = shared.obtain([shared.host])
    assert shared.certificate(order) == pem
    lab.ca.restart("chancery-gateway")  # nor when it comes from the database instead of memory
    shared.close()
    assert shared.certificate(order) == pem
    assert shared.get(order["certificate"]).status == 405


def der_of(pem):
    return b64(split_chain(pem)[0].public_bytes(serialization.Encoding.DER))


def revoked(lab, pem):
    serial = "%032x" % split_chain(pem)[0].serial_number
    rows = lab.ca.sql("SELECT reason FROM chancery.revocation WHERE serial = decode(%s, 'hex')", serial, role=lab.ca.pg.superuser)
    return rows[0] if rows else None


def test_acme_115_issuing_account_revokes(lab, web):
    _, pem, _ = web.obtain([web.host])
    response = web.ok(web.url("revoke-cert"), {"certificate": der_of(pem)})
    assert response.status == 200 and response.body == b""
    assert revoked(lab, pem) == (None,)


def test_acme_118_ocsp_says_revoked_in_the_very_next_answer(lab, web):
    issuer = rev.load(lab.ca.issuing)
    for n in range(5):
        _, pem, _ = web.obtain([web.host])
        req = rev.request(rev.cert_id(split_chain(pem)[0], issuer))
        assert rev.status_of(rev.post(lab.ca, req)) == "good"
        assert web.ok(web.url("revoke-cert"), {"certificate": der_of(pem)}).status == 200
        assert rev.status_of(rev.post(lab.ca, req)) == "revoked", n


def test_acme_115_another_account_of_the_identity_revokes(lab, web):
    _, pem, _ = web.obtain([web.host])
    assert lab.twin(web).ok(web.url("revoke-cert"), {"certificate": der_of(pem), "reason": 4}).status == 200
    assert revoked(lab, pem) == (4,)


def test_acme_115_account_that_may_have_all_names_revokes(lab, web):
    names = [web.host, "dns:x-%s" % web.host[4:]]
    lab.ca.admin("grant", "add", web.name, "workload", names[1])
    _, pem, _ = web.obtain(names)
    some = lab.client(["workload=" + web.host])
    problem = some.refused(some.url("revoke-cert"), {"certificate": der_of(pem)})
    assert (problem.status, problem.type) == (403, "unauthorized") and revoked(lab, pem) is None
    every = lab.client(["workload=" + n for n in names])
    assert every.ok(every.url("revoke-cert"), {"certificate": der_of(pem)}).status == 200
    assert revoked(lab, pem) == (None,)


def test_acme_115_certificate_key_revokes(lab, web):
    _, pem, key = web.obtain([web.host])
    stranger = lab.client()
    payload = {"certificate": der_of(pem), "reason": 1}
    problem = stranger.refused(stranger.url("revoke-cert"), payload, use_jwk=True)  # some key, not the certificate's
    assert (problem.status, problem.type) == (403, "unauthorized") and revoked(lab, pem) is None
    response = stranger.ok(stranger.url("revoke-cert"), payload, use_jwk=True, key=AccountKey(key, "ES256"))
    assert response.status == 200 and revoked(lab, pem) == (1,)


def test_acme_115_anyone_else_is_unauthorized(lab, web):
    _, pem, _ = web.obtain([web.host])
    stranger = lab.client()
    problem = stranger.refused(stranger.url("revoke-cert"), {"certificate": der_of(pem)})
    assert (problem.status, problem.type) == (403, "unauthorized") and revoked(lab, pem) is None


def test_acme_116_second_revocation_and_reasons(lab, web):
    _, pem, _ = web.obtain([web.host])
    payload = {"certificate": der_of(pem)}
    for reason in (2, 6, 7, 8, 9, 10, 11, -1, "1", 1.5, [], True):
        problem = web.refused(web.url("revoke-cert"), dict(payload, reason=reason))
        assert (problem.status, problem.type) == (400, "badRevocationReason"), reason
    assert revoked(lab, pem) is None
    web.ok(web.url("revoke-cert"), dict(payload, reason=0))
    assert revoked(lab, pem) == (0,)
    problem = web.refused(web.url("revoke-cert"), payload)
    assert (problem.status, problem.type) == (400, "alreadyRevoked")


@pytest.mark.parametrize("reason", [0, 1, 3, 4, 5, None])
def test_acme_116_allowed_reasons(lab, web, reason):
    _, pem, _ = web.obtain([web.host])
    web.ok(web.url("revoke-cert"), {"certificate": der_of(pem), "reason": reason})
    assert revoked(lab, pem) == (reason,)  # null is absence, and that has no reason on the CRL


def test_acme_116_certificate_is_base64url_of_der(web):
    _, pem, _ = web.obtain([web.host])
    import base64
    for text in (pem.decode(), base64.b64encode(pem).decode(), b64(pem), der_of(pem)[:-4], "", 7, b64(b"\x30\x00")):
        problem = web.refused(web.url("revoke-cert"), {"certificate": text})
        assert (problem.status, problem.type) == (400, "malformed")


def test_acme_117_certificates_of_others_are_unknown(lab, web):
    from cryptography.hazmat.primitives import hashes
    key = ec.generate_private_key(ec.SECP256R1())
    _, pem, _ = web.obtain([web.host])
    ours = split_chain(pem)[0]
    for serial in (x509.random_serial_number() >> 33, ours.serial_number):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
        forged = x509.CertificateBuilder().subject_name(name).issuer_name(ours.issuer).public_key(key.public_key()).serial_number(serial) \
            .not_valid_before(ours.not_valid_before).not_valid_after(ours.not_valid_after).sign(key, hashes.SHA256())
        for signer in (None, AccountKey(key, "ES256")):
            problem = web.refused(web.url("revoke-cert"), {"certificate": b64(forged.public_bytes(serialization.Encoding.DER))},
                                  use_jwk=signer is not None, key=signer)
            assert (problem.status, problem.type) in ((404, "malformed"), (400, "malformed"))
    assert revoked(lab, pem) is None


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
