"""The signer from the queue to the certificate, against a real token and a real PostgreSQL: what it issues, and above all
what it refuses although a gateway wrote it into the queue."""

import datetime
import signal
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import Cluster, Site, new_spki, rsa_spki, spki_of, wait_for


def verify(site, certificate):
    site.world.write("leaf.pem", certificate.public_bytes(serialization.Encoding.PEM))
    return subprocess.run(["openssl", "verify", "-CAfile", site.world.path("root.pem"), "-untrusted", site.world.path("issuing.pem"),
                           site.world.path("leaf.pem")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def test_request_becomes_a_certificate(site):
    issuer = site.import_issuers()
    who = site.identity("printer-1", grants=["dns:*.example.org", "ip:10.1.0.0/16"])
    spki = new_spki()
    request = site.request(who, ["dns:p1.example.org", "ip:10.1.2.3"], spki=spki)
    signer = site.start()
    state, serial, _, reason = site.wait(request)
    assert state == "done", reason
    cert = site.certificate(serial)
    assert cert.serial_number.to_bytes(16, "big") == serial
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["p1.example.org"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.1.2.3"]
    life = cert.not_valid_after - cert.not_valid_before
    assert datetime.timedelta(days=30) <= life <= datetime.timedelta(days=30, minutes=11)
    checked = verify(site, cert)
    assert checked.returncode == 0, checked.stdout
    row = site.sql("chancery_gateway", "SELECT issuer, identity, request, profile, spki_hash = sha256(%s) FROM certificate WHERE serial = %s",
                   spki, serial)[0]
    assert row == (issuer, who, request, "device", True)
    assert site.value("chancery_admin", "SELECT outcome FROM audit_event WHERE object = %s", serial.hex()) == "ok"
    signer.wait_for('"serial":"%s"' % serial.hex())
    assert signer.stop() == 0


def order(site, identity, account, names, profile="workload", valid=True):
    """An ACME order as the gateway makes it; its only authorization proven by the validator if valid."""
    site.sql("chancery_gateway", "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES (%s, %s, sha256(%s::bytea), '{}')",
             account, identity, account)
    zs = []
    for i, name in enumerate(names):
        z = "%s-z%d" % (account, i)
        zs.append(z)
        site.sql("chancery_gateway", "INSERT INTO acme_authorization (id, account, identifier, expires) VALUES (%s, %s, %s, now() + '1 hour')",
                 z, account, name)
        site.sql("chancery_gateway", "INSERT INTO acme_challenge (id, \"authorization\", type, token) VALUES (%s, %s, 'http-01', 't')",
                 z + "-c", z)
        if valid:
            site.sql("chancery_owner", "UPDATE acme_challenge SET status = 'processing' WHERE id = %s", z + "-c")
            site.sql("chancery_validator", "UPDATE acme_challenge SET status = 'valid', validated_at = now() WHERE id = %s", z + "-c")
    site.sql("chancery_gateway", "INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires) VALUES "
             "(%s, %s, %s, %s, false, %s, now() + '1 hour')", account + "-o", account, profile, names, zs)
    return account + "-o"


def finalize(site, identity, order_id, names, profile="workload", **more):
    request = site.request(identity, names, profile=profile, protocol="acme", acme_order=order_id, **more)
    site.sql("chancery_gateway", "UPDATE acme_order SET request = %s WHERE id = %s", request, order_id)
    return request


def test_proven_order_needs_no_grant(site):
    site.import_issuers()
    who = site.identity("web-1", kind="workload")
    request = finalize(site, who, order(site, who, "a1", ["dns:w.example.org"]), ["dns:w.example.org"])
    site.start()
    assert site.wait(request)[0] == "done", site.result(request)


def refused_blocked(site):
    who = site.identity("d", grants=["dns:*.example.org"])
    request = site.request(who, ["dns:a.example.org"])
    site.sql("chancery_admin", "SELECT identity_set_state('d', 'blocked', 'test', 'r')")
    return request


def refused_name(site):
    return site.request(site.identity("d", grants=["dns:*.example.org"]), ["dns:a.example.org", "dns:a.example.net"])


def refused_grant_of_other_profile(site):
    return site.request(site.identity("d", grants=["dns:*.example.org"], profile="workload"), ["dns:a.example.org"])


def refused_key_type(site):
    text = site.world.read("profiles.yaml").decode()
    site.world.write("profiles.yaml", text.replace("keys: [p256, p384, ed25519, rsa]", "keys: [p256]"))
    return site.request(site.identity("d"), spki=ec_spki(ec.SECP384R1()))


def refused_explicit_curve(site):
    return site.request(site.identity("d"), spki=ec_spki(ec.SECP521R1()))


def refused_outside_constraints(site):
    """Granted, permitted by the profile, and yet no relying party would accept it from this CA."""
    return site.request(site.identity("d", grants=["dns:**.example.org"]), ["dns:a.secret.example.org"])


def refused_small_rsa(site):
    return site.request(site.identity("d"), spki=rsa_spki(1024))


def refused_garbage_key(site):
    return site.request(site.identity("d"), spki=new_spki() + b"\0")


def refused_garbage_name(site):
    return site.request(site.identity("d", grants=["dns:**.example.org"]), ["dns:a b.example.org"])


def refused_protocol(site):
    return site.request(site.identity("d"), protocol="internal")


def refused_acme_without_order(site):
    return site.request(site.identity("w", kind="workload", grants=["dns:*.example.org"], profile="workload"), ["dns:a.example.org"],
                        profile="workload", protocol="acme")


def refused_foreign_order(site):
    owner, thief = site.identity("owner", kind="workload"), site.identity("thief", kind="workload")
    return finalize(site, thief, order(site, owner, "a1", ["dns:w.example.org"]), ["dns:w.example.org"])


def refused_unproven_order(site):
    who = site.identity("w", kind="workload")
    return finalize(site, who, order(site, who, "a1", ["dns:w.example.org"], valid=False), ["dns:w.example.org"])


def refused_order_with_other_names(site):
    who = site.identity("w", kind="workload")
    return finalize(site, who, order(site, who, "a1", ["dns:w.example.org"]), ["dns:v.example.org"])


def refused_order_of_closed_account(site):
    who = site.identity("w", kind="workload")
    request = finalize(site, who, order(site, who, "a1", ["dns:w.example.org"]), ["dns:w.example.org"])
    site.sql("chancery_gateway", "SELECT acme_account_move('a1', 'valid', 'deactivated')")
    return request


def refused_kind(site):
    return site.request(site.identity("o", kind="operator"))


def refused_profile(site):
    return site.request(site.identity("d"), profile="nonsense")


def refused_lifetime(site):
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=400)
    return site.request(site.identity("d"), not_after=later)


def ec_spki(curve):
    return spki_of(ec.generate_private_key(curve))


REFUSALS = [
    (refused_blocked, "identity-blocked", "blocked"),
    (refused_name, "name-not-allowed", "a.example.net"),
    (refused_grant_of_other_profile, "name-not-allowed", "a.example.org"),
    (refused_key_type, "bad-key", "p384"),
    (refused_explicit_curve, "bad-key", ""),
    (refused_outside_constraints, "name-not-allowed", "constrained"),
    (refused_small_rsa, "bad-key", ""),
    (refused_garbage_key, "bad-key", ""),
    (refused_garbage_name, "bad-name", ""),
    (refused_protocol, "protocol-not-allowed", "internal"),
    (refused_acme_without_order, "order-not-usable", "order"),
    (refused_foreign_order, "order-not-usable", "thief"),
    (refused_unproven_order, "name-not-allowed", "w.example.org"),
    (refused_order_with_other_names, "order-not-usable", "w"),
    (refused_order_of_closed_account, "order-not-usable", "w"),
    (refused_kind, "requester-not-allowed", "operator"),
    (refused_profile, "unknown-profile", "nonsense"),
    (refused_lifetime, "bad-validity", "lifetime"),
]


@pytest.mark.parametrize("make, word, words", REFUSALS, ids=[r[0].__name__ for r in REFUSALS])
def test_signer_refuses(site, make, word, words):
    site.import_issuers()
    request = make(site)
    site.start()
    state, serial, got, reason = site.wait(request)
    assert (state, serial, got) == ("refused", None, word), reason
    assert words in reason
    assert site.value("chancery_gateway", "SELECT count(*) FROM certificate") == 0
    assert site.value("chancery_admin", "SELECT count(*) FROM audit_event WHERE operation = 'certificate.issue' AND outcome = 'refused'") == 1


def test_revoked_predecessor_is_refused_and_a_live_one_is_not(site):
    site.import_issuers()
    who, other = site.identity("d"), site.identity("e")
    site.start()
    first = site.wait(site.request(who))[1]
    assert site.wait(site.request(who, renewed_from=first))[0] == "done"
    assert site.wait(site.request(other, renewed_from=first))[2] == "certificate-revoked"
    site.sql("chancery_admin", "SELECT outcome FROM certificate_revoke(%s, 1::smallint, 'test', 'r')", first)
    assert site.wait(site.request(who, renewed_from=first))[2] == "certificate-revoked"


def test_two_signers_share_a_queue(site):
    site.configure(batch=4)
    site.import_issuers()
    who = site.identity("d")
    a, b = site.start(1), site.start(2)
    requests = [site.request(who) for _ in range(120)]
    for r in requests:
        assert site.wait(r)[0] == "done"
    assert site.value("chancery_gateway", "SELECT count(*) FROM certificate") == 120
    assert site.value("chancery_gateway", "SELECT count(DISTINCT serial) FROM certificate") == 120
    logged = [s.text().count('"event":"certificate.issue"') for s in (a, b)]
    assert sum(logged) == 120 and min(logged) > 0, logged
    assert a.stop() == 0 and b.stop() == 0


def test_killed_signer_loses_nothing(site):
    site.import_issuers()
    who = site.identity("d")
    spki = new_spki()
    site.sql("chancery_gateway", "INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki) "
             "SELECT 'est', 'r' || n, %s, 'device', '{}', %s FROM generate_series(1, 2000) n", who, spki)
    done = lambda: site.value("chancery_gateway", "SELECT count(*) FROM issuance_request WHERE state = 'done'")
    for _ in range(4):
        before = done()
        s = site.start()
        wait_for(lambda: done() > before, 20, "the signer works")
        s.process.send_signal(signal.SIGKILL)
        s.process.wait(20)
        assert done() < 2000, "killed too late to prove anything"
    site.start()
    wait_for(lambda: done() == 2000, 60, "all requests are done")
    assert site.value("chancery_gateway", "SELECT count(*) FROM certificate") == 2000
    assert site.value("chancery_gateway", "SELECT count(*) FROM certificate c JOIN issuance_request r ON r.id = c.request AND r.serial = c.serial") == 2000


def test_self_signed_issuer_is_refused(site):
    site.import_issuer("issuing-1", site.world.certificate("root.pem"), "issuing", None, "issuing-1")
    root = site.import_issuer("elsewhere", site.world.certificate("issuing.pem"), "root")
    site.sql("chancery_owner", "UPDATE issuer SET parent = %s WHERE name = 'issuing-1'", root)
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "self-signed" in s.text() and "ca-ceremony" in s.text()


def make_second_issuing(world, days=None, key="issuing-2"):
    """Another issuing CA in the same token; days in the sign plan if given."""
    for name in ("request", "sign"):
        world.edit(name + ".yaml", "issuing-1" if name == "request" else "Test Issuing 1", key if name == "request" else "Test Issuing 2")
        world.edit(name + ".yaml", "issuing.csr", "second.csr")
        world.edit(name + ".yaml", name + ".evidence.json", "second-%s.evidence.json" % name)
    world.edit("request.yaml", "Test Issuing 1", "Test Issuing 2")
    world.edit("sign.yaml", "issuing.pem", "second.pem")
    world.must("request", "request.yaml")
    world.must("sign", "sign.yaml")
    return world.certificate("second.pem")


def test_certificate_of_another_key_is_refused(site):
    second = make_second_issuing(site.world)
    root = site.import_issuer("root", site.world.certificate("root.pem"), "root")
    site.import_issuer("issuing-1", second, "issuing", root, "issuing-1")
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "key-mismatch" in s.text() and "issuing-1" in s.text()


def test_signer_waits_for_the_import(site):
    s = site.start(wait=False)
    s.wait_for("issuer import")
    site.import_issuers()
    s.wait_for('"event":"ready"')
    assert s.stop() == 0


def test_profiles_are_reloaded_and_a_broken_file_changes_nothing(site):
    site.import_issuers()
    s = site.start()
    who = site.identity("d", grants=["dns:*.example.org"], profile="appliance")
    ask = lambda: site.wait(site.request(who, ["dns:a.example.org"], profile="appliance"))[0]
    assert ask() == "refused"
    text = site.world.read("profiles.yaml").decode()
    renamed = text.replace("name: device", "name: appliance")
    site.world.write("profiles.yaml", renamed)
    s.process.send_signal(signal.SIGHUP)
    wait_for(lambda: ask() == "done", 20, "the new profile is used")
    site.world.write("profiles.yaml", renamed + "nonsense: 1\n")
    s.process.send_signal(signal.SIGHUP)
    s.wait_for("nonsense")
    assert ask() == "done"
    assert s.stop() == 0


def test_partitions_reach_as_far_as_the_longest_profile(site):
    site.import_issuers()
    s = site.start()

    def ahead():
        """Months from now to the last partition's."""
        last = site.sql("chancery_gateway", "SELECT max(substr(relname, 13)) FROM pg_class WHERE relname ~ '^certificate_2[0-9_]+$'")
        months = site.sql("chancery_gateway", "SELECT (left(%s, 4)::int * 12 + right(%s, 2)::int) - "
                                              "(extract(year FROM now()) * 12 + extract(month FROM now()))::int", last[0][0], last[0][0])
        return int(months[0][0])
    wait_for(lambda: ahead() >= 3, 20, "partitions for certificates of 30 days")
    assert ahead() == 3
    text = site.world.read("profiles.yaml").decode()
    site.world.write("profiles.yaml", text.replace("lifetime: 30d", "lifetime: 200d"))
    s.process.send_signal(signal.SIGHUP)
    wait_for(lambda: ahead() >= 9, 20, "partitions for certificates of 200 days")
    assert ahead() == 9
    site.world.write("profiles.yaml", text.replace("lifetime: 30d", "lifetime: 3000d"))
    s.process.send_signal(signal.SIGHUP)
    wait_for(lambda: ahead() >= 14, 20, "not more than for 14 months")
    assert ahead() == 14
    assert s.stop() == 0


def test_node_row_tells_the_token(site):
    site.import_issuers()
    s = site.start()
    row = wait_for(lambda: site.sql("chancery_gateway", "SELECT state, detail FROM node WHERE program = 'chancery-signer'"), 20, "a node row")
    wait_for(lambda: site.sql("chancery_gateway", "SELECT 1 FROM node WHERE detail->'hsm'->>'token' = 'test-issuing'"), 20, "the token in it")
    assert row[0][0] in ("ready", "degraded")
    assert s.stop() == 0


def crl_text(site):
    site.world.write("now.crl", bytes(site.crl()[4]))
    chain = site.world.read("issuing.pem") + site.world.read("root.pem")
    site.world.write("chain.pem", chain)
    out = subprocess.run(["openssl", "crl", "-inform", "DER", "-in", site.world.path("now.crl"), "-CAfile", site.world.path("chain.pem"), "-noout",
                          "-text"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    assert "verify OK" in out, out
    return out


def test_crl_follows_a_revocation(site):
    site.import_issuers()
    who = site.identity("d")
    site.start()
    first = wait_for(site.crl, 20, "a first CRL although nothing is revoked")
    assert "No Revoked Certificates" in crl_text(site)
    assert (first[2] - first[1]).total_seconds() == 24 * 3600 - 1
    serial = site.wait(site.request(who))[1]
    site.sql("chancery_admin", "SELECT outcome FROM certificate_revoke(%s, 1::smallint, 'test', 'r')", serial)
    second = wait_for(lambda: site.crl()[0] > first[0] and site.crl(), 20, "the next CRL")
    assert second[3] == 1
    crl = x509.load_der_x509_crl(bytes(second[4]))
    entry = crl.get_revoked_certificate_by_serial_number(int.from_bytes(serial, "big"))
    assert entry.revocation_date <= crl.last_update
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert serial.hex().upper() in crl_text(site)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == second[0]


def test_crl_is_renewed_on_schedule_with_one_number_each(site):
    site.configure(crl_refresh="2s", crl_lifetime="1h")
    site.import_issuers()
    site.start(1), site.start(2)
    numbers = lambda: [r[0] for r in site.sql("chancery_status", "SELECT number FROM crl ORDER BY number")]
    wait_for(lambda: len(numbers()) >= 3, 30, "three CRLs by schedule")
    times = [r[0] for r in site.sql("chancery_status", "SELECT this_update FROM crl ORDER BY number")]
    assert all((b - a).total_seconds() >= 2 for a, b in zip(times, times[1:])), times


def test_signer_survives_a_database_restart(cluster, done):
    with Cluster() as own:
        site = Site(own, done)
        try:
            site.import_issuers()
            who = site.identity("d")
            s = site.start()
            own.restart()
            assert site.wait(site.request(who), 30)[0] == "done"
            assert s.process.poll() is None
            assert s.stop() == 0
        finally:
            site.close()
