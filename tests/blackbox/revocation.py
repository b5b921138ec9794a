"""What the tests of OCSP and CRLs share: requests built octet by octet, answers read by somebody else's parser, and raw
sockets for what HTTP libraries hide."""

import base64
import hashlib
import os
import subprocess
import sys
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import ocsp

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from der import integer, oid, seq, tlv  # noqa: E402

NULL = b"\x05\x00"
OIDS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
        "sha512": "2.16.840.1.101.3.4.2.3"}
BASIC, NONCE, RESPONSE = "1.3.6.1.5.5.7.48.1.1", "1.3.6.1.5.5.7.48.1.2", "1.3.6.1.5.5.7.48.1.4"
MEDIA = "application/ocsp-response"
UNAUTHORIZED, MALFORMED, TRY_LATER = (b"\x30\x03\x0a\x01" + bytes([n]) for n in (6, 1, 3))


def load(path):
    """The first certificate of a PEM file."""
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())


def der(cert):
    return cert.public_bytes(serialization.Encoding.DER)


def key_bits(cert):
    """The content of the BIT STRING of a certificate's key."""
    return cert.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def cert_id(cert, issuer, digest="sha1", serial=None, parameters=NULL, name=None, key=None):
    def h(data):
        return hashlib.new(digest, data).digest()
    return seq(seq(oid(OIDS[digest]), parameters),
               tlv(0x04, h(issuer.subject.public_bytes()) if name is None else name),
               tlv(0x04, h(key_bits(issuer)) if key is None else key),
               integer(cert.serial_number if serial is None else serial))


def extension(number, value, critical=False):
    return seq(oid(number), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


class Single:
    """A Request with extensions of its own."""

    def __init__(self, certid, *extensions):
        self.octets = seq(certid, tlv(0xA0, seq(*extensions)))


def request(*certids, extensions=(), version=b"", requestor=b"", signature=b""):
    """An OCSPRequest for these CertIDs; a Single is taken as it is."""
    singles = [c.octets if isinstance(c, Single) else seq(c) for c in certids]
    return seq(seq(version, requestor, seq(*singles), tlv(0xA2, seq(*extensions)) if extensions else b""), signature)


def nonce(value):
    return extension(NONCE, tlv(0x04, value))


def get_path(req, quote=True):
    text = base64.b64encode(req).decode()
    return "/ocsp/" + (urllib.parse.quote(text, safe="") if quote else text)


class Asker:
    """One kept connection to the status program."""

    def __init__(self, ca):
        self.http = ca.public()

    def __enter__(self):
        self.http.connect()
        return self

    def __exit__(self, *exc):
        self.http.close()

    def post(self, req, content_type="application/ocsp-request", **more):
        return self.http.request("POST", "/ocsp", req, content_type, **more)

    def get(self, path, **more):
        return self.http.request("GET", path, **more)


def post(ca, req, **more):
    with Asker(ca) as a:
        answer = a.post(req, **more)
    assert answer.status == 200 and answer.header("Content-Type") == MEDIA, answer
    return answer


def get(ca, path, **more):
    with ca.public() as c:
        return c.request("GET", path, **more)


def status_of(answer):
    """"good", "revoked", or the name of the error of an HTTP answer."""
    assert answer.status == 200 and answer.header("Content-Type") == MEDIA, answer
    r = ocsp.load_der_ocsp_response(answer.body)
    if r.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        assert len(answer.body) == 5
        return r.response_status.name.lower()
    return r.certificate_status.name.lower()


def ask(ca, cert, digest="sha1"):
    return status_of(post(ca, request(cert_id(cert, load(ca.issuing), digest))))


def parsed(answer):
    return ocsp.load_der_ocsp_response(answer.body)


def new_cert(ca, name, profile="device", **more):
    """An identity of this name and a certificate for it: (certificate, paths of key and chain)."""
    if not ca.sql("SELECT 1 FROM identity WHERE name = %s", name):
        ca.add_identity(name)
    key, chain = ca.issue(name, profile, **more)
    return load(chain), key, chain


def serial(cert):
    return "%032x" % cert.serial_number


def revoke(ca, cert, reason=None):
    return ca.admin("cert", "revoke", serial(cert), *(["--reason", reason] if reason else []))


def crl(ca, name="issuing-1"):
    answer = get(ca, "/crl/%s.crl" % name)
    assert answer.status == 200, answer
    return x509.load_der_x509_crl(answer.body)


def crl_number(c):
    return c.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def openssl(*args, check=True, data=None):
    done = subprocess.run(["openssl", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, input=data, check=False, timeout=60)
    if check:
        assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


class Walk:
    """A cursor over DER: what pyca does not show."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def next(self):
        """(tag, content, whole element)."""
        start, tag = self.at, self.data[self.at]
        n, self.at = self.data[self.at + 1], self.at + 2
        if n & 0x80:
            size = n & 0x7F
            n, self.at = int.from_bytes(self.data[self.at:self.at + size], "big"), self.at + size
        content, self.at = self.data[self.at:self.at + n], self.at + n
        return tag, content, self.data[start:self.at]

    def all(self):
        out = []
        while self.at < len(self.data):
            out.append(self.next())
        return out


def elements(content):
    return Walk(content).all()


def response_parts(body):
    """(ResponseData's elements, the elements of BasicOCSPResponse)."""
    top = elements(elements(body)[0][1])                    # responseStatus, [0] responseBytes
    response_bytes = elements(elements(top[1][1])[0][1])    # type, OCTET STRING
    assert response_bytes[0][2] == oid(BASIC)
    basic = elements(elements(response_bytes[1][1])[0][1])
    return elements(basic[0][1]), basic



def try_new_cert(ca, name, profile="device"):
    """A certificate, or None while issuing is not possible yet."""
    try:
        return new_cert(ca, name, profile)[0]
    except (AssertionError, OSError):
        return None
