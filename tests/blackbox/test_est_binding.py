"""est/CHECKS.md 75 to 86: challengePassword is this connection's tls-exporter, or the request is refused."""

import base64
import socket

import pytest
from OpenSSL import SSL

import der
from est import Device, path
from instance import new_key


class Bound:
    """A TLS 1.3 connection that can tell its exporter (RFC 9266), which Python's own ssl module cannot."""

    def __init__(self, ca, files):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(ca.trust)
        context.set_verify(SSL.VERIFY_PEER, lambda *a: a[4] == 1)
        context.use_certificate_chain_file(files[1])
        context.use_privatekey_file(files[0])
        self.raw = socket.create_connection(("127.0.0.1", ca.port), timeout=30)
        self.raw.settimeout(None)
        self.tls = SSL.Connection(context, self.raw)
        self.tls.set_tlsext_host_name(b"localhost")
        self.tls.set_connect_state()
        self.tls.do_handshake()

    def exporter(self, label=b"EXPORTER-Channel-Binding"):
        return base64.b64encode(self.tls.export_keying_material(label, 32, b"")).decode()

    def post(self, csr, operation="simpleenroll"):
        body = base64.b64encode(csr)
        self.tls.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\nContent-Length: %d\r\n\r\n%s" % (
            path(operation).encode(), len(body), body))
        return self.answer()

    def answer(self):
        data = b""
        while True:
            head, _, body = data.partition(b"\r\n\r\n")
            lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
            if lengths and len(body) >= lengths[0]:
                return int(head.split(b" ")[1]), head.lower(), body
            data += self.tls.recv(65536)

    def closed(self):
        try:
            return self.tls.recv(1) == b""
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return True

    def close(self):
        self.raw.close()


@pytest.fixture(scope="module")
def device(ca):
    d = Device(ca)
    yield d
    d.close()


@pytest.fixture
def bound(ca, device):
    b = Bound(ca, device.files)
    yield b
    b.close()


def csr(device, *passwords, subject=None):
    san = der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(device.names[0][4:])))
    subject = der.name((der.COMMON_NAME, der.utf8(device.name))) if subject is None else subject
    return der.csr(new_key(), subject, [san] + [der.challenge_password(p) for p in passwords])


@pytest.mark.parametrize("operation", ["simpleenroll", "simplereenroll"])
def test_est_075_078_the_exporter_of_this_connection_is_accepted(bound, device, operation):
    assert len(bound.exporter()) == 44
    status, _, _ = bound.post(csr(device, bound.exporter()), operation)
    assert status == 200


def test_est_076_absent_is_fine_and_the_connection_stays(bound, device):
    assert bound.post(csr(device))[0] == 200
    assert bound.post(csr(device))[0] == 200


@pytest.mark.parametrize("value", ["password", "", "A" * 44, "A" * 43 + "=", "A" * 16])
@pytest.mark.parametrize("operation", ["simpleenroll", "simplereenroll"])
def test_est_076_080_a_wrong_value_is_refused_though_no_profile_requires_one(bound, device, value, operation):
    status, _, body = bound.post(csr(device, value), operation)
    assert status in (400, 403) and body.startswith((b"binding-mismatch: ", b"bad-csr: ")), body


def test_est_078_another_label_is_refused(bound, device):
    status, _, body = bound.post(csr(device, bound.exporter(b"EXPORTER-Something-Else")))
    assert status == 403 and body.startswith(b"binding-mismatch: ")


def test_est_080_the_value_of_another_connection_is_refused(ca, bound, device):
    other = Bound(ca, device.files)
    assert other.exporter() != bound.exporter()
    status, _, body = bound.post(csr(device, other.exporter()))
    assert status == 403 and body.startswith(b"binding-mismatch: ")
    other.close()


def test_est_080_a_request_made_before_a_reconnect_is_refused(ca, device):
    first = Bound(ca, device.files)
    request = csr(device, first.exporter())
    first.close()
    second = Bound(ca, device.files)
    assert second.post(request)[0] == 403
    second.close()


def test_est_080a_a_bound_enrollment_ends_the_connection(bound, device):
    status, head, _ = bound.post(csr(device, bound.exporter()))
    assert status == 200 and b"connection: close" in head
    assert bound.closed()


def test_est_080a_two_bound_requests_on_one_connection_get_one_certificate(bound, device):
    bodies = [base64.b64encode(csr(device, bound.exporter())) for _ in range(2)]
    bound.tls.sendall(b"".join(
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\nContent-Length: %d\r\n\r\n%s" % (
            path("simpleenroll").encode(), len(b), b) for b in bodies))
    assert bound.answer()[0] == 200
    assert bound.closed()
