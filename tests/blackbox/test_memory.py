"""What a stranger can make a listener hold: each of them sends what never ends, from many connections of one address, and
the program's memory stays below a bound. Figures are printed with -s."""

import os
import selectors
import socket
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tls13  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402
from tls13 import APPLICATION_DATA, CERTIFICATE, CLIENT_HELLO, HANDSHAKE, KEY_UPDATE, Peer  # noqa: E402

MIB = 1 << 20
CONNECTIONS = 60  # the metrics listener takes 64, an address at the admin listener four times as many here
OCTETS_EACH = 6 * MIB
GROWTH_MAX = 40 * MIB  # of a sanitized build; unbounded it is CONNECTIONS * OCTETS_EACH
SECONDS = 9
PIECE = 16000


@pytest.fixture(scope="module")
def ca():
    # the sanitizer would keep freed memory for a while
    before = os.environ.get("ASAN_OPTIONS")
    os.environ["ASAN_OPTIONS"] = "%squarantine_size_mb=1:thread_local_quarantine_size_kb=64" % (before + ":" if before else "")
    try:
        with Instance(config={"admin": {"connections_per_address": 256}}) as instance:
            yield instance
    finally:
        del os.environ["ASAN_OPTIONS"]
        if before is not None:
            os.environ["ASAN_OPTIONS"] = before


def read_credentials(ca):
    """The operator's chain as DER and its key."""
    with open(os.path.join(ca.operator_directory, "operator.pem"), "rb") as f:
        certs = [b"-----BEGIN" + text for text in f.read().split(b"-----BEGIN")[1:]]
    with open(os.path.join(ca.operator_directory, "operator.key"), "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    return [x509.load_pem_x509_certificate(c).public_bytes(serialization.Encoding.DER) for c in certs], key


# Each opens a connection and says how its octets go on: a first piece, then one that repeats.

def announced(kind):
    """The begin of a handshake message of 16 MiB - 1."""
    return bytes([kind]) + b"\xff\xff\xff"


def giant_hello(ca, address):
    peer = Peer(address)
    return peer, [(HANDSHAKE, announced(CLIENT_HELLO)), (HANDSHAKE, b"\0" * PIECE)]


def giant_hello_of_small_records(ca, address):
    peer = Peer(address)
    small = peer.record(HANDSHAKE, b"\0") * (PIECE // 6)
    return peer, [(HANDSHAKE, announced(CLIENT_HELLO)), (None, small)]


def giant_certificate(ca, address):
    peer = Peer(address)
    peer.hello()
    return peer, [(HANDSHAKE, announced(CERTIFICATE)), (HANDSHAKE, b"\0" * PIECE)]


def logged_in(ca, address):
    peer = Peer(address)
    peer.hello()
    peer.finish(*read_credentials(ca))
    return peer


def giant_key_update(ca, address):
    return logged_in(ca, address), [(HANDSHAKE, announced(KEY_UPDATE)), (HANDSHAKE, b"\0" * PIECE)]


def empty_records(ca, address):
    return logged_in(ca, address), [(APPLICATION_DATA, b"")]


PROGRAM = {"enroll": "chancery-gateway", "admin": "chancery-admin", "public": "chancery-status", "metrics": "chancery-status"}
POST = {"enroll": b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/pkcs10\r\n",
        "admin": b"POST /admin/v1/identities HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n",
        "public": b"POST /ocsp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ocsp-request\r\n",
        "metrics": b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"}
GET = {"enroll": b"/.well-known/est/cacerts", "admin": b"/openapi.json", "public": b"/ready", "metrics": b"/health"}
# name: the first octets, those that follow again and again
HTTP = {
    "request line": lambda name: (b"GET /", b"a" * PIECE),
    "query": lambda name: (b"GET /?", b"a" * PIECE),
    "empty lines": lambda name: (b"", b"\r\n" * (PIECE // 2)),
    "field value": lambda name: (b"GET %s HTTP/1.1\r\nHost: localhost\r\nX: " % GET[name], b"a" * PIECE),
    "fields": lambda name: (b"GET %s HTTP/1.1\r\nHost: localhost\r\n" % GET[name], b"X: a\r\n" * (PIECE // 6)),
    "body": lambda name: (POST[name] + b"Content-Length: 2000000000\r\n\r\n", b"a" * PIECE),
    "chunks": lambda name: (POST[name] + b"Transfer-Encoding: chunked\r\n\r\n", b"3e80\r\n" + b"a" * PIECE + b"\r\n"),
    "small chunks": lambda name: (POST[name] + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * (PIECE // 6)),
    "chunk extension": lambda name: (POST[name] + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * PIECE),
    "trailer": lambda name: (POST[name] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * (PIECE // 6)),
    "pipelined requests": lambda name: (b"", b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % GET[name] * 200),
}
TLS = {"giant ClientHello": giant_hello, "giant ClientHello of small records": giant_hello_of_small_records,
       "giant Certificate": giant_certificate, "giant KeyUpdate": giant_key_update, "empty records": empty_records}


class Plain:
    def __init__(self, address):
        self.sock = socket.create_connection(address, 10)

    def record(self, kind, data):
        return data


def open_http(kind):
    def go(ca, address, name):
        peer = logged_in(ca, address) if name in ("enroll", "admin") else Plain(address)
        return peer, [(APPLICATION_DATA, data) for data in HTTP[kind](name)]
    return go


def memory(pid, what):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(what + ":"))


class Sender:
    """One connection that sends as long as the server reads."""

    def __init__(self, peer, pieces):
        self.peer, (self.first, self.rest) = peer, (pieces + pieces[-1:])[:2]
        self.left, self.sent, self.ended = b"", 0, False
        self.queue(self.first)
        peer.sock.setblocking(False)

    def queue(self, piece):
        kind, data = piece
        self.left += data if kind is None else b"".join(self.peer.record(kind, data) for _ in range(1 if data else 800))

    def go_on(self):
        if not self.left:
            self.queue(self.rest)
        try:
            n = self.peer.sock.send(self.left)
            self.left, self.sent = self.left[n:], self.sent + n
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True


def send_all(senders):
    """Until every connection has ended or sent enough, or nothing fits any more."""
    end, idle = time.monotonic() + SECONDS, time.monotonic() + 2
    with selectors.DefaultSelector() as ready:
        for s in senders:
            ready.register(s.peer.sock, selectors.EVENT_WRITE, s)
        while ready.get_map() and time.monotonic() < min(end, idle):
            for key, _ in ready.select(0.1):
                before = key.data.sent
                key.data.go_on()
                if key.data.sent > before:
                    idle = time.monotonic() + 2
                if key.data.ended or key.data.sent > OCTETS_EACH:
                    ready.unregister(key.fileobj)



def port_of(ca, listener):
    return {"enroll": ca.port, "admin": ca.admin_port, "public": ca.public_port, "metrics": ca.metrics_port}[listener]


CASES = [(listener, name, lambda ca, address, _, go=go: go(ca, address)) for listener in ("enroll", "admin") for name, go in TLS.items()]
CASES += [(listener, name, open_http(name)) for listener in PROGRAM for name in HTTP]


@pytest.mark.parametrize("listener,name,go", CASES, ids=["%s-%s" % c[:2] for c in CASES])
def test_what_never_ends_is_not_kept(ca, listener, name, go):
    pid, port = ca.running[PROGRAM[listener]].process.pid, port_of(ca, listener)
    before = memory(pid, "VmRSS")
    senders = [Sender(*go(ca, ("127.0.0.1", port), listener)) for _ in range(CONNECTIONS)]
    idle = memory(pid, "VmRSS")
    send_all(senders)
    peak = memory(pid, "VmHWM")
    print("%-8s %-36s %5.1f MiB sent, %2d of %d ended; memory %4.0f MiB, with connections %4.0f, at most %4.0f" % (
        listener, name, sum(s.sent for s in senders) / MIB, sum(s.ended for s in senders), CONNECTIONS, before / MIB, idle / MIB,
        peak / MIB))
    for s in senders:
        s.peer.sock.close()
    assert peak - before < GROWTH_MAX
    ca.check_running()
    ca.wait_ready()


@pytest.mark.parametrize("name,phase", [("giant ClientHello", "before the end of the handshake"),
                                        ("giant KeyUpdate", "after the handshake that brought no data")])
def test_who_sends_it_is_told_and_logged(ca, name, phase):
    peer, pieces = TLS[name](ca, ("127.0.0.1", ca.port))
    for kind, data in pieces + pieces[-1:] * 4:
        peer.send(kind, data)
    assert peer.alert() == 50
    ca.wait_logged("chancery-gateway", "more than 65536 octets " + phase)


def test_a_long_upload_of_small_records_is_no_reason(ca):
    """The bound is on what leads to nothing, not on what a connection sends in its life."""
    peer = logged_in(ca, ("127.0.0.1", ca.port))
    for _ in range(12):
        for octet in b"GET %s HTTP/1.1\r\nHost: localhost\r\nX: " % GET["enroll"] + b"a" * 300 + b"\r\n\r\n":
            peer.send(APPLICATION_DATA, bytes([octet]))
        assert wait_for(lambda: peer.receive()[1].startswith(b"HTTP/1.1 200"), 10, "an answer")
    peer.close()


@pytest.mark.parametrize("listener,program", PROGRAM.items())
def test_each_listener_says_what_it_can_be_made_to_hold(ca, listener, program):
    line = next(x for x in ca.log_lines(program) if "event=http.limits listener=%s " % listener in x)
    number = {k: int(v) for k, v in (word.split("=") for word in line.split() if word.startswith(("connections=", "octets")))}
    assert number["octets"] == number["connections"] * number["octets_each"]
    assert number["octets_each"] < 320 * 1024
