"""Certificates for these tests, made fresh each run: two CAs, a server, and clients good and bad."""
import base64
import datetime
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.utcnow().replace(microsecond=0)
HOUR = datetime.timedelta(hours=1)
CLIENT_AUTH, SERVER_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


class Holder:
    """A certificate, its key and its issuer."""

    def __init__(self, name, issuer=None, ca=False, begin=-HOUR, end=2 * HOUR, purposes=(CLIENT_AUTH,), signs=True, filler=0, both=False):
        self.name, self.issuer = name, issuer
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        above = issuer or self
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(above.cert.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + begin)
            .not_valid_after(NOW + end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(usage(ca, signs, both), critical=True)
        )
        if not ca and purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=False)
        if not ca:
            names = [x509.DNSName("localhost")] + [x509.DNSName("n%d.%s.example" % (i, "x" * 50)) for i in range(filler)]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.cert = builder.sign(above.key, hashes.SHA256())

    @property
    def der(self):
        return self.cert.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self):
        return self.cert.public_bytes(serialization.Encoding.PEM)

    def key_bytes(self, encoding):
        return self.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def chain(self):
        """Leaf first, without the self-signed root."""
        holder, out = self, []
        while holder.issuer is not None:
            out.append(holder)
            holder = holder.issuer
        return out


def usage(ca, signs, both):
    flags = dict.fromkeys(
        ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
    flags.update(key_cert_sign=ca, crl_sign=ca, digital_signature=signs and (both or not ca), key_agreement=not signs)
    return x509.KeyUsage(**flags)


class Material:
    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.root = Holder("Test Root", ca=True, end=1000 * HOUR)
        self.issuing = Holder("Test Issuing", self.root, ca=True, end=900 * HOUR)
        self.foreign_root = Holder("Foreign Root", ca=True, end=1000 * HOUR)
        self.server = Holder("server", self.issuing, purposes=(SERVER_AUTH,))
        self.good = Holder("good", self.issuing)

    def client(self, name="client", issuer=None, **options):
        return Holder(name, issuer or self.issuing, **options)

    def server_directory(self, name, server=None, anchors=None):
        """What the server under test reads: chain, key and anchors as DER files."""
        directory = self.base / name
        directory.mkdir()
        server = server or self.server
        for i, holder in enumerate(server.chain()):
            (directory / f"chain{i}.der").write_bytes(holder.der)
        (directory / "key.der").write_bytes(server.key_bytes(serialization.Encoding.DER))
        for i, anchor in enumerate(anchors or [self.root]):
            (directory / f"anchor{i}.der").write_bytes(anchor.der)
        return directory

    def client_files(self, holder, chain=None):
        """PEM files for ssl.SSLContext and openssl: certificate with chain, key."""
        stem = self.base / f"client-{holder.name}-{holder.cert.serial_number:x}"
        cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        cert.write_bytes(b"".join(h.pem for h in (chain or holder.chain())))
        key.write_bytes(holder.key_bytes(serialization.Encoding.PEM))
        return str(cert), str(key)

    def stolen_files(self, holder):
        """The holder's certificate with a key file (RFC 5915) that names its public key and holds another's secret;
        OpenSSL compares public keys only, so it signs with the wrong one."""
        cert, _ = self.client_files(holder)
        secret = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
        public = holder.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        der = (bytes.fromhex("30770201010420") + secret + bytes.fromhex("a00a06082a8648ce3d030107a144034200") + public)
        key = self.base / "stolen.key"
        text = base64.encodebytes(der).decode()
        key.write_text(f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n")
        return cert, str(key)

    def root_file(self, holder=None):
        path = self.base / "root.pem"
        path.write_bytes((holder or self.root).pem)
        return str(path)
