"""Just enough DER to write requests that no library would: doubled attributes, odd orders, wrong signatures."""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CONTEXT_0 = 0xA0
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
SUBJECT_ALT_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"
COMMON_NAME = "2.5.4.3"
ORGANIZATION = "2.5.4.10"


def tlv(tag, *content):
    body = b"".join(content)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def seq(*content):
    return tlv(0x30, *content)


def set_of(*content):
    return tlv(0x31, *content)


def integer(n):
    return tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def oid(text):
    parts = [int(p) for p in text.split(".")]
    out = bytes([parts[0] * 40 + parts[1]])
    for p in parts[2:]:
        digits = [p & 0x7F]
        while p > 0x7F:
            p >>= 7
            digits.insert(0, 0x80 | p & 0x7F)
        out += bytes(digits)
    return tlv(0x06, out)


def utf8(text):
    return tlv(0x0C, text.encode())


def printable(text):
    return tlv(0x13, text.encode())


def name(*rdns):
    """Each RDN is (oid, value DER) or a list of such pairs."""
    out = []
    for rdn in rdns:
        pairs = rdn if isinstance(rdn, list) else [rdn]
        out.append(set_of(*sorted(seq(oid(o), v) for o, v in pairs)))
    return seq(*out)


def extension(number, value, critical=False):
    return seq(oid(number), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


def dns_names(*names):
    return seq(*[tlv(0x82, n.encode()) for n in names])


def extension_request(*extensions):
    return seq(oid(EXTENSION_REQUEST), set_of(seq(*extensions)))


def challenge_password(text):
    return seq(oid(CHALLENGE_PASSWORD), set_of(utf8(text)))


def spki(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def sign(key, info):
    """CertificationRequest of this info, ECDSA with SHA-256."""
    signature = key.sign(info, ec.ECDSA(hashes.SHA256()))
    return seq(info, seq(oid("1.2.840.10045.4.3.2")), tlv(0x03, b"\0", signature))


def csr(key, subject=None, attributes=(), version=0, public=None):
    subject = name() if subject is None else subject
    return sign(key, seq(integer(version), subject, public or spki(key), tlv(CONTEXT_0, *attributes)))
