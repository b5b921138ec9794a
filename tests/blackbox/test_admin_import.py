"""ca-admin issuer import: nonsense from the offline side is refused with its reason before anything is stored."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from instance import program, wait_for

EKU = x509.oid.ExtendedKeyUsageOID
NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


USAGE = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                      key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
NO_CRL = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                       key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False)


class Pair:
    def __init__(self, key, cert):
        self.key, self.cert = key, cert


def make(subject, issuer=None, key=None, path_length=None, is_ca=True, usage=USAGE, before=NOW - DAY, after=NOW + 100 * DAY, serial=None,
         extended=None):
    """A certificate, self-signed unless an issuer is given."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer or Pair(key, None)
    parent = issuer.cert.subject if issuer else name(subject)
    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(parent).public_key(key.public_key()) \
        .serial_number(serial or x509.random_serial_number() >> 32).not_valid_before(before).not_valid_after(after) \
        .add_extension(x509.BasicConstraints(is_ca, path_length if is_ca else None), True).add_extension(usage, True) \
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False) \
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False)
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), False)
    return Pair(key, builder.sign(signer.key, hashes.SHA256()))


def make_crl(issuer, number=1, revoked=(), signer=None, this=NOW - DAY, following=NOW + 10 * DAY):
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.cert.subject).last_update(this).next_update(following) \
        .add_extension(x509.CRLNumber(number), False) \
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
    for serial in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - DAY).build())
    return builder.sign((signer or issuer).key, hashes.SHA256())


ROOT = make("Import Root", after=NOW + 1000 * DAY)
ISSUING = make("Import Issuing", ROOT, path_length=0)


def world(**change):
    return dict({"root": ROOT.cert, "crl": make_crl(ROOT), "issuing": ISSUING.cert}, **change)


def import_files(ca, tmp_path, files, extra=()):
    argv = [program("ca-admin"), "issuer", "import", "--config", ca.config_path, *extra]
    for option, key in (("--root", "root"), ("--root-crl", "crl"), ("--issuer", "issuing")):
        if files.get(key) is None:
            continue
        path = tmp_path / (key + ".pem")
        content = files[key]
        path.write_bytes(content if isinstance(content, bytes) else content.public_bytes(serialization.Encoding.PEM))
        argv += [option, str(path)]
    if files.get("issuing") is not None:
        argv += ["--name", "import-1", "--key-label", "import-1", "--root-name", "import-root"]
    return ca.run(argv, check=False)


OTHER_ROOT = make("Other Root")
REFUSED = {
    "root is not a ca": (world(root=make("Import Root", is_ca=False).cert), "no CA"),
    "root may not sign crls": (world(root=make("Import Root", usage=NO_CRL).cert), "cRLSign"),
    "root is not self-signed": (world(root=ISSUING.cert), "not self-signed"),
    "root expired": (world(root=make("Import Root", before=NOW - 9 * DAY, after=NOW - DAY).cert), "expired"),
    "root is not yet valid": (world(root=make("Import Root", before=NOW + 5 * DAY).cert), "not valid before"),
    "issuing is self-signed": (world(issuing=make("Import Issuing", path_length=0).cert), "self-signed"),
    "issuing is self-issued": (world(issuing=make("Import Root", ROOT, path_length=0).cert), "self-issued"),
    "issuing has a foreign usage": (
        world(issuing=make("Import Issuing", ROOT, path_length=0, extended=[EKU.CODE_SIGNING, EKU.CLIENT_AUTH]).cert), "extendedKeyUsage"),
    "root has path length 0": (world(root=make("Import Root", path_length=0).cert), "path length 0"),
    "issuing of another root": (world(issuing=make("Import Issuing", OTHER_ROOT, path_length=0).cert), "issu"),
    "issuing signed by another key under the root's name": (
        world(issuing=make("Import Issuing", Pair(OTHER_ROOT.key, ROOT.cert), path_length=0).cert), "issuing certificate"),
    "issuing without path length": (world(issuing=make("Import Issuing", ROOT).cert), "path length 0"),
    "issuing with path length 1": (world(issuing=make("Import Issuing", ROOT, path_length=1).cert), "path length 0"),
    "issuing is no ca": (world(issuing=make("Import Issuing", ROOT, is_ca=False).cert), "no CA"),
    "issuing has the root's key": (world(issuing=make("Import Issuing", ROOT, key=ROOT.key, path_length=0).cert), "root's own key"),
    "issuing outlives the root": (world(issuing=make("Import Issuing", ROOT, path_length=0, after=NOW + 2000 * DAY).cert), "outlives"),
    "root has a weak key": (world(root=make("Import Root", key=rsa.generate_private_key(3, 2048)).cert), "public exponent"),
    "issuing has a weak key": (
        world(issuing=make("Import Issuing", ROOT, key=rsa.generate_private_key(65537, 1024), path_length=0).cert), "1024 bits"),
    "issuing expired": (world(issuing=make("Import Issuing", ROOT, path_length=0, before=NOW - 9 * DAY, after=NOW - DAY).cert), "expired"),
    "crl of another root": (world(crl=make_crl(OTHER_ROOT)), "another CA"),
    "crl signed by another key": (world(crl=make_crl(ROOT, signer=OTHER_ROOT)), "signature"),
    "crl has ended": (world(crl=make_crl(ROOT, this=NOW - 9 * DAY, following=NOW - DAY)), "ended"),
    "crl from the future": (world(crl=make_crl(ROOT, this=NOW + 2 * DAY)), "future"),
    "crl lists the issuing ca": (world(crl=make_crl(ROOT, revoked=[ISSUING.cert.serial_number])), "revoked"),
    "crl is not a crl": (world(crl=ROOT.cert.public_bytes(serialization.Encoding.PEM)), "X509 CRL"),
    "root is garbage": (world(root=b"garbage"), "CERTIFICATE"),
    "root is truncated": (world(root=ROOT.cert.public_bytes(serialization.Encoding.DER)[:-5]), "root.pem"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_import_refuses(ca, tmp_path, case):
    files, words = REFUSED[case]
    done = import_files(ca, tmp_path, files)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert words in done.stderr, done.stderr
    assert not ca.sql("SELECT 1 FROM chancery.issuer WHERE name IN ('import-root', 'import-1')")


def test_import_needs_what_belongs_together(ca, tmp_path):
    assert import_files(ca, tmp_path, {"root": ROOT.cert}).returncode == 2
    assert import_files(ca, tmp_path, {"crl": make_crl(ROOT), "issuing": ISSUING.cert}).returncode == 2


def test_a_crl_of_a_root_that_is_not_imported_is_refused(ca, tmp_path):
    done = import_files(ca, tmp_path, {"crl": make_crl(OTHER_ROOT)})
    assert done.returncode == 3 and "import it with --root" in done.stderr


def test_import_is_repeatable_and_crl_numbers_only_rise(ca, tmp_path):
    files = world(crl=make_crl(ROOT, number=5))
    assert import_files(ca, tmp_path, files).returncode == 0
    again = import_files(ca, tmp_path, files)
    assert again.returncode == 0 and "known already" in again.stdout
    assert ca.sql("SELECT i.name, p.name, i.key_label FROM chancery.issuer i LEFT JOIN chancery.issuer p ON p.id = i.parent "
                  "WHERE i.name LIKE 'import-%%' ORDER BY i.name") == [("import-1", "import-root", "import-1"), ("import-root", None, None)]
    assert import_files(ca, tmp_path, {"crl": make_crl(ROOT, number=6)}).returncode == 0
    done = import_files(ca, tmp_path, {"crl": make_crl(ROOT, number=6, revoked=[77])})
    assert done.returncode == 4 and "higher" in done.stderr
    done = import_files(ca, tmp_path, {"crl": make_crl(ROOT, number=4)})
    assert done.returncode == 4
    assert ca.sql("SELECT max(number) FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer WHERE i.name = 'import-root'") == [(6,)]


def test_a_name_cannot_be_given_to_another_certificate(ca, tmp_path):
    import_files(ca, tmp_path, world(crl=make_crl(ROOT, number=5)))
    other = make("Import Issuing 2", ROOT, path_length=0)
    done = import_files(ca, tmp_path, world(crl=make_crl(ROOT, number=9), issuing=other.cert))
    assert done.returncode == 4, done.stderr


def test_a_wrong_import_is_taken_back_before_its_first_use(ca, tmp_path):
    assert import_files(ca, tmp_path, world(crl=make_crl(ROOT, number=50))).returncode == 0
    wait_for(lambda: ca.sql("SELECT 1 FROM issuance_request WHERE issuer = 'import-1' AND state = 'held'"), 20,
             "the status program asks it for a responder's certificate")
    done = ca.local("issuer", "remove", "import-1")
    assert 'removed "import-1"' in done.stdout
    assert ca.sql("SELECT DISTINCT state, refusal FROM issuance_request WHERE issuer = 'import-1'") == [
        ("refused", 'issuing CA "import-1" was removed')]
    assert not ca.sql("SELECT 1 FROM issuer WHERE name = 'import-1'")
    assert ca.sql("SELECT actor, outcome FROM audit_event WHERE operation = 'issuer.remove' AND object = 'import-1'")[0][1] == "ok"
    other = make("Import Issuing 3", ROOT, path_length=0)
    assert import_files(ca, tmp_path, world(crl=make_crl(ROOT, number=51), issuing=other.cert)).returncode == 0


def test_what_is_referred_to_is_not_removed(ca, tmp_path):
    assert import_files(ca, tmp_path, {"root": ROOT.cert, "crl": make_crl(ROOT, number=60)}, ["--root-name", "import-root"]).returncode == 0
    for name, why in (("issuing-1", "a certificate"), ("import-root", "a CRL")):
        done = ca.local("issuer", "remove", name, check=False)
        assert done.returncode == 4 and why in done.stderr, done.stderr
        assert ca.sql("SELECT 1 FROM issuer WHERE name = %s", name)
    assert ca.local("issuer", "remove", "nobody", check=False).returncode == 3


def test_an_issuing_ca_with_all_usages_it_needs_is_taken(ca, tmp_path):
    wide = make("Import Wide", ROOT, path_length=0, extended=[EKU.SERVER_AUTH, EKU.CLIENT_AUTH, EKU.OCSP_SIGNING])
    assert import_files(ca, tmp_path, world(issuing=wide.cert), ["--dry-run"]).returncode == 0
