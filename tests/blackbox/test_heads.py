"""A head that cannot be read has one answer, in the form of the listener and the path it was sent to, and ends the connection. What
else is refused in a head: tests/tls/test_gate.py."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from httpclient import Client  # noqa: E402

UNREADABLE = [("Content-Length: 5x", "Content-Length is not a decimal number"),
              ("Content-Length: +5", "Content-Length is not a decimal number"),
              ("Content-Length: 5, 5", "Content-Length is not a decimal number"),
              ("Content-Length:", "Content-Length is not a decimal number"),
              ("Content-Length: 5\r\nContent-Length: 5", "a header field that may come once came twice"),
              ("Content-Length : 5", "a header field name is not a token")]
# Client, method, path, media type of a refusal.
LISTENERS = {
    "ACME": ("enroll", "POST", "/acme/new-order", "application/problem+json"),
    "EST": ("enroll", "POST", "/.well-known/est/simpleenroll", "text/plain; charset=utf-8"),
    "gateway": ("enroll", "GET", "/", "text/plain; charset=utf-8"),
    "admin": ("admin", "POST", "/admin/v1/identities", "application/problem+json"),
    "OCSP": ("public", "POST", "/ocsp", "text/plain"),
    "CRL": ("public", "GET", "/crl/issuing-1.crl", "text/plain"),
    "metrics": ("metrics", "GET", "/metrics", "text/plain"),
}


def open_connection(ca, listener):
    port = {"enroll": ca.port, "admin": ca.admin_port, "public": ca.public_port, "metrics": ca.metrics_port}[listener]
    return ca.operator(port) if listener in ("enroll", "admin") else Client("127.0.0.1", port)


def everything(connection):
    """All octets until the server closes."""
    try:
        while connection._more():
            pass
    except OSError:
        pass
    octets, connection.buffer = connection.buffer, b""
    return octets


@pytest.mark.parametrize("name", LISTENERS)
@pytest.mark.parametrize("field,reason", UNREADABLE, ids=[u[0] for u in UNREADABLE])
def test_unreadable_head_has_one_answer_in_the_form_of_its_listener(ca, name, field, reason):
    listener, method, path, media_type = LISTENERS[name]
    with open_connection(ca, listener) as c:
        c.send(("%s %s HTTP/1.1\r\nHost: localhost:%d\r\n%s\r\n\r\nabcde" % (method, path, c.port, field)).encode())
        answer = c.receive(method)
        assert (answer.status, answer.header("Content-Type"), answer.header("Connection")) == (400, media_type, "close"), answer
        assert reason in answer.text
        assert everything(c) == b""


@pytest.mark.parametrize("name,accepted", [("ACME", "application/jose+json"), ("EST", "application/pkcs10"), ("admin", "application/json"),
                                           ("OCSP", "application/ocsp-request")])
def test_length_may_have_blanks_around_it_and_zeros_before_it(ca, name, accepted):
    listener, method, path, _ = LISTENERS[name]
    body = b"no request of any protocol"
    with open_connection(ca, listener) as c:
        answers = []
        for value in (" %d", " %d \t", "\t%d", "000%d"):  # on one connection: each is read to its end
            c.send(("%s %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: %s\r\nContent-Length:%s\r\n\r\n" %
                    (method, path, c.port, accepted, value % len(body))).encode() + body)
            answers.append(c.receive(method))
        assert len({(a.status, a.header("Content-Type")) for a in answers}) == 1, answers
        assert all("Content-Length" not in a.text for a in answers), answers
