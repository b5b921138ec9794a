"""Who gets through the handshake, and what the others are told (RFC 8446 section 6.2)."""
import datetime
import socket
import ssl
import subprocess

import pytest

from harness import PATIENCE, connect, context, refused_alert, tcp, wait_until
from material import HOUR, SERVER_AUTH, Holder

REQUEST = "GET /whoami HTTP/1.1\r\nHost: localhost\r\n\r\n"


def client_context(pki, holder, chain=None):
    return context(pki.root_file(), pki.client_files(holder, chain))


def test_good_client_is_served_and_its_chain_reaches_the_handler(start, pki, good):
    c = connect(start(), good)
    answer = c.get("/whoami")
    assert answer.status == 200
    assert f"chain 2 leaf {len(pki.good.der)} address 127.0.0.1 host localhost".encode() in answer.body
    assert c.sock.version() == "TLSv1.3"


def test_client_without_certificate_gets_certificate_required(start, pki):
    server = start()
    assert refused_alert(server, context(pki.root_file())) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    server.wait_log(r"event=tls.refused .*peer=127.0.0.1 alert=116 reason=.*no certificate")


@pytest.mark.parametrize("name,make,alert,number", [
    ("foreign", lambda p: p.client("foreign", p.foreign_root), "TLSV1_ALERT_UNKNOWN_CA", 48),
    ("expired", lambda p: p.client("expired", begin=-3 * HOUR, end=-HOUR), "SSLV3_ALERT_CERTIFICATE_EXPIRED", 45),
    ("early", lambda p: p.client("early", begin=HOUR, end=2 * HOUR), "SSLV3_ALERT_CERTIFICATE_EXPIRED", 45),
    ("server-eku", lambda p: p.client("server-eku", purposes=(SERVER_AUTH,)), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", 43),
    ("no-eku", lambda p: p.client("no-eku", purposes=()), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", 43),

    ("no-signature", lambda p: p.client("no-signature", signs=False), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", 43),
    ("ca", lambda p: Holder("ca", p.issuing, ca=True, signs=True, both=True), "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", 43),
])
def test_wrong_certificate_gets_its_alert_and_a_log_line(start, pki, name, make, alert, number):
    server = start()
    holder = make(pki)
    chain = [holder] if holder.issuer is pki.foreign_root else None
    assert refused_alert(server, client_context(pki, holder, chain)) == alert
    server.wait_log(rf'event=tls.refused .*alert={number} reason="[^"]+" subject="?CN={holder.name}')


def test_expired_intermediate_is_refused(start, pki):
    old = Holder("Old Issuing", pki.root, ca=True, begin=-3 * HOUR, end=-HOUR)
    server = start()
    assert refused_alert(server, client_context(pki, Holder("below", old))) == "SSLV3_ALERT_CERTIFICATE_EXPIRED"


def test_leaf_issued_by_a_leaf_is_refused(start, pki):
    server = start()
    assert refused_alert(server, client_context(pki, Holder("below", pki.good))) in (
        "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE")


def test_forged_leaf_under_a_trusted_name_is_refused(start, pki):
    fake = Holder("Test Issuing", pki.foreign_root, ca=True)
    holder = Holder("forged", fake)
    server = start()
    assert refused_alert(server, client_context(pki, holder, [holder, pki.issuing])) in (
        "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE")


@pytest.mark.parametrize("verdict,alert,number", [
    ("revoked", "SSLV3_ALERT_CERTIFICATE_REVOKED", 44),
    ("expired", "SSLV3_ALERT_CERTIFICATE_EXPIRED", 45),
    ("unknown", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", 46),
    ("unknown-ca", "TLSV1_ALERT_UNKNOWN_CA", 48),
    ("bad", "SSLV3_ALERT_BAD_CERTIFICATE", 42),
    ("unavailable", "TLSV1_ALERT_INTERNAL_ERROR", 80),
])
def test_verdict_of_the_application_becomes_the_alert(start, good, verdict, alert, number):
    server = start()
    server.command(f"identify {verdict}")
    assert refused_alert(server, good) == alert
    server.wait_log(rf"event=tls.refused .*alert={number} ")
    if verdict != "unavailable":
        server.wait_log(r"event=test.refused operation=tls.handshake chain=verified known=no leaf=\d{3,}")


@pytest.mark.parametrize("name,told", [("expired", True), ("server-eku", True), ("foreign", False)])
def test_the_application_hears_of_refused_clients_that_may_be_its_own(start, pki, good, name, told):
    make = {"expired": lambda: pki.client("old", begin=-2 * HOUR, end=-HOUR), "server-eku": lambda: pki.client("server", purposes=(SERVER_AUTH,)),
            "foreign": lambda: Holder("foreign", pki.foreign_root)}[name]
    server = start()
    holder = make()
    refused_alert(server, client_context(pki, holder, [holder] if not told else None))
    server.command("identify revoked")
    refused_alert(server, good)
    server.wait_log(r"event=test.refused operation=tls.handshake chain=verified")
    assert ("event=test.refused operation=tls.handshake chain=refused" in server.log()) == told


def test_chain_that_verified_before_is_still_judged_by_the_application(start, good):
    server = start()
    assert connect(server, good).get("/hello").status == 200
    server.command("identify revoked")
    assert refused_alert(server, good) == "SSLV3_ALERT_CERTIFICATE_REVOKED"


def test_certificate_without_its_key_is_refused(start, pki, good):
    """A chain in the cache is no proof: CertificateVerify is checked on every handshake."""
    server = start()
    assert connect(server, good).get("/hello").status == 200
    thief = context(pki.root_file(), pki.stolen_files(pki.good))
    assert refused_alert(server, thief) == "TLSV1_ALERT_DECRYPT_ERROR"
    server.wait_log(r"event=tls.refused .*did not prove that it holds its certificate's key")


def test_revoked_while_connected_is_refused_on_the_next_request(start, good):
    server = start()
    c = connect(server, good)
    assert c.get("/pool").status == 200
    server.command("recheck revoked")
    answer = c.get("/pool")
    assert answer.status == 403 and answer.body.startswith(b"revoked: ")
    assert answer.header("Connection") == "close"
    assert c.ended()
    assert b"by the test" not in answer.body
    server.wait_log(r'event=http.request operation=test.pool .*status=403 .*outcome=denied reason="revoked by the test"')
    server.wait_log(r'event=test.refused operation=test.pool .*known=yes leaf=0 reason="revoked by the test"')


def test_inline_route_rechecks_too(start, good):
    server = start()
    c = connect(server, good)
    assert c.get("/hello").status == 200
    server.command("recheck unknown")
    assert c.get("/hello").status == 403


def test_peer_that_cannot_be_judged_is_asked_to_come_back(start, good):
    server = start()
    c = connect(server, good)
    server.command("recheck unavailable")
    answer = c.get("/pool")
    assert answer.status == 503 and answer.header("Retry-After") == "2"


def test_tls_1_2_is_refused_with_protocol_version(start, pki):
    server = start()
    old = context(pki.root_file(), pki.client_files(pki.good), ssl.TLSVersion.TLSv1_2)
    with pytest.raises(ssl.SSLError) as e:
        connect(server, old)
    assert e.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    server.wait_log(r"event=tls.refused .*alert=70 ")


def test_chain_of_too_many_certificates_is_refused(start, pki):
    server = start()
    long = pki.good.chain() + [Holder(f"extra{i}", pki.root) for i in range(5)]
    assert refused_alert(server, client_context(pki, pki.good, long)) == "SSLV3_ALERT_BAD_CERTIFICATE"
    server.wait_log(r"event=tls.refused .*more certificates")


def test_oversized_certificate_message_is_refused(start, pki):
    server = start()
    big = [pki.client(f"big{i}", filler=100) for i in range(6)]
    assert sum(len(h.der) for h in big) > 32768
    assert refused_alert(server, client_context(pki, big[0], big)) == "TLSV1_ALERT_DECODE_ERROR"
    server.wait_log(r"event=tls.refused .*alert=50 ")


def test_stalled_handshake_does_not_spin(start, pki):
    """One client that stops after its ClientHello, one after half of it."""
    server = start(threads=2)
    hello = client_hello(pki)
    stalled = [tcp(server), tcp(server), tcp(server)]
    stalled[0].sendall(hello)
    stalled[1].sendall(hello[:60])
    stalled[2].sendall(hello)
    wait_until(lambda: stalled[0].recv(1), "the server's flight")
    before = server.cpu_seconds()
    stalled[1].settimeout(2)
    with pytest.raises(socket.timeout):
        stalled[1].recv(1)
    assert server.cpu_seconds() - before < 0.5


def test_stalled_handshake_is_closed_within_its_limit(start, pki):
    server = start()
    s = tcp(server)
    s.sendall(client_hello(pki)[:60])
    assert s.recv(1) == b""
    server.wait_log(r"event=tls.refused .*longer than 10 s")


def client_hello(pki):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    c = context(pki.root_file()).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        c.do_handshake()
    return outgoing.read()


def test_no_ticket_and_no_resumption(start, good):
    server = start()
    c = connect(server, good)
    assert c.get("/hello").status == 200
    assert not c.sock.session.has_ticket
    again = good.wrap_socket(tcp(server), server_hostname="localhost", session=c.sock.session)
    assert not again.session_reused


def test_exporter_equals_that_of_the_client(start, pki):
    server = start()
    cert, key = pki.client_files(pki.good)
    p = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-cert", cert, "-cert_chain", cert, "-key", key,
         "-CAfile", pki.root_file(), "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-ign_eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = p.communicate(b"GET /exporter HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", timeout=PATIENCE)[0].decode()
    client_side = out.split("Keying material: ")[1].split()[0]
    assert len(client_side) == 64
    assert client_side.lower() in out.split("HTTP/1.1 200")[1]


def test_plain_listener_has_no_exporter(start):
    assert b"no exporter" in connect(start(tls=False)).get("/exporter").body


def test_plain_text_on_a_tls_listener_is_refused(start):
    server = start()
    c = connect(server)
    c.send(REQUEST)
    assert not c.read_some().startswith(b"HTTP")
    server.wait_log(r"event=tls.refused ")


def test_reload_changes_the_certificate_and_keeps_old_connections(start, pki, good):
    server = start()
    before = connect(server, good)
    old = before.sock.getpeercert(True)
    fresh = Holder("server-new", pki.issuing, purposes=(SERVER_AUTH,))
    server.command(f"reload {pki.server_directory('reload-cert-%d' % server.port, fresh)}")
    after = connect(server, good)
    assert after.sock.getpeercert(True) == fresh.der != old
    assert before.get("/pool").status == 200 and after.get("/pool").status == 200


def test_reload_changes_the_trust(start, pki, good):
    server = start()
    stranger = client_context(pki, Holder("stranger", pki.foreign_root), None)
    assert refused_alert(server, stranger) == "TLSV1_ALERT_UNKNOWN_CA"
    before = connect(server, good)
    server.command(f"reload {pki.server_directory('reload-trust-%d' % server.port, anchors=[pki.foreign_root])}")
    assert connect(server, stranger).get("/hello").status == 200
    assert refused_alert(server, good) == "TLSV1_ALERT_UNKNOWN_CA"
    assert before.get("/hello").status == 200


def test_leaf_alone_is_enough_when_its_issuer_is_an_anchor(start, pki):
    server = start(tls=pki.server_directory("direct-anchor", anchors=[pki.root, pki.issuing]))
    assert connect(server, client_context(pki, pki.good, [pki.good])).get("/hello").status == 200


def test_leaf_alone_is_refused_when_its_issuer_is_unknown(start, pki):
    assert refused_alert(start(), client_context(pki, pki.good, [pki.good])) == "TLSV1_ALERT_UNKNOWN_CA"


def test_peers_are_released_with_their_connections(start, good):
    server = start()
    for _ in range(3):
        connect(server, good).close()
    wait_until(lambda: b"peers 1\n" in connect(server, good).get("/whoami").body, "three peers released")
