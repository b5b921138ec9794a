"""An ACME client (RFC 8555) that checks every answer and lets a test spoil every part of a request.

    key = AccountKey.new("ES256")
    acme = AcmeClient(ca, *ca.issue("web-1", "workload", ["dns:web-1.example.org"]), account_key=key)
    acme.register()
    order = acme.new_order(["dns:web-1.example.org"])
    order = acme.finalize(order, new_csr(["dns:web-1.example.org"])[0])
    pem = acme.certificate(order)

Every answer to a POST must bring a nonce, every problem its status, every URL its scheme: AcmeClient.post() asserts that, so
each test checks these lines again.
"""

import base64
import hashlib
import json
import os
import re
import sys
import time
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

sys.path.insert(0, os.path.dirname(__file__))
from httpclient import Client  # noqa: E402

ERROR = "urn:ietf:params:acme:error:"
JOSE = "application/jose+json"
BASE64URL = re.compile(r"^[A-Za-z0-9_-]+$")


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def integer(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


CURVES = {"ES256": (ec.SECP256R1, "P-256", 32, hashes.SHA256), "ES384": (ec.SECP384R1, "P-384", 48, hashes.SHA384),
          "ES512": (ec.SECP521R1, "P-521", 66, hashes.SHA512)}
RSA_HASH = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512, "PS256": hashes.SHA256}


class AccountKey:
    """A key with the JWS algorithm it signs by."""

    def __init__(self, private, alg):
        self.private, self.alg = private, alg

    @classmethod
    def new(cls, alg="ES256"):
        if alg in CURVES:
            return cls(ec.generate_private_key(CURVES[alg][0]()), alg)
        if alg == "EdDSA":
            return cls(ed25519.Ed25519PrivateKey.generate(), alg)
        return cls(rsa.generate_private_key(65537, 2048), alg)

    def jwk(self):
        public = self.private.public_key()
        if self.alg in CURVES:
            _, name, size, _ = CURVES[self.alg]
            numbers = public.public_numbers()
            return {"kty": "EC", "crv": name, "x": integer(numbers.x, size), "y": integer(numbers.y, size)}
        if self.alg == "EdDSA":
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": integer(numbers.n), "e": integer(numbers.e)}

    def thumbprint(self):
        """RFC 7638."""
        text = json.dumps(self.jwk(), sort_keys=True, separators=(",", ":"))
        return b64(hashlib.sha256(text.encode()).digest())

    def sign(self, data, der=False):
        if self.alg in CURVES:
            _, _, size, digest = CURVES[self.alg]
            signature = self.private.sign(data, ec.ECDSA(digest()))
            if der:
                return signature
            r, s = decode_dss_signature(signature)
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        if self.alg == "EdDSA":
            return self.private.sign(data)
        digest = RSA_HASH[self.alg]()
        pad = padding.PSS(padding.MGF1(digest), digest.digest_size) if self.alg == "PS256" else padding.PKCS1v15()
        return self.private.sign(data, pad, digest)


def new_csr(names, key=None, common_name=None, extensions=()):
    """(base64url CSR, key)"""
    from instance import make_csr
    key = key or ec.generate_private_key(ec.SECP256R1())
    return b64(make_csr(key, common_name, names, extensions).public_bytes(serialization.Encoding.DER)), key


def identifiers(names):
    return [dict(zip(("type", "value"), n.split(":", 1))) for n in names]


def split_chain(pem):
    """The certificates of a PEM chain, which must be blocks and nothing else (erratum 5983)."""
    block = rb"-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n"
    assert re.fullmatch(rb"(?:%s)+" % block, pem), pem
    return [x509.load_pem_x509_certificate(b) for b in re.findall(block, pem)]


class Problem(Exception):
    def __init__(self, response):
        super().__init__("%d %s" % (response.status, response.text))
        self.response, self.status, self.document = response, response.status, json.loads(response.body)
        self.type = self.document["type"][len(ERROR):]


class AcmeClient:
    def __init__(self, ca, tls_key, tls_chain, account_key=None, base=None, port=None):
        self.ca, self.tls = ca, (tls_key, tls_chain)
        self.base = base or "https://localhost:%d" % ca.port
        self.key = account_key or AccountKey.new()
        self.kid, self.nonce, self.port, self.http = None, None, port or ca.port, None

    # --- transport ---

    def client(self):
        if self.http is None:
            self.http = Client(urlsplit(self.base).hostname, self.port, trust=self.ca.trust, key=self.tls[0], chain=self.tls[1])
        return self.http

    def close(self):
        if self.http is not None:
            self.http.close()
            self.http = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def path_of(self, url):
        assert url.startswith(self.base + "/"), "every URL is absolute and below the base: %r" % url
        return url[len(self.base):]

    def request(self, method, url, body=None, content_type=None, headers=()):
        """One request; a kept connection that the server has closed meanwhile is made anew once."""
        for again in (True, False):
            fresh = self.http is None or self.http.sock is None
            try:
                return self.client().request(method, self.path_of(url), body, content_type, headers)
            except (ConnectionError, OSError):
                self.close()
                if fresh or not again:
                    raise

    def get(self, url):
        return self.request("GET", url)

    def url(self, path):
        return self.base + "/acme/" + path

    def directory(self):
        response = self.get(self.url("directory"))
        assert response.status == 200, response
        return json.loads(response.body)

    def fresh_nonce(self):
        response = self.request("HEAD", self.url("new-nonce"))
        assert response.status == 200, response
        return response.header("Replay-Nonce")

    def take_nonce(self):
        nonce, self.nonce = self.nonce or self.fresh_nonce(), None
        return nonce

    # --- JWS ---

    def header(self, url, use_jwk=False, key=None):
        key = key or self.key
        header = {"alg": key.alg, "nonce": self.take_nonce(), "url": url}
        if use_jwk or self.kid is None:
            header["jwk"] = key.jwk()
        else:
            header["kid"] = self.kid
        return header

    @staticmethod
    def encode(header, payload, key):
        """payload: None for POST-as-GET, else JSON (or octets as they are)."""
        if payload is None:
            payload = b""
        elif not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        head = header if isinstance(header, bytes) else json.dumps(header).encode()
        signed = b64(head) + "." + b64(payload)
        return {"protected": b64(head), "payload": b64(payload), "signature": b64(key.sign(signed.encode()))}

    def send(self, url, jws, content_type=JOSE):
        """Posts a JWS (object or octets) and checks what every answer to a POST must have."""
        body = jws if isinstance(jws, bytes) else json.dumps(jws).encode()
        response = self.request("POST", url, body, content_type)
        self.check(response, url.endswith("/directory"))
        self.nonce = response.header("Replay-Nonce")
        return response

    @staticmethod
    def check(response, is_directory=False):
        nonce = response.header("Replay-Nonce")
        assert nonce is not None and BASE64URL.match(nonce) and len(unb64(nonce)) >= 16, (response, response.headers)
        assert response.header("Cache-Control") == "no-store"
        links = [v for k, v in response.headers if k.lower() == "link"]
        assert response.status == 421 or is_directory or any(re.match(r'^<https://[^>]+/acme/directory>;rel="index"$', v) for v in links), links
        if response.status >= 400:
            assert response.header("Content-Type") == "application/problem+json", response.headers
            problem = json.loads(response.body)
            assert problem["status"] == response.status and problem["type"].startswith(ERROR), problem
            assert problem["detail"] and problem["request_id"] and "identifier" not in problem
        retry = response.header("Retry-After")
        assert retry is None or re.match(r"^[0-9]+$", retry), "integer seconds only"

    def post(self, url, payload=None, use_jwk=False, key=None, changes=None, drop=(), **members):
        """A signed POST. changes and drop spoil the protected header, members the JWS itself."""
        header = self.header(url, use_jwk, key)
        header.update(changes or {})
        for name in drop:
            del header[name]
        jws = self.encode(header, payload, key or self.key)
        jws.update(members)
        return self.send(url, jws)

    def ok(self, url, payload=None, **kw):
        response = self.post(url, payload, **kw)
        if response.status >= 400:
            raise Problem(response)
        return response

    def refused(self, url, payload=None, **kw):
        response = self.post(url, payload, **kw)
        assert response.status >= 400, response
        return Problem(response)

    # --- the protocol ---

    def register(self, **fields):
        response = self.ok(self.url("new-account"), fields, use_jwk=True)
        self.kid = response.header("Location")
        return response

    def new_order(self, names, **fields):
        response = self.ok(self.url("new-order"), dict(identifiers=identifiers(names), **fields))
        assert response.status == 201
        return self.order_of(response)

    @staticmethod
    def order_of(response):
        order = json.loads(response.body)
        order["url"] = response.header("Location")
        return order

    def fetch(self, url):
        return json.loads(self.ok(url).body)

    def fetch_order(self, order):
        return self.order_of(self.ok(order["url"]))

    def wait(self, url, states, seconds=40):
        """Polls an object until its status is one of these."""
        deadline = time.monotonic() + seconds
        while True:
            response = self.ok(url)
            thing = json.loads(response.body)
            if thing["status"] in states:
                return thing
            assert time.monotonic() < deadline, thing
            time.sleep(0.1)

    def finalize(self, order, csr):
        order = self.order_of(self.ok(order["finalize"], {"csr": csr}))
        if order["status"] == "processing":
            order = dict(self.wait(order["url"], ("valid", "invalid")), url=order["url"])
        return order

    def certificate(self, order):
        response = self.ok(order["certificate"])
        assert response.header("Content-Type") == "application/pem-certificate-chain"
        return response.body

    def obtain(self, names, **fields):
        """The whole way for granted names: (order, chain as PEM, key)."""
        order = self.new_order(names, **fields)
        csr, key = new_csr(names)
        order = self.finalize(order, csr)
        assert order["status"] == "valid", order
        return order, self.certificate(order), key

    def key_authorization(self, token):
        return token + "." + self.key.thumbprint()
