"""est/CHECKS.md 38 to 45: the CA certificates."""

import base64
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from est import Device, certs, path


@pytest.fixture(scope="module")
def device(ca):
    d = Device(ca)
    yield d
    d.close()


@pytest.fixture(scope="module")
def answer(device):
    return device.client.request("GET", path("cacerts"))


def load(file):
    with open(file, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def test_est_038_degenerate_signed_data_in_der(answer, tmp_path):
    der = base64.b64decode(answer.body, validate=True)
    (tmp_path / "p7").write_bytes(der)
    text = subprocess.run(["openssl", "asn1parse", "-inform", "DER", "-in", str(tmp_path / "p7")], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    assert "pkcs7-signedData" in text and "inf" not in [w for line in text.splitlines() for w in line.split(":")[1].split()]
    rows = text.splitlines()
    assert "INTEGER" in rows[4] and rows[4].rstrip().endswith(":01")  # version 1
    assert "SET" in rows[5] and "l=   0" in rows[5]                   # no digest algorithms
    assert "SET" in rows[-1] and "l=   0" in rows[-1]                 # no signers
    assert "OCTET STRING" not in rows[6] and rows[7].split()[-1] == ":pkcs7-data"


def test_est_039_media_type(answer):
    assert answer.status == 200
    assert answer.header("Content-Type") == "application/pkcs7-mime; smime-type=certs-only"


def test_est_040_042_issuing_first_root_last_nothing_else(ca, answer):
    assert certs(answer) == [load(ca.issuing), load(ca.trust)]


def test_est_042_octets_are_the_same_for_everybody(ca, device, answer):
    with ca.operator(ca.port) as c:
        assert c.request("GET", path("cacerts")).body == answer.body
    assert device.client.request("GET", path("cacerts")).body == answer.body


def test_est_043_a_client_certificate_is_needed(ca):
    c = ca.client()
    with pytest.raises(OSError):
        with c:
            c.request("GET", path("cacerts"))


def test_est_044_the_server_chain_validates_from_it(ca, device, answer, tmp_path):
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in certs(answer)))
    with ca.client(*device.files) as plain:
        plain.context.load_verify_locations(str(anchors))
    with ca.client(*device.files) as c:
        c.close()
        c.context = type(c.context)(c.context.protocol)
        c.context.load_verify_locations(str(anchors))
        c.context.load_cert_chain(device.files[1], device.files[0])
        assert c.connect().request("GET", path("cacerts")).status == 200


def test_est_045_openssl_reads_the_same_set(ca, answer, tmp_path):
    (tmp_path / "p7").write_bytes(base64.b64decode(answer.body))
    text = subprocess.run(["openssl", "pkcs7", "-inform", "DER", "-print_certs", "-in", str(tmp_path / "p7")], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    assert text.count("BEGIN CERTIFICATE") == 2
    assert "Test Issuing CA 1" in text and "Test Root CA" in text


def test_est_018_user_agents_that_need_short_lines_get_them(device, answer):
    r = device.client.request("GET", path("cacerts"), headers=["User-Agent: libest 3.2.0p"])
    assert max(len(line) for line in r.body.split(b"\n")) == 64 and r.body.endswith(b"\n")
    assert r.body.replace(b"\n", b"") == answer.body
    assert b"\n" not in device.client.request("GET", path("cacerts"), headers=["User-Agent: curl/7.88"]).body
