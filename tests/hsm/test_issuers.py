"""Issuing CAs that come while the signer runs: keys made, certificates imported, and those that must not be used."""

import datetime
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import wait_for
from test_signer import make_second_issuing
from test_token import LOGIN

SECOND = """
  - name: second
    issuer: issuing-2
    requesters: [device]
    protocols: [est]
    keys: [p256]
    lifetime: 1h
    key_usage: [digitalSignature]
    extended_key_usage: [clientAuth]
    names: { types: [dns] }
"""


def configure(site, *more):
    """Further issuers, each with a key of its name; profile "second" is certified by issuing-2."""
    site.world.edit("chancery.yaml", "    key: issuing-1\n", "    key: issuing-1\n" + "".join(
        "  - name: %s\n    key: %s\n" % (name, name) for name in more))
    site.world.write("profiles.yaml", site.world.read("profiles.yaml").decode() + SECOND)


def node(site):
    """State, trouble, seconds since the signer was started; of the newest signer."""
    rows = site.sql("chancery_gateway", "SELECT state, detail->>'trouble', extract(epoch FROM last_seen - started_at) FROM node "
                    "WHERE program = 'chancery-signer' ORDER BY started_at DESC LIMIT 1")
    return rows[0] if rows else (None, None, None)


def held(site, request):
    """Why the request waits for its issuing CA."""
    assert site.wait(request)[0] == "held"
    return site.value("chancery_owner", "SELECT hold_reason FROM issuance_request WHERE id = %s AND hold = 'unavailable'", request)


def root_id(site):
    return site.value("chancery_owner", "SELECT id FROM issuer WHERE kind = 'root'")


def told(signer, name):
    """Lines about one issuer."""
    return [line for line in signer.text().splitlines() if '"event":"signer.issuer"' in line and name in line]


def test_issuer_imported_while_the_signer_runs_signs_without_restart(site):
    configure(site, "issuing-2")
    site.import_issuers()
    device = site.identity("d")
    signer = site.start()
    assert site.wait(site.request(device))[0] == "done"
    waiting = site.request(device, profile="second")
    assert held(site, waiting) and "issuing-2" in held(site, waiting)
    wait_for(lambda: node(site)[0] == "degraded" and "issuing-2" in node(site)[1] and "ca-admin issuer import" in node(site)[1], 20,
             "the node row names the missing issuer and the remedy")
    assert len(told(signer, "issuing-2")) == 1 and "issuer import" in told(signer, "issuing-2")[0]
    second = make_second_issuing(site.world)  # the key is made in the very token that is in use
    site.import_issuer("issuing-2", second, "issuing", root_id(site), "issuing-2")
    signer.wait_for('"issuer":"issuing-2","token"')
    wait_for(lambda: site.wait(waiting)[0] == "done", 20, "what waited for the issuing CA is certified without being asked for again")
    certificate = site.certificate(site.wait(waiting)[1])
    second.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    for _ in range(3):  # the key that was open before has not suffered
        assert site.wait(site.request(device))[0] == "done"
        assert site.wait(site.request(device, profile="second"))[0] == "done"
    wait_for(lambda: site.sql("chancery_status", "SELECT 1 FROM crl c JOIN issuer i ON i.id = c.issuer WHERE i.name = 'issuing-2'"), 10,
             "the new issuer's CRL")
    wait_for(lambda: node(site)[:2] == ("ready", None), 20, "nothing is missing any more")
    assert signer.stop() == 0


def software_ca(self_signed_by=None, days=365):
    """A CA certificate for a key that is in no token."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA without a token")])
    now = datetime.datetime.utcnow()
    usage = dict.fromkeys(("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                           "encipher_only", "decipher_only"), False)
    issuer = name if self_signed_by is None else self_signed_by
    return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key()).serial_number(4711)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), True)
            .add_extension(x509.SubjectKeyIdentifier(hashlib.sha256(name.public_bytes()).digest()[:20]), False)
            .sign(key, hashes.SHA256()))


BAD = {  # name of issuer and key: what its trouble says
    "loose": "EXTRACTABLE",
    "absent": 'no private key with label "absent"',
    "foreign": "is not the key of the certificate",
    "self": "self-signed",
}


def make_bad_ones(site):
    for number, name in enumerate(BAD):
        if name != "absent":
            site.world.pkcs11(*LOGIN, "--keypairgen", "--key-type", "EC:prime256v1", "--label", name, "--id", "2%d" % number,
                              "--sensitive", "--usage-sign", *(["--extractable"] if name == "loose" else []))
    parent = root_id(site)
    for name in BAD:
        above = None if name == "self" else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Above")])
        site.import_issuer(name, software_ca(above), "issuing", parent, name)


def test_issuers_that_must_not_sign_are_told_once_and_keep_nobody_else_from_it(site):
    configure(site, *BAD)
    site.import_issuers()
    device = site.identity("d")
    signer = site.start()
    assert site.wait(site.request(device))[0] == "done"
    make_bad_ones(site)
    wait_for(lambda: node(site)[1] and all(words in node(site)[1] for words in BAD.values()), 20, "the node row tells each one's trouble")
    assert node(site)[0] == "degraded"
    seen = node(site)[2]
    wait_for(lambda: node(site)[2] >= seen + 9, 30, "they were tried again")  # every 5 s
    for name, words in BAD.items():
        lines = [line for line in told(signer, '\\"%s\\"' % name) if "not-imported" not in line]
        assert len(lines) == 1 and words in lines[0].replace("\\", ""), (name, lines)
    assert site.wait(site.request(device))[0] == "done"
    assert site.value("chancery_status", "SELECT count(DISTINCT issuer) FROM crl") == 1, "none of them has published a CRL"
    assert signer.stop() == 0
    # A signer that starts with them there does the same: one bad import takes nobody else's certificates away.
    again = site.start()
    assert site.wait(site.request(device))[0] == "done"
    assert all(len(told(again, '\\"%s\\"' % name)) == 1 for name in BAD)
    assert again.stop() == 0


def test_key_that_is_made_after_the_import_is_found(site):
    """The certificate was imported first: the signer waits for its key without a restart."""
    configure(site, "issuing-2")
    site.import_issuers()
    device = site.identity("d")
    ahead = site.world.copy()
    try:
        second = make_second_issuing(ahead)
        signer = site.start()
        site.import_issuer("issuing-2", second, "issuing", root_id(site), "issuing-2")
        signer.wait_for('no private key with label')
        assert "cannot sign now" in held(site, site.request(device, profile="second"))
        site.world.adopt_tokens(ahead)
        signer.wait_for('"issuer":"issuing-2","token"')
        assert site.wait(site.request(device, profile="second"))[0] == "done"
    finally:
        ahead.remove()
    assert signer.stop() == 0


def test_the_first_issuer_is_not_replaced_by_the_second(site):
    """Profiles without an issuer mean the first configured one: while it is missing the second does not stand in."""
    site.world.edit("chancery.yaml", "  - name: issuing-1\n", "  - name: issuing-0\n    key: issuing-0\n  - name: issuing-1\n")
    site.import_issuers()
    site.start()
    assert "issuing-0" in held(site, site.request(site.identity("d")))
