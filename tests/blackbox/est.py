"""What the EST tests share: paths, bodies and answers as RFC 7030 and RFC 8951 have them."""

import base64
import itertools

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

from instance import make_csr, new_key

PREFIX = "/.well-known/est"
CERTS_ONLY = "application/pkcs7-mime; smime-type=certs-only"
numbers = itertools.count(1)


def path(operation, label=None):
    return PREFIX + ("/%s/%s" % (label, operation) if label else "/" + operation)


def csr_der(csr):
    return csr if isinstance(csr, bytes) else csr.public_bytes(Encoding.DER)


def post(client, csr, operation="simpleenroll", label=None, body=None, content_type="application/pkcs10", headers=()):
    """The CSR (an object or DER), or the octets of body as they are."""
    body = base64.b64encode(csr_der(csr)) if body is None else body
    return client.request("POST", path(operation, label), body, content_type, headers)


def certs(response):
    """The certificates of a 200 answer, whose form is checked."""
    assert response.status == 200, response
    assert response.header("Content-Type") == CERTS_ONLY
    assert response.header("Content-Transfer-Encoding") == "base64"
    return load_der_pkcs7_certificates(base64.b64decode(response.body, validate=False))


def cert(response):
    (one,) = certs(response)
    return one


def refused(response, status, word):
    """A refusal is one line of text: the code word, a sentence, the request id."""
    assert response.status == status, response
    assert response.header("Content-Type").startswith("text/plain")
    assert response.text.startswith(word + ": "), response.text
    assert response.text.count("\n") == 1 and response.text.endswith(")\n")
    return response.text


def public(key_or_cert):
    return key_or_cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sans(certificate):
    from cryptography import x509
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return sorted(str(n.value) for n in extension.value)


class Device:
    """A registered device with a first certificate from the operator, and its kept connection."""

    def __init__(self, ca, profile="device", kind="device", names=1, grants=(), certificate_names=None):
        self.ca, self.profile, self.name = ca, profile, "%s-%d" % (kind, next(numbers))
        self.names = ["dns:%s-%d.example.org" % (self.name, i) for i in range(names)]
        ca.add_identity(self.name, kind, ["%s=%s" % (profile, n) for n in self.names] + list(grants))
        self.key = new_key()
        self.files = ca.issue(self.name, profile, self.names if certificate_names is None else certificate_names, key=self.key)
        self.client = ca.client(*self.files)

    def csr(self, key=None, common_name=None, names=None, **more):
        return make_csr(key or new_key(), common_name, self.names if names is None else names, **more)

    @property
    def certificate(self):
        from cryptography import x509
        with open(self.files[1], "rb") as f:
            return x509.load_pem_x509_certificate(f.read())

    def close(self):
        self.client.close()
