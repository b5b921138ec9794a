"""Who was refused, by which listener and protocol, is in the audit with the reason, whether or not a row was made; and no client can
fill the audit by it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import admin  # noqa: E402
from acme_client import AccountKey, AcmeClient  # noqa: E402
from admin import load_cert, serial_of  # noqa: E402
from est import path, post  # noqa: E402
from instance import Instance, make_csr, new_key, pem_key  # noqa: E402
from pgcluster import wait_for  # noqa: E402

BRIEF = {"name": "brief", "requesters": ["device"], "protocols": ["admin"], "keys": ["p256"], "lifetime": "10s", "key_usage": ["digitalSignature"],
         "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}
NO_CLIENT = dict(BRIEF, name="no-client", lifetime="1h", extended_key_usage=["serverAuth"])


@pytest.fixture(scope="module")
def ca():
    with Instance(profiles=[BRIEF, NO_CLIENT]) as instance:
        admin.describe(instance)
        yield instance


def device(ca, name, profile="device"):
    ca.add_identity(name, "device", ["%s=dns:%s.example.org" % (profile, name)])
    return ca.issue(name, profile, ["dns:%s.example.org" % name])


def tries(ca, files, port=None):
    """Refused in the handshake."""
    with pytest.raises(OSError), ca.client(*files, port=port) as c:
        c.request("GET", path("cacerts"))


def events(ca, operation, actor, role="chancery_gateway"):
    """Object and detail of the refusals the audit has of it."""
    return ca.sql("SELECT object, detail FROM chancery.audit_event WHERE operation = %s AND actor = %s AND outcome = 'refused' AND role = %s "
                  "ORDER BY id", operation, actor, role)


def told(ca, operation, actor, reason, role="chancery_gateway"):
    """The one event."""
    found, = wait_for(lambda: events(ca, operation, actor, role), 20, "the audit has the refusal")
    assert reason in found[1]["reason"] and found[1]["peer"] == "127.0.0.1" and found[1]["count"] >= 1, found
    return found


def test_a_revoked_certificate(ca):
    files = device(ca, "revoked")
    ca.admin("cert", "revoke", serial_of(files[1]))
    tries(ca, files)
    assert told(ca, "tls.handshake", "revoked", "is revoked")[0] == serial_of(files[1])


def test_a_blocked_identity_in_the_handshake_and_in_the_middle_of_a_connection(ca):
    files = device(ca, "blocked")
    with ca.client(*files) as c:
        assert c.request("GET", path("cacerts")).status == 200
        ca.admin("identity", "block", "blocked")
        assert c.request("GET", path("cacerts")).status == 403
    tries(ca, files)
    told(ca, "est.cacerts", "blocked", "is blocked")
    told(ca, "tls.handshake", "blocked", "is blocked")


def test_an_expired_certificate_that_this_program_has_never_seen(ca):
    files = device(ca, "expired", "brief")
    end = load_cert(files[1]).not_valid_after
    wait_for(lambda: ca.sql("SELECT now() AT TIME ZONE 'UTC' > %s::timestamp + interval '1 second'", end)[0][0], 30, "it has ended")
    tries(ca, files)
    assert told(ca, "tls.handshake", "expired", "has expired")[0] == serial_of(files[1])


def test_a_certificate_that_is_not_for_clients(ca):
    tries(ca, device(ca, "no-client", "no-client"))
    told(ca, "tls.handshake", "no-client", "client authentication")


def test_a_certificate_of_ours_that_is_not_recorded(ca):
    files = device(ca, "forgotten")
    conn = ca.pg.connect("chancery", ca.pg.superuser)
    with conn.cursor() as cur:
        cur.execute("SET session_replication_role = replica; DELETE FROM chancery.certificate WHERE serial = decode(%s, 'hex')",
                    (serial_of(files[1]),))
    conn.close()
    tries(ca, files)
    assert told(ca, "tls.handshake", "", "not recorded")[0] == serial_of(files[1])


def test_a_device_at_the_operators_door(ca):
    tries(ca, device(ca, "curious"), ca.admin_port)
    told(ca, "tls.handshake", "curious", "is no operator", "chancery_admin")


def test_an_enrollment_and_an_order_without_a_row(ca):
    files = device(ca, "greedy")
    with ca.client(*files) as c:
        assert post(c, make_csr(new_key(), None, ["dns:other.example.org"])).status == 403
        assert post(c, None, body=b"nonsense").status == 400
        assert c.request("GET", "/nowhere").status == 404
    found = wait_for(lambda: len(events(ca, "est.simpleenroll", "greedy")) == 2 and events(ca, "est.simpleenroll", "greedy"), 20, "both are told")
    assert len([e for e in found if "other.example.org" in e[1]["reason"]]) == 1
    told(ca, "http.request", "greedy", "nothing at this path")
    ca.add_identity("web", "workload", ["workload=dns:web.example.org"])
    with AcmeClient(ca, *ca.issue("web", "workload", ["dns:web.example.org"]), account_key=AccountKey.new("ES256")) as client:
        client.register()
        assert client.refused(client.url("new-order"), {"identifiers": [{"type": "dns", "value": "a..b"}]})
    assert "acme.newOrder" in [r[0] for r in wait_for(lambda: ca.sql(
        "SELECT operation FROM chancery.audit_event WHERE actor = 'web' AND outcome = 'refused'"), 20, "it is told")]


def test_the_same_again_is_counted(ca):
    files = device(ca, "stubborn")
    with ca.client(*files) as c:
        for _ in range(40):
            assert c.request("POST", path("simpleenroll"), b"", "text/plain").status == 415
    told(ca, "est.simpleenroll", "stubborn", "")
    ca.stop_program("chancery-gateway")  # what has been noted is recorded
    counts = [e[1]["count"] for e in events(ca, "est.simpleenroll", "stubborn")]
    ca.spawn("chancery-gateway")
    ca.wait_ready()
    assert sum(counts) == 40 and len(counts) <= 2


def test_one_client_makes_few_events_whatever_it_thinks_of(ca):
    files = device(ca, "inventive")
    with ca.client(*files) as c:
        for n in range(150):
            assert post(c, make_csr(new_key(), None, ["dns:a.example.org"]), label="label-%d" % n).status == 404
    wait_for(lambda: events(ca, "http.refusals", ""), 20, "the rest is counted in one")
    assert len(events(ca, "est.simpleenroll", "inventive")) <= 60
    other = device(ca, "bystander")
    with ca.client(*other) as c:
        assert post(c, None, body=b"nonsense").status == 400
    told(ca, "est.simpleenroll", "bystander", "")


def test_strangers_are_in_the_log_only(ca):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID
    import datetime
    key, mine = new_key(), load_cert(device(ca, "copied")[1])
    forged = (x509.CertificateBuilder().subject_name(mine.subject).issuer_name(mine.issuer).public_key(key.public_key())
              .serial_number(mine.serial_number).not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2021, 1, 1))
              .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False).sign(key, hashes.SHA256()))
    before = ca.sql("SELECT max(id) FROM chancery.audit_event")
    base = ca.path("forged")
    with open(base + ".key", "w") as f:
        f.write(pem_key(key))
    with open(base + ".pem", "wb") as f:
        f.write(forged.public_bytes(serialization.Encoding.PEM))
    seen = len(ca.log_lines("chancery-gateway"))
    tries(ca, (base + ".key", base + ".pem"))
    tries(ca, (None, None))
    wait_for(lambda: len([line for line in ca.log_lines("chancery-gateway")[seen:] if "event=tls.refused" in line]) == 2, 10, "both are logged")
    ca.stop_program("chancery-gateway")
    ca.spawn("chancery-gateway")
    ca.wait_ready()
    assert [r for r in ca.sql("SELECT operation, actor, detail FROM chancery.audit_event WHERE id > %s AND outcome = 'refused'", before[0][0])] == []
