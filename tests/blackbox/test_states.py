"""States of the world, each made real, and what status, /ready, metrics and exit codes say of them; and that what is said is true."""

import json
import os
import signal
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from admin import load_cert  # noqa: E402
from httpclient import Client  # noqa: E402
from instance import Instance, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

TWO = [{"name": "issuing-1", "key": "issuing-1"}, {"name": "issuing-2", "key": "issuing-2"}]
SECOND = {"name": "second", "issuer": "issuing-2", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"], "lifetime": "1h",
          "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}


def status(ca):
    done = ca.admin("status", check=False)
    return done.returncode, json.loads(done.stdout)


def wait_told(ca, *words, seconds=20):
    """Until status ends with 5 and one problem has all these words."""
    def told():
        code, answer = status(ca)
        return code == 5 and any(all(w in p for w in words) for p in answer["problems"])
    wait_for(told, seconds, "status tells of %s; it says %s" % (words, status(ca)[1]["problems"]))


def ready(ca):
    with ca.public() as c:
        answer = c.request("GET", "/ready")
        return answer.status, answer.body.decode()


def configure(ca, issuers):
    """The status program first: all wait until it is ready."""
    ca.changes["issuers"] = issuers
    ca.write_config()
    for name in ("chancery-status", "chancery-signer", "chancery-gateway", "chancery-admin"):
        ca.restart(name)


def serial_of(cert):
    return "%032x" % cert.serial_number


def issue(ca, name, profile="device"):
    ca.add_identity(name, "device", ["%s=dns:%s.example.org" % (profile, name)])
    return ca.issue(name, profile, ["dns:%s.example.org" % name])


def revoke(ca, cert):
    """What `cert revoke` tells a person."""
    return ca.run([program("ca-admin"), "cert", "revoke", serial_of(cert), "--reason", "superseded", "--config",
                   os.path.join(ca.operator_directory, "admin.yaml")]).stdout


def ocsp(ca, cert, issuer):
    path = ca.path("asked.pem")
    with open(path, "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    done = subprocess.run(["openssl", "ocsp", "-issuer", issuer, "-cert", path, "-url", "http://127.0.0.1:%d/ocsp" % ca.public_port,
                           "-no_nonce", "-CAfile", ca.trust], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def crl_serials(ca, name):
    with ca.public() as c:
        answer = c.request("GET", "/crl/%s.crl" % name)
    return [r.serial_number for r in x509.load_der_x509_crl(answer.body)]


def lets_in(ca, pair):
    try:
        with ca.client(*pair) as c:
            return c.request("GET", "/.well-known/est/cacerts").status == 200
    except OSError:
        return False


def revoke_issuer(ca, name):
    """The root's next CRL, with this issuing CA."""
    serial = serial_of(load_cert(ca.path("ceremony", name + ".pem")))
    ca.ceremony("crl", "crl2", {
        "ceremony": "revoke", "token": ca.token("root"), "key": {"label": "root-1"}, "issuer_certificate": "root.pem",
        "crl": {"previous": "root.crl", "file": "root-2.crl", "days": 180,
                "revoked": [{"serial": serial, "date": "2026-01-01T12:00:00Z", "reason": "cACompromise"}]},
        "evidence": "root-2.evidence.json"})
    return ca.path("ceremony/root-2.crl")


@pytest.fixture(scope="module")
def two():
    class Both(Instance):
        def make_keys(self):
            super().make_keys()
            self.make_issuer(2)

        def import_issuer(self, name="issuing-1"):
            super().import_issuer("issuing-1")
            super().import_issuer("issuing-2")
    with Both(config={"issuers": TWO}, profiles=[SECOND]) as instance:
        yield instance


def test_a_retired_issuer_certifies_nobody_and_goes_on_with_crl_and_ocsp(two):
    pair, other = issue(two, "of-the-second", "second"), issue(two, "another", "second")
    cert, of = load_cert(pair[1]), two.path("ceremony/issuing-2.pem")
    assert "would retire" in two.local("issuer", "retire", "issuing-2", "--dry-run").stdout
    assert two.sql("SELECT state FROM chancery.issuer WHERE name = 'issuing-2'") == [("active",)]
    two.local("issuer", "retire", "issuing-2")
    assert "already" in two.local("issuer", "retire", "issuing-2").stdout
    wait_told(two, '"issuing-2"', "issuer activate")
    configure(two, TWO[:1])
    wait_for(lambda: "good" in ocsp(two, cert, of), 20, "a new responder of the retired issuer")
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well")
    assert lets_in(two, pair)
    with pytest.raises(AssertionError, match="issuing-2"):
        issue(two, "late", "second")
    assert "the CRL follows" in revoke(two, cert)
    assert "revoked" in ocsp(two, cert, of)
    wait_for(lambda: cert.serial_number in crl_serials(two, "issuing-2"), 20, "the CRL has it")
    assert not lets_in(two, pair) and lets_in(two, other)


def test_what_cannot_be_published_is_told(two):
    """The key of the retired issuer is not in the signer's token."""
    cert = load_cert(issue(two, "of-the-first")[1])
    two.sql("UPDATE chancery.issuer SET key_label = 'nowhere' WHERE name = 'issuing-2'")
    two.restart("chancery-signer")
    wait_told(two, '"issuing-2"', "no running signer has its key")
    serial, = two.sql("SELECT encode(serial, 'hex') FROM chancery.certificate c JOIN chancery.issuer i ON i.id = c.issuer "
                      "WHERE i.name = 'issuing-2' AND c.profile = 'second' AND NOT EXISTS "
                      "(SELECT 1 FROM chancery.revocation r WHERE r.serial = c.serial)")[0]
    text = two.run([program("ca-admin"), "cert", "revoke", serial, "--config", os.path.join(two.operator_directory, "admin.yaml")]).stdout
    assert "the CRL follows" not in text and "no running signer has its key" in text, text
    assert "the CRL follows" in revoke(two, cert)
    two.sql("UPDATE chancery.issuer SET key_label = 'issuing-2' WHERE name = 'issuing-2'")
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well again")
    wait_for(lambda: int(serial, 16) in crl_serials(two, "issuing-2"), 20, "the CRL has it")


def test_an_active_issuer_again(two):
    two.local("issuer", "activate", "issuing-2")
    configure(two, TWO)
    assert load_cert(issue(two, "back", "second")[1]).issuer == load_cert(two.path("ceremony/issuing-2.pem")).subject
    assert two.local("issuer", "retire", "nobody", check=False).returncode == 3
    assert two.local("issuer", "retire", "root", check=False).returncode == 3


def test_a_revoked_issuer_signs_nothing_and_its_clients_do_not_get_in(two):
    pair, other = issue(two, "caught", "second"), issue(two, "untouched")
    crl = revoke_issuer(two, "issuing-2")
    said = two.local("issuer", "import", "--root-crl", crl, "--dry-run").stdout
    assert 'would import' in said and 'revokes issuing CA "issuing-2"' in said
    assert lets_in(two, pair)
    assert 'revokes issuing CA "issuing-2"' in two.local("issuer", "import", "--root-crl", crl).stdout
    wait_for(lambda: not lets_in(two, pair), 5, "its clients are refused")
    assert lets_in(two, other)
    wait_told(two, '"issuing-2"', "revoked on its root's CRL")
    assert ready(two)[0] == 503 and "issuing-2" in ready(two)[1]
    number = two.sql("SELECT max(number) FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer WHERE i.name = 'issuing-2'")
    two.admin("crl", "publish")
    with pytest.raises(AssertionError, match="issuing-2"):
        issue(two, "too-late", "second")
    assert number == two.sql(
        "SELECT max(number) FROM chancery.crl c JOIN chancery.issuer i ON i.id = c.issuer WHERE i.name = 'issuing-2'")
    done = two.local("issuer", "activate", "issuing-2", check=False)
    assert done.returncode == 4 and "for good" in done.stderr
    with two.client(*other) as c:
        assert c.request("GET", "/.well-known/est/cacerts").status == 200


def test_with_its_successor_in_place_all_is_well(two):
    configure(two, TWO[:1])
    wait_for(lambda: status(two)[1]["healthy"], 20, "all is well; %s" % status(two)[1]["problems"])
    assert load_cert(issue(two, "afterwards")[1]).issuer == load_cert(two.issuing).subject
