"""ca-ceremony from outside: what it makes, judged by openssl and pkcs11-tool; what it refuses, with the place and the remedy."""

import base64
import hashlib
import json
import os
import re
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import CEREMONY, PLANS, SOURCE


def openssl(*args):
    return subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def test_links_no_network_and_no_database():
    linked = subprocess.run(["ldd", CEREMONY], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = sorted(re.findall(r"^\s*(lib[a-z0-9+_-]+)", linked, re.M))
    # libidn2 and its tables of characters are pure functions
    allowed = {"libp", "libcrypto", "libyaml", "libjansson", "libidn", "libunistring", "libc", "libdl", "libpthread", "libasan", "libubsan", "libm", "libgcc", "libstdc"}
    assert {re.sub(r"[-\d_]+.*$", "", n) for n in names} <= allowed, linked
    for word in ("pq", "curl", "gnutls", "microhttpd", "cares", "ldap"):
        assert "lib" + word not in linked, linked
    symbols = subprocess.run(["nm", "-D", "--undefined-only", CEREMONY], stdout=subprocess.PIPE, text=True, check=True).stdout
    for word in ("socket", "connect", "getaddrinfo", "bind"):
        assert not re.search(r"\bU %s(@|$)" % word, symbols, re.M), word


def test_root_is_a_root(finished):
    cert = finished.certificate("root.pem")
    assert cert.issuer == cert.subject
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length is None
    usage = cert.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.key_cert_sign and usage.value.crl_sign and not usage.value.digital_signature
    assert cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert isinstance(cert.public_key().curve, ec.SECP384R1)
    assert isinstance(cert.signature_hash_algorithm, hashes.SHA384)
    assert 7299 <= (cert.not_valid_after - cert.not_valid_before).days <= 7300
    assert "root.pem: OK" in openssl("verify", "-check_ss_sig", "-CAfile", finished.path("root.pem"), finished.path("root.pem")).stdout


def test_issuing_certificate_is_constrained(finished):
    cert = finished.certificate("issuing.pem")
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and basic.value.ca and basic.value.path_length == 0
    names = cert.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert [str(n.value) for n in names.value.permitted_subtrees] == ["example.org", "10.0.0.0/8"]
    assert [n.value for n in names.value.excluded_subtrees] == ["secret.example.org"]
    checked = openssl("verify", "-x509_strict", "-crl_check", "-CAfile", finished.path("root.pem"), "-CRLfile", crl_pem(finished, "root.crl"),
                      finished.path("issuing.pem"))
    assert "issuing.pem: OK" in checked.stdout, checked.stdout
    assert "Permitted" in openssl("x509", "-in", finished.path("issuing.pem"), "-noout", "-text").stdout


def crl_pem(world, name):
    path = world.path(name + ".as.pem")
    assert openssl("crl", "-inform", "DER", "-in", world.path(name), "-out", path).returncode == 0
    return path


def test_keys_live_in_separate_tokens(finished):
    for token, has, lacks in (("test-root", "root-1", "issuing-1"), ("test-issuing", "issuing-1", "root-1")):
        text = finished.pkcs11("--token-label", token, "--login", "--pin", "user-" + token.split("-")[1], "--list-objects", "--type", "privkey")
        assert has in text and lacks not in text
        assert "never extractable" in text and "local" in text


def test_root_crl_is_accepted_and_its_number_rises(finished):
    numbers = []
    for name in ("root.crl", "root-2.crl"):
        shown = openssl("crl", "-inform", "DER", "-in", finished.path(name), "-CAfile", finished.path("root.pem"), "-noout", "-text").stdout
        assert "verify OK" in shown
        crl = x509.load_der_x509_crl(finished.read(name))
        numbers.append(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        assert (crl.next_update - crl.last_update).total_seconds() == 180 * 86400 - 1
    assert numbers[0] < numbers[1]


EVIDENCE = {"root": "root.evidence.json", "request": "request.evidence.json", "sign": "sign.evidence.json", "crl": "crl.evidence.json"}


@pytest.mark.parametrize("command", EVIDENCE)
def test_evidence_holds(finished, command):
    shown = finished.must("verify", EVIDENCE[command])
    assert "REFUSED" not in shown and shown.count("  ok ") >= 6
    evidence = json.loads(finished.read(EVIDENCE[command]))
    attributes = evidence["key"]["attributes"]
    assert all(attributes[a] for a in ("sensitive", "always_sensitive", "never_extractable", "local"))
    assert not any(attributes[a] for a in ("extractable", "decrypt", "unwrap", "derive", "modifiable"))
    assert evidence["plan"]["text"].encode() == finished.read(command + ".yaml")
    assert evidence["token"]["serial"] and evidence["module"]["description"] and evidence["steps"]
    assert all(s["time"] and s["step"] for s in evidence["steps"])
    for f in evidence["outputs"]:
        assert hashlib.sha256(finished.read(f["file"])).hexdigest() == f["sha256"]


def test_evidence_signature_is_plain_ecdsa_by_the_root_key(finished):
    finished.certificate("root.pem").public_key().verify(finished.read("root.evidence.json.sig"), finished.read("root.evidence.json"),
                                                         ec.ECDSA(hashes.SHA384()))


def test_evidence_moves_with_its_files(done):
    other = os.path.join(done.top, "archive")
    os.mkdir(other)
    for name in ("root.pem", "root.crl", "root.evidence.json", "root.evidence.json.sig"):
        os.rename(done.path(name), os.path.join(other, name))
    assert "REFUSED" not in done.must("verify", "archive/root.evidence.json")


def change(name, old, new):
    def tamper(world):
        data = world.read(name)
        assert old in data
        world.write(name, data.replace(old, new, 1))
    return tamper


def flip(name, at):
    def tamper(world):
        data = bytearray(world.read(name))
        data[at] ^= 1
        world.write(name, bytes(data))
    return tamper


def foreign_signature(world):
    key = ec.generate_private_key(ec.SECP384R1())
    world.write("root.evidence.json.sig", key.sign(world.read("root.evidence.json"), ec.ECDSA(hashes.SHA384())))


def swapped_certificate(world):
    """Consistent with itself, only not the root that was made: another root's certificate."""
    key = ec.generate_private_key(ec.SECP384R1())
    old = world.certificate("root.pem")
    new = x509.CertificateBuilder(old.issuer, old.subject, key.public_key(), old.serial_number, old.not_valid_before, old.not_valid_after)
    for e in old.extensions:
        new = new.add_extension(e.value if not isinstance(e.value, x509.SubjectKeyIdentifier)
                                else x509.SubjectKeyIdentifier.from_public_key(key.public_key()), e.critical)
    world.write("root.pem", new.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.PEM))


TAMPERED = [
    ("a step", change("root.evidence.json", b"generated key", b"imported  key"), "signed by that key"),
    ("the plan", change("root.evidence.json", b"test-root", b"fest-root"), "the plan is the recorded one"),
    ("an attribute", change("root.evidence.json", b'"local": true', b'"local": false'), "cannot leave it"),
    ("extractable", change("root.evidence.json", b'"extractable": false', b'"extractable": true'), "cannot leave it"),
    ("the key's hash", change("root.evidence.json", b'"spki_sha256": "', b'"spki_sha256": "0'), "about that key"),
    ("an output's hash", change("root.evidence.json", b'"sha256": "', b'"sha256": "0'), "recorded"),
    ("the signature", flip("root.evidence.json.sig", -1), "signed by that key"),
    ("a foreign signature", foreign_signature, "signed by that key"),
    ("no signature", lambda w: os.unlink(w.path("root.evidence.json.sig")), "signed by that key"),
    ("the CRL", flip("root.crl", -1), "files are unchanged"),
    ("no CRL", lambda w: os.unlink(w.path("root.crl")), "files are unchanged"),
    ("the certificate", change("root.pem", b"\n-----END", b"\n\n-----END"), "files are unchanged"),
    ("another certificate", swapped_certificate, "about that key"),
    ("no certificate", lambda w: os.unlink(w.path("root.pem")), "key can be read"),
    ("the format", change("root.evidence.json", b"chancery-ceremony", b"somebody-elses"), "is no chancery-ceremony-evidence"),
    ("the JSON", change("root.evidence.json", b"{", b"[", ), "root.evidence.json"),
    ("the command", change("root.evidence.json", b'"command": "root"', b'"command": "boot"'), "no ceremony command"),
]


@pytest.mark.parametrize("tamper, words", [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED])
def test_tampered_evidence_is_refused(done, tamper, words):
    tamper(done)
    tried = done.ceremony("verify", "root.evidence.json")
    assert tried.returncode == 5
    refused = [l for l in tried.stdout.splitlines() if "REFUSED" in l] + [tried.stderr]
    assert any(words in l for l in refused), tried.stdout + tried.stderr


def test_evidence_signed_anew_by_somebody_else_fails_against_the_trusted_certificate(done):
    done.write("trusted.pem", done.read("root.pem"))
    swapped_certificate(done)
    tried = done.ceremony("verify", "root.evidence.json", "trusted.pem")
    assert tried.returncode == 5 and "files are unchanged" in tried.stdout


@pytest.mark.parametrize("command", PLANS)
def test_nothing_is_overwritten(done, command):
    plan = command + ".yaml"
    names = [n for n in re.findall(r"^(?:  certificate|  file|evidence): (\S+)$", PLANS[command], re.M)]
    for name in names + [n + ".sig" for n in names if n.endswith(".json")]:
        others = [n for n in names + [m + ".sig" for m in names if m.endswith(".json")] if n != name]
        saved = {n: done.read(n) for n in others}
        for n in others:
            os.unlink(done.path(n))
        before = done.read(name)
        tried = done.ceremony(command, plan)
        assert tried.returncode == 1 and name in tried.stderr and "never overwritten" in tried.stderr, tried.stderr
        assert done.read(name) == before
        assert not any(os.path.exists(done.path(n)) for n in others)
        for n, data in saved.items():
            done.write(n, data)


def test_existing_key_is_never_replaced(done):
    for name in ("root.pem", "root.crl", "root.evidence.json", "root.evidence.json.sig"):
        os.unlink(done.path(name))
    tried = done.ceremony("root", "root.yaml")
    assert tried.returncode == 1 and "root-1" in tried.stderr and "already" in tried.stderr
    assert not os.path.exists(done.path("root.pem"))


def test_existing_token_is_never_initialised_again(done):
    tried = done.ceremony("token", "root.yaml")
    assert tried.returncode == 1 and "exists already" in tried.stderr
    assert "root-1" in done.pkcs11("--token-label", "test-root", "--login", "--pin", "user-root", "--list-objects")


# command, old text, new text, text on the line that the refusal names (None: it names another place), words of it
PLAN_ERRORS = [
    ("root", "  label: root-1\n", "  label: root-1\n  size: 3\n", "size: 3", "size"),
    ("root", "evidence: root.evidence.json", "evidence: root.evidence.json\nevidence: two.json", "evidence: two", "evidence"),
    ("root", "  label: root-1\n", "  label: root-1\n  label: root-2\n", "label: root-2", "label"),
    ("root", "operators: [anna, bo]", "operators: anna", "operators: anna", "operators"),
    ("root", "  certificate: root.pem", "  days: many\n  certificate: root.pem", "days: many", "days"),
    ("root", "  certificate: root.pem", "  days: 0\n  certificate: root.pem", "days: 0", "must be 1 to 10950, not 0"),
    ("root", "  certificate: root.pem", "  days: 99999\n  certificate: root.pem", "days: 99999", "must be 1 to 10950, not 99999"),
    ("root", "  file: root.crl", "  file: root.crl\n  days: 5000", "days: 5000", "must be 1 to 400, not 5000"),
    ("root", "  file: root.crl", "  file: root.crl\n  previous: x.crl", "previous: x.crl", "no previous"),
    ("root", "  label: root-1\n", "  label: root-1\n  type: ed25519\n", "type: ed25519", "p256, p384, rsa"),
    ("root", "  label: root-1\n", "  label: root-1\n  rsa_bits: 4096\n", "rsa_bits: 4096", "p384"),
    ("root", "  label: root-1\n", "  label: root-1\n  type: rsa\n", "key:", "3072 or 4096"),
    ("root", "  pin_file: root.pin\n", "  pin: 1234\n", "pin: 1234", "pin_file"),
    ("root", "    common_name: Test Root\n", "", None, "common_name"),
    ("root", "ceremony: test root\n", "", None, "ceremony"),
    ("root", "evidence: root.evidence.json", "evidence: root.evidence.json\nissuer_certificate: root.pem", "issuer_certificate: root.pem", "issuer_certificate"),
    ("root", "    organization: Test\n", "    country: \"1x\"\n", "country", "country"),
    ("root", "  label: root-1\n", "  label: root-1\n  type: rsa\n  rsa_bits: 3500\n", "rsa_bits: 3500", "3072 or 4096"),
    ("root", "operators: [anna, bo]", "operators: []", "operators: []", "1 to 100 elements"),
    ("crl", "  previous: root.crl\n", "", "crl:", "previous"),
    ("crl", "  previous: root.crl\n", "  previous: nowhere.crl\n", None, "nowhere.crl"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  number: 7", "number: 7", "number"),
    ("crl", "issuer_certificate: root.pem", "issuer_certificate: nowhere.pem", None, "nowhere.pem"),
    ("crl", "issuer_certificate: root.pem", "issuer_certificate: issuing.pem", "issuer_certificate: issuing.pem", "issuing.pem"),
    ("crl", "  label: root-1", "  label: root-1\n  type: p256", "type: p256", "p384"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  revoked:\n    - serial: 12zz\n      date: \"2026-01-01T00:00:00Z\"", "12zz", "12zz"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  revoked:\n    - serial: \"12\"\n      date: yesterday", "yesterday", "yesterday"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  revoked:\n    - serial: \"12\"\n      date: \"2099-01-01T00:00:00Z\"", "2099", "future"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  revoked:\n    - serial: \"12\"\n      date: \"2026-01-01T00:00:00Z\"\n      reason: bored", "bored", "bored"),
    ("crl", "  file: root-9.crl", "  file: root-9.crl\n  revoked:\n    - serial: \"12\"\n      date: \"2026-01-01T00:00:00Z\"\n    - serial: \"12\"\n      date: \"2026-01-01T00:00:00Z\"", "- serial: \"12\"", "twice"),
    ("sign", "  csr: issuing.csr", "  csr: nowhere.csr", None, "nowhere.csr"),
    ("sign", "    common_name: Test Issuing 1", "    common_name: Test Issuing 7", "subject:", "Test Issuing 1"),
    ("sign", "  certificate: issuing-9.pem", "  path_length: 1\n  certificate: issuing-9.pem", "path_length", "path length 0"),
    ("sign", "  csr: issuing.csr", "  csr: issuing.csr\n  csr_key_sha256: " + "0" * 64, "csr_key_sha256", "SHA-256"),
    ("sign", "\"dns:example.org\"", "\"dns:*.example.org\"", "permitted", "dns:*.example.org"),
    ("sign", "\"ip:10.0.0.0/8\"", "\"ip:10.0.0.1/8\"", "permitted", "ip:10.0.0.1/8"),
    ("sign", "\"ip:10.0.0.0/8\"", "\"ip:10.0.0.0/33\"", "permitted", "ip:10.0.0.0/33"),
    ("sign", "\"ip:10.0.0.0/8\"", "\"example.org\"", "permitted", "no name constraint"),
    ("request", "  file: second.csr", "  file: second.csr\n  names: [a]", "names: [a]", "names"),
]


def rename_outputs(world, command):
    """So that only the error under test stands in the way."""
    for old, new in {"root": (), "request": (("issuing.csr", "second.csr"), ("request.evidence", "second.evidence"), ("issuing-1", "issuing-2")),
                     "sign": (("certificate: issuing.pem", "certificate: issuing-9.pem"), ("sign.evidence", "sign9.evidence")),
                     "crl": (("root-2.crl", "root-9.crl"), ("crl.evidence", "crl9.evidence"))}[command]:
        world.edit(command + ".yaml", old, new)
    if command == "root":
        for old, new in (("root.pem", "root-9.pem"), ("root.evidence", "root9.evidence"), ("root.crl", "root-9.crl"), ("root-1", "root-9")):
            world.edit("root.yaml", old, new)
        world.edit("root.yaml", "certificate: root-9.pem", "certificate: root.pem")
        world.edit("root.yaml", "evidence: root9.evidence", "evidence: root.evidence")
        world.edit("root.yaml", "file: root-9.crl", "file: root.crl")
        world.edit("root.yaml", "label: root-9", "label: root-1")


@pytest.mark.parametrize("command, old, new, place, words", PLAN_ERRORS, ids=["%s-%d" % (e[0], i) for i, e in enumerate(PLAN_ERRORS)])
def test_plan_error_names_line_and_remedy(done, command, old, new, place, words):
    rename_outputs(done, command)
    done.edit(command + ".yaml", old, new)
    before = set(os.listdir(done.top)), set(os.listdir(done.path("tokens")))
    if command == "root":
        for name in ("root.pem", "root.crl", "root.evidence.json", "root.evidence.json.sig"):
            os.unlink(done.path(name))
        before = set(os.listdir(done.top)), before[1]
    tried = done.ceremony(command, command + ".yaml")
    assert tried.returncode == 3, (tried.returncode, tried.stdout, tried.stderr)
    assert words in tried.stderr, tried.stderr
    if place:
        lines = done.read(command + ".yaml").decode().split("\n")
        line = max(i for i, text in enumerate(lines) if place in text) + 1
        assert "%s.yaml:%d: " % (command, line) in tried.stderr, tried.stderr
    assert (set(os.listdir(done.top)), set(os.listdir(done.path("tokens")))) == before


def test_issuing_ca_may_not_outlive_the_root(world):
    world.edit("root.yaml", "  certificate: root.pem", "  days: 100\n  certificate: root.pem")
    world.edit("sign.yaml", "  certificate: issuing.pem", "  days: 101\n  certificate: issuing.pem")
    for command in (("token", "root.yaml"), ("root", "root.yaml"), ("token", "request.yaml"), ("request", "request.yaml")):
        world.must(*command)
    tried = world.ceremony("sign", "sign.yaml")
    assert tried.returncode == 3 and "outlive" in tried.stderr
    assert not os.path.exists(world.path("issuing.pem"))


def test_crl_revokes_and_never_forgets(done):
    serial = "%032x" % done.certificate("issuing.pem").serial_number
    rename_outputs(done, "crl")
    entry = "  revoked:\n    - serial: %s\n      date: \"2026-01-02T03:04:05Z\"\n      reason: cACompromise\n" % serial
    done.edit("crl.yaml", "evidence:", entry + "evidence:")
    done.must("crl", "crl.yaml")
    revoked = x509.load_der_x509_crl(done.read("root-9.crl")).get_revoked_certificate_by_serial_number(int(serial, 16))
    assert revoked.revocation_date.isoformat() == "2026-01-02T03:04:05"
    assert revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.ca_compromise
    checked = openssl("verify", "-crl_check", "-CAfile", done.path("root.pem"), "-CRLfile", crl_pem(done, "root-9.crl"), done.path("issuing.pem"))
    assert "certificate revoked" in checked.stdout
    done.edit("crl.yaml", entry, "")
    done.edit("crl.yaml", "previous: root.crl", "previous: root-9.crl")
    done.edit("crl.yaml", "file: root-9.crl", "file: root-10.crl")
    done.edit("crl.yaml", "crl9.evidence", "crl10.evidence")
    tried = done.ceremony("crl", "crl.yaml")
    assert tried.returncode == 3 and serial in tried.stderr and "not taken back" in tried.stderr


def test_crl_of_another_root_is_no_predecessor(done):
    rename_outputs(done, "crl")
    key = ec.generate_private_key(ec.SECP384R1())
    old = x509.load_der_x509_crl(done.read("root.crl"))
    forged = x509.CertificateRevocationListBuilder(old.issuer, old.last_update, old.next_update)
    for e in old.extensions:
        forged = forged.add_extension(e.value, e.critical)
    done.write("root.crl", forged.sign(key, hashes.SHA384()).public_bytes(serialization.Encoding.DER))
    tried = done.ceremony("crl", "crl.yaml")
    assert tried.returncode == 3 and "bad signature" in tried.stderr


def test_request_with_a_broken_signature_is_refused(done):
    rename_outputs(done, "sign")
    der = bytearray(x509.load_pem_x509_csr(done.read("issuing.csr")).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    done.write("issuing.csr", b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(bytes(der)) + b"-----END CERTIFICATE REQUEST-----\n")
    tried = done.ceremony("sign", "sign.yaml")
    assert tried.returncode == 3 and "issuing.csr" in tried.stderr
    assert not os.path.exists(done.path("issuing-9.pem"))


def test_request_never_uses_a_key_that_is_there(done):
    """A request made with the root's own key would bring the root key online."""
    done.edit("request.yaml", "test-issuing", "test-root")
    done.edit("request.yaml", "issuing.pin", "root.pin")
    done.edit("request.yaml", "issuing.csr", "own.csr")
    done.edit("request.yaml", "label: issuing-1", "label: root-1")
    done.edit("request.yaml", "request.evidence", "own.evidence")
    tried = done.ceremony("request", "request.yaml")
    assert tried.returncode == 1 and "root-1" in tried.stderr
    assert not os.path.exists(done.path("own.csr"))


@pytest.mark.parametrize("kind, bits, openssl_name", [("p256", None, "prime256v1"), ("rsa", 3072, "3072 bit")])
def test_root_of_another_key_type(world, kind, bits, openssl_name):
    world.edit("root.yaml", "  label: root-1\n", "  label: root-1\n  type: %s\n%s" % (kind, "  rsa_bits: %d\n" % bits if bits else ""))
    world.must("token", "root.yaml")
    world.must("root", "root.yaml")
    assert openssl_name in openssl("x509", "-in", world.path("root.pem"), "-noout", "-text").stdout
    assert "REFUSED" not in world.must("verify", "root.evidence.json")
    assert "OK" in openssl("verify", "-check_ss_sig", "-CAfile", world.path("root.pem"), world.path("root.pem")).stdout


@pytest.mark.parametrize("name", ["root", "issuing", "sign", "crl"])
def test_sample_plans_are_whole(world, name):
    """The samples that ship work as they are, in order, with files where they say."""
    for plan in ("root", "issuing", "sign", "crl"):
        with open(os.path.join(SOURCE, "deploy", "ceremony", plan + ".yaml")) as f:
            world.write(plan + ".yaml", f.read())
    steps = [("token", "root"), ("root", "root"), ("token", "issuing"), ("request", "issuing"), ("sign", "sign"), ("crl", "crl")]
    for command, plan in steps:
        world.must(command, plan + ".yaml")
        if plan == name and command != "token":
            return
    pytest.fail(name)


@pytest.mark.parametrize("args, code, words", [
    ((), 2, "--help"), (("dance",), 2, "dance"), (("root",), 2, "which plan"), (("root", "a.yaml", "b.yaml"), 2, "too many"),
    (("root", "--force"), 2, "--force"), (("verify",), 2, "which evidence"), (("root", "nowhere.yaml"), 3, "nowhere.yaml"),
    (("verify", "nowhere.json"), 5, "nowhere.json"),
])
def test_command_line(world, args, code, words):
    tried = world.ceremony(*args)
    assert tried.returncode == code and words in tried.stderr, tried.stderr


@pytest.mark.parametrize("command", ["root", "request", "sign", "crl", "token", "verify"])
def test_help_has_an_example_and_exit_codes(world, command):
    shown = world.must(command, "--help")
    assert "example: ca-ceremony " + command in shown and "exit codes" in shown
    assert command in world.must("--help")
