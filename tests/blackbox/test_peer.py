"""Who is let in: acme/CHECKS.md 154 to 158 and est/CHECKS.md 47 to 50 at the gateway's own door. lib/http's handshake has its own tests;
here it is the database that knows whose certificate is ours."""

import datetime
import os
import ssl
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from est import Device, cert, path, post  # noqa: E402
from instance import Instance, new_key, pem_key  # noqa: E402
from pgcluster import wait_for  # noqa: E402

SERVER_ONLY = {"name": "server-only", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"], "lifetime": "1h",
               "key_usage": ["digitalSignature"], "extended_key_usage": ["serverAuth"], "names": {"types": ["dns"]}}


@pytest.fixture(scope="module")
def ca():
    with Instance(profiles=[SERVER_ONLY], programs=("chancery-gateway", "chancery-admin")) as instance:
        yield instance


def refused_with(client, alert):
    """The handshake, or what TLS 1.3 lets follow it, ends with this alert."""
    with pytest.raises(OSError) as e:
        with client as c:
            c.request("GET", path("cacerts"))
    assert alert in str(e.value).lower().replace("_", " "), e.value


def without_triggers(ca, text, *args):
    """As nobody but a superuser could: certificate rows are append-only."""
    conn = ca.pg.connect("chancery", ca.pg.superuser)
    with conn.cursor() as cur:
        cur.execute("SET session_replication_role = replica")
        cur.execute(text, args)
        assert cur.rowcount == 1
    conn.close()


def test_acme_154_no_certificate(ca):
    refused_with(ca.client(), "certificate required")


def test_acme_154_tls_12_is_refused(ca):
    d = Device(ca)
    d.client.context.minimum_version = ssl.TLSVersion.TLSv1_2
    d.client.context.maximum_version = ssl.TLSVersion.TLSv1_2
    refused_with(d.client, "protocol version")


def test_acme_154_a_certificate_of_a_foreign_ca(ca, tmp_path):
    """Same names throughout, another key above it."""
    with open(ca.issuing, "rb") as f:
        issuer = x509.load_pem_x509_certificate(f.read())
    key, ca_key, now = new_key(), new_key(), datetime.datetime.utcnow()
    leaf = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")]))
            .issuer_name(issuer.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False).sign(ca_key, hashes.SHA256()))
    (tmp_path / "k").write_text(pem_key(key))
    (tmp_path / "c").write_bytes(leaf.public_bytes(Encoding.PEM))
    with pytest.raises(OSError):
        with ca.client(str(tmp_path / "k"), str(tmp_path / "c")) as c:
            c.request("GET", path("cacerts"))


def test_acme_154_no_client_auth_usage(ca):
    name = "server-only-1"
    ca.add_identity(name, "device", ["server-only=dns:s.example.org"])
    with pytest.raises(OSError):
        with ca.client(*ca.issue(name, "server-only", ["dns:s.example.org"])) as c:
            c.request("GET", path("cacerts"))


def test_est_047_a_certificate_that_is_not_recorded_is_unknown(ca):
    """The chain is perfect; but nobody here remembers making it."""
    d = Device(ca)
    without_triggers(ca, "DELETE FROM certificate WHERE serial = %s", d.certificate.serial_number.to_bytes(16, "big"))
    refused_with(d.client, "certificate unknown")


def test_est_049_the_recorded_certificate_is_compared_as_der(ca):
    d, other = Device(ca), Device(ca)
    without_triggers(ca, "UPDATE certificate SET der = %s WHERE serial = %s", other.certificate.public_bytes(Encoding.DER),
                     d.certificate.serial_number.to_bytes(16, "big"))
    refused_with(d.client, "certificate unknown")


def test_acme_154_revoked_before_the_first_connection(ca):
    d = Device(ca)
    ca.admin("cert", "revoke", "%032x" % d.certificate.serial_number)
    refused_with(d.client, "certificate revoked")


def test_acme_154_revoked_behind_the_gateways_back(ca):
    """By SQL, without a bell: the poll finds it within moments, on the open connection too."""
    d = Device(ca)
    assert d.client.request("GET", path("cacerts")).status == 200
    ca.sql("SELECT outcome FROM certificate_revoke(%s, 1::smallint, 'test', 'test')", d.certificate.serial_number.to_bytes(16, "big"))
    wait_for(lambda: d.client.sock is None or d.client.request("GET", path("cacerts")).status == 403, 5, "the connection is refused")
    refused_with(ca.client(*d.files), "certificate revoked")


def test_est_072_a_refused_connection_is_closed(ca):
    d = Device(ca)
    assert d.client.request("GET", path("cacerts")).status == 200
    ca.admin("identity", "block", d.name)
    r = d.client.request("GET", path("cacerts"))
    assert r.status == 403 and r.text.startswith("identity-blocked: ")
    assert d.client.at_end()


def test_acme_155_nothing_is_resumed(ca):
    d = Device(ca)
    d.client.connect()
    d.client.request("GET", path("cacerts"))
    session = d.client.sock.session
    assert session is None or not session.has_ticket
    d.close()


def test_each_refused_handshake_is_logged_with_its_reason(ca):
    d = Device(ca)
    ca.admin("cert", "revoke", "%032x" % d.certificate.serial_number)
    before = len(ca.log_lines("chancery-gateway"))
    refused_with(d.client, "certificate revoked")
    wait_for(lambda: [x for x in ca.log_lines("chancery-gateway")[before:] if "revoked" in x and "event=tls.refused" in x], 5,
             "a line about the refused handshake")


def test_a_retired_operator_cannot_even_read(ca):
    files = ca.add_operator("second-operator", "auditor")
    with ca.client(*files, port=ca.admin_port) as c:
        assert c.request("GET", "/admin/v1/identities").status == 200
        ca.admin("offboard", "second-operator")
        assert c.request("GET", "/admin/v1/identities").status == 403


def test_without_news_of_revocations_nobody_is_judged():
    """Cutting the gateway off from its database does not keep a revoked client alive for long."""
    with Instance(programs=("chancery-gateway", "chancery-admin")) as own:
        d = Device(own)
        cert(post(d.client, d.csr()))
        own.pg.stop()
        assert d.client.request("GET", path("cacerts")).status == 200  # a short outage is none

        def refused():
            r = d.client.request("GET", path("cacerts"))
            return r if r.status != 200 else None
        r = wait_for(refused, 45, "the gateway stops judging")
        assert r.status == 503 and int(r.header("Retry-After")) > 0
        own.pg.start()

        def welcome():
            try:
                with own.client(*d.files) as c:
                    return c.request("GET", path("cacerts")).status == 200
            except OSError:
                return False
        wait_for(welcome, 30, "the gateway judges again")
