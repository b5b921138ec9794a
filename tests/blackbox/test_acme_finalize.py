"""From a ready ACME order to its certificate: acme/CHECKS.md 80 to 86."""

import concurrent.futures
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
from acme_client import AcmeClient, b64, new_csr, split_chain, unb64  # noqa: E402
from acme_fixtures import lab, names_of, shared  # noqa: E402,F401
from instance import make_csr  # noqa: E402


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
