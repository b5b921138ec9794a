"""ACME certificates and their revocation: acme/CHECKS.md 111 to 119."""

import json
import os
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import revocation as rev  # noqa: E402
from acme_client import AccountKey, AcmeClient, b64, split_chain  # noqa: E402
from acme_fixtures import lab, shared, web  # noqa: E402,F401


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
