"""A TLS 1.3 client octet by octet (RFC 8446), for what no library would send. It verifies nothing.

    c = Peer(("127.0.0.1", port))
    c.hello()                       # to the server's Finished
    c.finish(chain, key)            # Certificate, CertificateVerify, Finished
    c.send(APPLICATION_DATA, b"GET / HTTP/1.1\\r\\n\\r\\n")
    c.alert()                       # what it ended with, by its number
"""
import hashlib
import hmac
import os
import socket
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED, KEY_UPDATE = 1, 2, 11, 15, 20, 24
GROUPS, SIGNATURES, ALPN, PSK, VERSIONS, PSK_MODES, KEY_SHARE = 10, 13, 16, 41, 43, 45, 51
RECORD_MAX = 16384


def vector(size, data):
    """data with its length in size octets before it."""
    return len(data).to_bytes(size, "big") + data


def message(kind, body):
    return bytes([kind]) + vector(3, body)


def expand(secret, label, context, length=32):
    """HKDF-Expand-Label (section 7.1) for at most one block."""
    info = struct.pack(">H", length) + vector(1, b"tls13 " + label) + vector(1, context) + b"\1"
    return hmac.new(secret, info, "sha256").digest()[:length]


class Cipher:
    """One direction under one traffic secret."""

    def __init__(self, secret):
        self.secret, self.number = secret, 0
        self.aead, self.iv = AESGCM(expand(secret, b"key", b"", 16)), expand(secret, b"iv", b"", 12)

    def nonce(self):
        self.number += 1
        return bytes(a ^ b for a, b in zip(self.iv, (self.number - 1).to_bytes(12, "big")))

    def seal(self, kind, data):
        head = b"\x17\3\3" + struct.pack(">H", len(data) + 17)
        return head + self.aead.encrypt(self.nonce(), data + bytes([kind]), head)

    def open(self, head, data):
        text = self.aead.decrypt(self.nonce(), data, head).rstrip(b"\0")
        return text[-1], text[:-1]


def extensions(key):
    """What a usual ClientHello has, as a list of (number, content)."""
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return [(VERSIONS, vector(1, b"\3\4")), (GROUPS, vector(2, b"\0\x1d")),
            (SIGNATURES, vector(2, b"\4\3\5\3\x08\4\x08\5\4\1\5\1")),
            (KEY_SHARE, vector(2, b"\0\x1d" + vector(2, public)))]


def client_hello(fields, compression=b"\0", suites=b"\x13\1"):
    """The message; fields are (number, content)."""
    body = b"".join(struct.pack(">H", number) + vector(2, content) for number, content in fields)
    return message(CLIENT_HELLO, b"\3\3" + os.urandom(32) + vector(1, os.urandom(32)) + vector(2, suites) +
                   vector(1, compression) + vector(2, body))


class Peer:
    def __init__(self, address, patience=10, source="127.0.0.1"):
        self.sock = socket.create_connection(address, patience, (source, 0))
        self.key = x25519.X25519PrivateKey.generate()
        self.transcript, self.buffer, self.messages = hashlib.sha256(), b"", b""
        self.write = self.read = None

    def close(self):
        self.sock.close()

    def record(self, kind, data):
        """A record as it goes over the wire, encrypted once there are keys."""
        return self.write.seal(kind, data) if self.write else bytes([kind]) + b"\3\1" + vector(2, data)

    def send(self, kind, data):
        self.sock.sendall(b"".join(self.record(kind, data[i:i + RECORD_MAX]) for i in range(0, len(data), RECORD_MAX)))

    def say(self, kind, body):
        """A handshake message that becomes part of the transcript."""
        self.transcript.update(message(kind, body))
        self.send(HANDSHAKE, message(kind, body))

    def receive(self):
        """The next record's type and content; (None, b"") at the end of the stream."""
        def want(n):
            while len(self.buffer) < n:
                more = self.sock.recv(65536)
                if not more:
                    raise EOFError
                self.buffer += more
        try:
            want(5)
            n = int.from_bytes(self.buffer[3:5], "big")
            want(5 + n)
        except (EOFError, ConnectionResetError):
            return None, b""
        head, data, self.buffer = self.buffer[:5], self.buffer[5:5 + n], self.buffer[5 + n:]
        return self.read.open(head, data) if self.read and head[0] == APPLICATION_DATA else (head[0], data)

    def take(self):
        """The next handshake message of the server: its type and body."""
        while len(self.messages) < 4 or len(self.messages) < 4 + int.from_bytes(self.messages[1:4], "big"):
            kind, data = self.receive()
            if kind is None:
                raise EOFError
            if kind == ALERT:
                raise AssertionError("alert %d" % data[1])
            self.messages += data if kind == HANDSHAKE else b""
        n = 4 + int.from_bytes(self.messages[1:4], "big")
        whole, self.messages = self.messages[:n], self.messages[n:]
        self.transcript.update(whole)
        return whole[0], whole[4:]

    def derive(self, secret, label):
        return expand(secret, label, self.transcript.digest())

    def hello(self, octets=None):
        """ClientHello, then everything up to the server's Finished."""
        octets = octets or client_hello(extensions(self.key))
        self.transcript.update(octets)
        self.send(HANDSHAKE, octets)
        kind, body = self.take()
        assert kind == SERVER_HELLO
        shared = self.key.exchange(x25519.X25519PublicKey.from_public_bytes(body[body.index(b"\0\x1d\0\x20") + 4:][:32]))
        empty = hashlib.sha256().digest()
        early = hmac.new(b"\0" * 32, b"\0" * 32, "sha256").digest()
        secret = hmac.new(expand(early, b"derived", empty), shared, "sha256").digest()
        self.write, self.read = Cipher(self.derive(secret, b"c hs traffic")), Cipher(self.derive(secret, b"s hs traffic"))
        while self.take()[0] != FINISHED:
            pass
        master = hmac.new(expand(secret, b"derived", empty), b"\0" * 32, "sha256").digest()
        self.later, self.read = Cipher(self.derive(master, b"c ap traffic")), Cipher(self.derive(master, b"s ap traffic"))

    def certificate(self, chain):
        """chain: DER, leaf first."""
        self.say(CERTIFICATE, b"\0" + vector(3, b"".join(vector(3, der) + b"\0\0" for der in chain)))

    def prove(self, key):
        text = b" " * 64 + b"TLS 1.3, client CertificateVerify\0" + self.transcript.digest()
        self.say(CERTIFICATE_VERIFY, b"\4\3" + vector(2, key.sign(text, ec.ECDSA(hashes.SHA256()))))

    def verify_data(self):
        return hmac.new(expand(self.write.secret, b"finished", b""), self.transcript.digest(), "sha256").digest()

    def finish(self, chain, key):
        self.certificate(chain)
        self.prove(key)
        self.say(FINISHED, self.verify_data())
        self.write = self.later

    def alert(self):
        """The number of the alert that ends the connection; None: it ended without."""
        while True:
            try:
                kind, data = self.receive()
            except InvalidTag:
                return None
            if kind == ALERT:
                return data[1]
            if kind is None:
                return None
