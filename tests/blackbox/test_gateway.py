"""The gateway as a program: it starts in any order, keeps its own certificate fresh, follows issuers, drains, and outlives
the database and the signer."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from cryptography import x509

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from est import Device, cert, certs, path, post, public  # noqa: E402
from instance import Instance, free_port, new_key, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

GATEWAY = "chancery-gateway"


@pytest.fixture(scope="module")
def own():
    """An instance of its own: these tests stop and start programs."""
    with Instance(config={"est": {"wait": "15s"}}, programs=(GATEWAY, "chancery-admin")) as instance:
        yield instance


@pytest.fixture
def device(own):
    d = Device(own)
    yield d
    d.close()


@pytest.mark.parametrize("name,number", [(GATEWAY, 4096), ("chancery-status", 4096)])
def test_too_few_descriptors_for_the_connections_are_a_mistake_of_the_configuration(own, name, number):
    """No start, exit 78 and the remedy, rather than a listener that stops for everybody when it is full."""
    config = own.write_config(own.path("few.yaml"), {"run_directory": own.path("state")})
    with open(own.path("log/few"), "w+") as log:
        done = subprocess.run(["prlimit", "--nofile=2000:2000", program(name), "--config", config], stdout=log, stderr=log, timeout=60)
        log.seek(0)
        text = log.read()
    assert done.returncode == 78, text
    assert "%d connections need %d descriptors" % (number, number + 512) in text and "LimitNOFILE=" in text


def server_certificate(ca, port=None):
    """What a new connection is shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca.trust)
    context.load_cert_chain(os.path.join(ca.operator_directory, "operator.pem"), os.path.join(ca.operator_directory, "operator.key"))
    with socket.create_connection(("127.0.0.1", port or ca.port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname="localhost") as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))


def test_it_may_start_first_and_says_what_is_missing():
    ca = Instance(programs=())
    try:
        ca.make_database()
        ca.make_keys()
        ca.write_config()
        ca.spawn(GATEWAY)
        ca.wait_logged(GATEWAY, "event=store.open")
        ca.apply_schema()
        ca.wait_logged(GATEWAY, "ca-admin issuer import")
        ca.import_issuer()
        ca.wait_logged(GATEWAY, "ca-admin init")
        ca.spawn("chancery-signer")
        ca.wait_seen("chancery-signer")
        ca.init()
        ca.wait_ready()
        assert not [line for line in ca.log_lines(GATEWAY) if "event=ready" in line][1:]
    finally:
        ca.stop()


def test_the_own_certificate_comes_through_the_queue_and_is_for_the_configured_names(own):
    shown = server_certificate(own)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    rows = own.sql("SELECT r.protocol, c.profile, i.name FROM certificate c JOIN issuance_request r ON r.id = c.request "
                   "JOIN identity i ON i.id = c.identity WHERE c.serial = %s", shown.serial_number.to_bytes(16, "big"))
    assert rows == [("internal", "gateway-tls", "gateway")]


def test_no_private_key_is_written_anywhere(own):
    for top, _, files in os.walk(own.top):
        for name in files:
            full = os.path.join(top, name)
            if not os.path.isfile(full) or full.startswith((own.path("tokens"), own.operator_directory)) or name.startswith("client-"):
                continue
            with open(full, "rb") as f:
                assert b"PRIVATE KEY" not in f.read(), full


def test_sighup_renews_key_and_certificate_and_open_connections_live_on(own, device):
    before = server_certificate(own)
    cert(post(device.client, device.csr()))
    own.running[GATEWAY].process.send_signal(signal.SIGHUP)
    after = wait_for(lambda: (lambda c: c if c.serial_number != before.serial_number else None)(server_certificate(own)), 15,
                     "a new certificate is shown")
    assert public(after) != public(before)
    cert(post(device.client, device.csr()))


def test_sighup_reads_the_profiles_and_wrong_ones_change_nothing(own, device):
    good = open(own.path("profiles.yaml")).read()

    def reload(text, programs=(GATEWAY, "chancery-signer")):
        before = server_certificate(own).serial_number
        with open(own.path("profiles.yaml"), "w") as f:
            f.write(text)
        for key in programs:
            own.running[key].process.send_signal(signal.SIGHUP)
        wait_for(lambda: server_certificate(own).serial_number != before, 15, "the gateway has reloaded")

    def days():
        one = cert(post(device.client, device.csr()))
        return round((one.not_valid_after - one.not_valid_before).total_seconds() / 86400)
    assert days() == 30
    try:
        reload(good.replace("lifetime: 30d", "lifetime: 20d"))
        wait_for(lambda: days() == 20, 10, "certificates of the new profile")
        reload(good.replace("name: device\n", "name: gone\n"), (GATEWAY,))
        assert any("there is no profile" in line and "est.default_profile" in line for line in own.log_lines(GATEWAY))
        reload(good.replace("lifetime: 30d", "lifetime: soon"))
        assert any("soon" in line and "profiles.yaml:" in line for line in own.log_lines(GATEWAY))
        cert(post(device.client, device.csr()))
    finally:
        reload(good)


def test_it_renews_by_itself_before_two_thirds_of_life():
    short = {"name": "brief", "requesters": ["service"], "protocols": ["internal"], "keys": ["p256"], "lifetime": "10s", "backdate": "5m",
             "key_usage": ["digitalSignature"], "extended_key_usage": ["serverAuth"], "subject": {"common_name": "first-name"},
             "names": {"types": ["dns", "ip"], "min": 1}}
    with Instance(config={"enroll": {"profile": "brief"}}, profiles=[short], programs=(GATEWAY, "chancery-admin")) as ca:
        seen = {}

        def three():
            c = server_certificate(ca)  # a handshake that fails ends the test: there is no gap
            seen.setdefault(c.serial_number, public(c))
            return len(seen) >= 3
        wait_for(three, 40, "three certificates in turn")
        assert len(set(seen.values())) == 3
        log = [line for line in ca.log_lines(GATEWAY) if "front.reload" in line]
        assert len(log) <= 4, "renewed too often"


def test_a_new_issuer_is_followed_without_restart(own, device):
    assert len(certs(device.client.request("GET", path("cacerts")))) == 2
    own.make_issuer(2)
    own.import_issuer("issuing-2")
    got = wait_for(lambda: (lambda c: c if len(c) == 3 else None)(certs(device.client.request("GET", path("cacerts")))), 20,
                   "three CA certificates")
    assert [c.subject.rfc4514_string().split(",")[0] for c in (got[0], got[-1])] == ["CN=Test Issuing CA 1", "CN=Test Root CA"]
    cert(post(device.client, device.csr()))


def test_503_while_the_database_is_away_and_work_goes_on_after(own, device):
    key = new_key()
    assert device.client.request("GET", path("cacerts")).status == 200
    own.pg.stop()
    r = post(device.client, device.csr(key))
    assert r.status == 503 and int(r.header("Retry-After")) > 0
    assert r.text.startswith("unavailable: the CA cannot answer now"), r.text
    assert device.client.request("GET", path("cacerts")).status == 200
    own.pg.start()

    def again():
        with own.client(*device.files) as c:
            r = post(c, device.csr(key))
            return r if r.status == 200 else None
    assert public(cert(wait_for(again, 30, "an enrollment after the outage"))) == public(key)


def test_a_killed_signer_delays_and_loses_nothing(own, device):
    own.stop_program("chancery-signer", signal.SIGKILL)
    key, answer = new_key(), []
    waiting = threading.Thread(target=lambda: answer.append(post(device.client, device.csr(key))))
    waiting.start()
    wait_for(lambda: own.sql("SELECT 1 FROM issuance_request WHERE state = 'pending'"), 10, "the request is in its row")
    own.spawn("chancery-signer")
    waiting.join(30)
    assert public(cert(answer[0])) == public(key)


def test_sigterm_lets_a_running_request_finish(own, device):
    own.stop_program("chancery-signer")
    key, answer = new_key(), []
    waiting = threading.Thread(target=lambda: answer.append(post(device.client, device.csr(key))))
    waiting.start()
    wait_for(lambda: own.sql("SELECT 1 FROM issuance_request WHERE state = 'pending'"), 10, "the request is in its row")
    gateway = own.running.pop(GATEWAY)
    gateway.process.send_signal(signal.SIGTERM)

    def refuses():
        try:
            socket.create_connection(("127.0.0.1", own.port), timeout=5).close()
            return False
        except ConnectionResetError:  # in the listener's queue at the moment it closed
            return False
        except ConnectionRefusedError:
            return True
    wait_for(refuses, 10, "the gateway accepts nobody any more")
    own.spawn("chancery-signer")
    waiting.join(30)
    assert public(cert(answer[0])) == public(key)
    assert gateway.process.wait(30) == 0
    own.spawn(GATEWAY)
    own.wait_ready()


def test_two_gateways_share_one_truth(own, device):
    port = free_port()
    other = own.write_config(own.path("second.yaml"), {"enroll": {"port": port}})
    own.spawn(GATEWAY, 2, other)
    own.wait_logged(GATEWAY + "-2", "event=front.listening")
    with own.client(*device.files, port=port) as second:
        cert(post(device.client, device.csr()))
        cert(post(second, device.csr()))
        own.admin("cert", "revoke", "%032x" % device.certificate.serial_number)
        assert post(device.client, device.csr()).status == 403
        assert post(second, device.csr()).status == 403  # all that live know of it before the answer
    assert own.stop_program(GATEWAY + "-2") == 0


def test_another_program_on_its_port_is_told(own):
    again = own.spawn(GATEWAY, 3)
    own.wait_logged(GATEWAY + "-3", "cannot listen on 127.0.0.1 port %d" % own.port)
    own.running.pop(GATEWAY + "-3")
    assert again.stop() == 0
