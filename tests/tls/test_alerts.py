"""What a client of TLS 1.3 may not do, message by message: each is ended with the alert that fits (RFC 8446 section 6.2) and a
line that says why. The client is tests/lib/tls13.py."""
import os
import struct

import pytest

import tls13
from harness import tcp, wait_until
from tls13 import (ALERT, ALPN, APPLICATION_DATA, CERTIFICATE, CERTIFICATE_VERIFY, CLIENT_HELLO, FINISHED, GROUPS, HANDSHAKE,
                   KEY_SHARE, KEY_UPDATE, PSK, PSK_MODES, SIGNATURES, VERSIONS, Peer, client_hello, message, vector)

UNEXPECTED, BAD_MAC, OVERFLOW, FAILURE, BAD_CERTIFICATE, ILLEGAL, DECODE, DECRYPT, VERSION, MISSING, NO_PROTOCOL = (
    10, 20, 22, 40, 42, 47, 50, 51, 70, 109, 120)


def peer_of(server):
    return Peer(("127.0.0.1", server.port))


def with_fields(change, **options):
    """A usual ClientHello with other extensions."""
    def make(peer):
        fields = tls13.extensions(peer.key)
        return client_hello(change(fields) or fields, **options)
    return make


def add(*fields):
    return with_fields(lambda usual: usual + list(fields))


def without(*numbers):
    return with_fields(lambda usual: [f for f in usual if f[0] not in numbers])


def instead(number, content):
    return with_fields(lambda usual: [(n, content if n == number else c) for n, c in usual])


def protocols(*names):
    return ALPN, vector(2, b"".join(vector(1, n) for n in names))


def offered_key():
    """A pre_shared_key extension with one identity and its binder."""
    return PSK, vector(2, vector(2, b"ticket") + b"\0\0\0\0") + vector(2, vector(1, b"\0" * 32))


def cut(n):
    """A usual ClientHello whose last n octets are missing, as its own length says."""
    return lambda peer: message(CLIENT_HELLO, client_hello(tls13.extensions(peer.key))[4:-n])


HELLOS = [
    ("no TLS 1.3", without(VERSIONS), VERSION),
    ("TLS 1.2 alone", instead(VERSIONS, vector(1, b"\3\3")), VERSION),
    ("empty list of versions", instead(VERSIONS, b"\0"), VERSION),
    ("compression besides null", with_fields(list, compression=b"\1\0"), ILLEGAL),
    ("compression alone", with_fields(list, compression=b"\1"), ILLEGAL),
    ("no compression method", with_fields(list, compression=b""), ILLEGAL),
    ("an extension twice", with_fields(lambda usual: usual + [usual[1]]), ILLEGAL),
    ("an unknown extension twice", add((0xfafa, b""), (0xfafa, b"")), ILLEGAL),
    ("other protocols", add(protocols(b"h2")), NO_PROTOCOL),
    ("protocols of mail", add(protocols(b"smtp", b"ftp")), NO_PROTOCOL),
    ("protocol in capitals", add(protocols(b"HTTP/1.1")), NO_PROTOCOL),
    ("list of protocols shorter than its extension", add((ALPN, vector(2, vector(1, b"http/1.1")) + b"x")), DECODE),
    ("list of protocols longer than its extension", add((ALPN, struct.pack(">H", 99) + vector(1, b"http/1.1"))), DECODE),
    ("empty list of protocols", add(protocols()), DECODE),
    ("empty protocol", add(protocols(b"http/1.1", b"")), DECODE),
    ("pre-shared key without modes", add(offered_key()), MISSING),
    ("pre-shared key that is not last", add((PSK_MODES, b"\1\1"), offered_key(), (0xfafa, b"")), ILLEGAL),
    ("no signature algorithms", without(SIGNATURES), MISSING),
    ("no groups", without(GROUPS), MISSING),
    ("no key share", without(KEY_SHARE), MISSING),
    ("neither groups nor key share", without(GROUPS, KEY_SHARE), MISSING),
    ("no cipher suite in common", with_fields(list, suites=b"\x13\4"), FAILURE),
    ("no group in common", with_fields(lambda usual: [
        (n, {GROUPS: vector(2, b"\0\x1e"), KEY_SHARE: vector(2, b"\0\x1e" + vector(2, os.urandom(56)))}.get(n, c)) for n, c in usual]), FAILURE),
    ("no signature in common", instead(SIGNATURES, vector(2, b"\2\1")), FAILURE),
    ("key share of the wrong size", instead(KEY_SHARE, vector(2, b"\0\x1d" + vector(2, b"x" * 31))), ILLEGAL),
    ("key share that is zero", instead(KEY_SHARE, vector(2, b"\0\x1d" + vector(2, b"\0" * 32))), ILLEGAL),
    ("one octet short", cut(1), DECODE),
    ("nothing behind the suites", lambda peer: message(CLIENT_HELLO, b"\3\3" + b"r" * 32 + b"\0" + vector(2, b"\x13\1")), DECODE),
    ("an octet behind the extensions", lambda peer: message(CLIENT_HELLO, client_hello(tls13.extensions(peer.key))[4:] + b"x"), DECODE),
    ("empty", lambda peer: message(CLIENT_HELLO, b""), DECODE),
    ("another message first", lambda peer: message(FINISHED, b"f" * 32), UNEXPECTED),
]


@pytest.mark.parametrize("hello,number", [h[1:] for h in HELLOS], ids=[h[0] for h in HELLOS])
def test_wrong_client_hello_gets_its_alert(start, hello, number):
    server = start()
    peer = peer_of(server)
    peer.send(HANDSHAKE, hello(peer))
    assert peer.alert() == number, server.log()
    server.wait_log(r'event=tls.refused .*alert=%d reason="[^"]+"' % number)


@pytest.mark.parametrize("hello", [
    with_fields(list), add(protocols(b"h2", b"http/1.1")), add(protocols(b"http/1.0")), add((0xfafa, b"grease")),
    add((PSK_MODES, b"\1\1")), add((PSK_MODES, b"\1\1"), offered_key()), add((21, b"\0" * 2000))])
def test_usual_client_hello_is_answered(start, pki, hello):
    peer = peer_of(start())
    peer.hello(hello(peer))
    peer.finish([h.der for h in pki.good.chain()], pki.good.key)
    peer.send(APPLICATION_DATA, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert peer.receive()[1].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("octets,number", [
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3, None), (b"\x17\3\3\0\5hello", UNEXPECTED), (b"\x16\3\1\0\0", UNEXPECTED),
    (b"\x16\3\1\xff\xff" + b"\0" * 65535, OVERFLOW)],
    ids=["HTTP", "data", "empty handshake record", "long record"])
def test_what_is_no_client_hello_is_refused(start, octets, number):
    server = start()
    peer = peer_of(server)
    peer.sock.sendall(octets)
    assert peer.alert() is not None if number is None else peer.alert() == number, server.log()
    server.wait_log(r'event=tls.refused .*reason="[^"]+"')


def finished(change):
    def go(peer, chain, key):
        peer.certificate(chain)
        peer.prove(key)
        peer.say(FINISHED, change(peer.verify_data()))
    return go


def proof(content):
    def go(peer, chain, key):
        peer.certificate(chain)
        peer.say(CERTIFICATE_VERIFY, content)
        peer.say(FINISHED, peer.verify_data())
    return go


def instead_of_certificate(body):
    return lambda peer, chain, key: peer.say(CERTIFICATE, body)


def garbled(peer, chain, key):
    peer.sock.sendall(b"\x17\3\3\0\x30" + os.urandom(48))


FLIGHTS = [
    ("wrong Finished", finished(lambda good: bytes([good[0] ^ 1]) + good[1:]), DECRYPT),
    ("short Finished", finished(lambda good: good[:-1]), DECODE),
    ("wrong signature", proof(b"\4\3" + vector(2, b"\x30\6\2\1\1\2\1\1")), DECRYPT),
    ("signature of an algorithm that was not offered", proof(b"\2\1" + vector(2, b"x" * 64)), ILLEGAL),
    ("empty CertificateVerify", proof(b""), DECODE),
    ("Certificate that is cut", instead_of_certificate(b"\0\0\1\0" + b"x" * 10), DECODE),
    ("Certificate with a context", instead_of_certificate(b"\1x\0\0\0"), ILLEGAL),
    ("Certificate that is no certificate", lambda p, c, k: (p.certificate([b"x" * 50]), p.prove(k)), BAD_CERTIFICATE),
    ("Finished without a certificate", lambda p, c, k: p.say(FINISHED, p.verify_data()), UNEXPECTED),
    ("CertificateVerify without a certificate", lambda p, c, k: p.prove(k), UNEXPECTED),
    ("Finished without a proof", lambda p, c, k: (p.certificate(c), p.say(FINISHED, p.verify_data())), UNEXPECTED),
    ("data before Finished", lambda p, c, k: p.send(APPLICATION_DATA, b"GET /hello HTTP/1.1\r\n\r\n"), UNEXPECTED),
    ("record that does not decrypt", garbled, BAD_MAC),
    ("Certificate of 40 KiB", instead_of_certificate(b"\0" + vector(3, b"x" * 40000)), DECODE),
]


@pytest.mark.parametrize("flight,number", [f[1:] for f in FLIGHTS], ids=[f[0] for f in FLIGHTS])
def test_wrong_flight_of_the_client_gets_its_alert(start, pki, flight, number):
    server = start()
    peer = peer_of(server)
    peer.hello()
    flight(peer, [h.der for h in pki.good.chain()], pki.good.key)
    assert peer.alert() == number, server.log()
    server.wait_log(r'event=tls.refused .*alert=%d reason="[^"]+"' % number)


LATER = [
    ("record that does not decrypt", garbled, BAD_MAC),
    ("KeyUpdate with a strange wish", lambda p, c, k: p.send(HANDSHAKE, message(KEY_UPDATE, b"\2")), ILLEGAL),
    ("KeyUpdate that is too long", lambda p, c, k: p.send(HANDSHAKE, message(KEY_UPDATE, b"\0\0")), DECODE),
    ("Finished again", lambda p, c, k: p.send(HANDSHAKE, message(FINISHED, b"f" * 32)), UNEXPECTED),
    ("ClientHello again", lambda p, c, k: p.send(HANDSHAKE, client_hello(tls13.extensions(p.key))), UNEXPECTED),
    ("Certificate nobody asked for", lambda p, c, k: p.certificate(c), UNEXPECTED),
    ("record of an unknown type", lambda p, c, k: p.send(99, b"x"), UNEXPECTED),
    ("record without a type", lambda p, c, k: p.send(0, b"\0" * 10), BAD_MAC),
    ("plain text record", lambda p, c, k: p.sock.sendall(b"\x16\3\3\0\4\0\0\0\0"), BAD_MAC),
    ("record longer than 2^14 + 256", lambda p, c, k: p.sock.sendall(b"\x17\3\3\x41\1" + b"x" * 0x4101), OVERFLOW),
]


@pytest.mark.parametrize("octets,number", [x[1:] for x in LATER], ids=[x[0] for x in LATER])
def test_error_after_the_handshake_gets_its_alert(start, pki, octets, number):
    server = start()
    peer = peer_of(server)
    chain, key = [h.der for h in pki.good.chain()], pki.good.key
    peer.hello()
    peer.finish(chain, key)
    peer.send(APPLICATION_DATA, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert peer.receive()[1].startswith(b"HTTP/1.1 200")
    octets(peer, chain, key)
    assert peer.alert() == number, server.log()
    server.wait_log(r'event=tls.refused .*alert=%d reason="[^"]+"' % number)


def test_the_log_tells_a_client_that_left_from_one_that_does_not_fit(start):
    server = start()
    tcp(server).close()
    server.wait_log("the client left without a ClientHello")
    peer = peer_of(server)
    peer.hello()
    peer.close()
    server.wait_log("the client left before it showed a certificate")
    peer = peer_of(server)
    peer.hello()
    peer.send(ALERT, b"\2\x30")
    server.wait_log(r"the client sent alert 48, .*does it trust our root")
    peer = peer_of(server)
    peer.hello()
    peer.sock.sendall(b"\x15\3\3\0\2\2\x2a")  # as OpenSSL does, without the keys it has
    server.wait_log(r"alert=0 reason=.the client sent alert 42, .*does it trust our root")
    peer = peer_of(server)
    peer.send(HANDSHAKE, with_fields(list, suites=b"\x13\4")(peer))
    assert peer.alert() == FAILURE
    server.wait_log("alert=40 reason=.*cipher suite")
    wait_until(lambda: server.log().count("event=tls.refused") == 5, "one line each")


def test_an_orderly_end_is_no_refusal(start, pki):
    server = start()
    peer = peer_of(server)
    peer.hello()
    peer.finish([h.der for h in pki.good.chain()], pki.good.key)
    peer.send(APPLICATION_DATA, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert peer.receive()[1].startswith(b"HTTP/1.1 200")
    peer.send(ALERT, b"\1\0")
    assert peer.alert() == 0
    assert "tls.refused" not in server.log()


def test_a_client_that_leaves_within_a_record_left(start):
    server = start()
    peer = peer_of(server)
    peer.sock.sendall(peer.record(HANDSHAKE, client_hello(tls13.extensions(peer.key)))[:-9])
    peer.close()
    server.wait_log("alert=0 reason=.the client left without a ClientHello")
