"""Hundreds of issuers, retired ones among them: every program starts, serves all of them, and takes up those that come while it runs.
No fixed number of places anywhere."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from httpclient import Client  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402

COPY = """INSERT INTO issuer (name, kind, state, parent, der, subject, key_id, spki_hash, key_label, not_after)
    SELECT %s || g, kind, %s, parent, der, subject, key_id, sha256(convert_to(%s || g, 'UTF8')), key_label, not_after
    FROM issuer, generate_series(%s, %s) g WHERE name = %s"""


# The same key and name, so the same CRL is theirs.
COPY_CRL = """WITH p AS (
        INSERT INTO crl_part (issuer, number, part, octets) SELECT i.id, c.number, c.part, c.octets
        FROM issuer i, crl_part c JOIN issuer o ON o.id = c.issuer WHERE i.name LIKE %s AND o.name = %s RETURNING issuer, number)
    INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest)
    SELECT i.id, 0, c.number, c.this_update, c.next_update, c.entries, c.octets, c.digest
    FROM p JOIN issuer i ON i.id = p.issuer, crl c JOIN issuer o ON o.id = c.issuer WHERE o.name = %s AND c.number = p.number"""


def copies(ca, prefix, of, state, first, last):
    ca.sql(COPY, prefix, state, prefix, first, last, of)


@pytest.fixture(scope="module")
def crowded():
    with Instance() as instance:
        copies(instance, "old-", "issuing-1", "retired", 1, 200)
        copies(instance, "root-", "root", "active", 1, 40)
        instance.sql(COPY_CRL, "root-%", "root", "root")
        yield instance


def status_of(ca, path):
    with Client("127.0.0.1", ca.public_port) as c:
        return c.request("GET", path).status


def certificates(ca, path):
    with Client("127.0.0.1", ca.public_port) as c:
        return c.request("GET", path).body.count(b"BEGIN CERTIFICATE")


def test_issuers_that_come_while_it_runs_are_served(crowded):
    for path in ("/ca/old-1.cer", "/ca/old-200.pem", "/ca/root-40.cer"):
        wait_for(lambda p=path: status_of(crowded, p) == 200, 20, path)
    wait_for(lambda: certificates(crowded, "/ca/bundle.pem") == 242, 20, "all are in the bundle")
    assert status_of(crowded, "/ca/old-201.cer") == 404


def test_every_program_starts_among_hundreds_of_issuers(crowded):
    for key in list(crowded.running):
        crowded.restart(key)
    crowded.wait_ready()
    assert status_of(crowded, "/ready") == 200
    assert status_of(crowded, "/ca/old-200.cer") == 200 and status_of(crowded, "/ca/root-40.pem") == 200
    crowded.add_identity("printer", "device", ["device=dns:printer.example.org"])
    crowded.issue("printer", "device", ["dns:printer.example.org"])
    with crowded.operator(crowded.port) as c:
        assert len(c.request("GET", "/.well-known/est/cacerts").body) > 200 * 300


def test_issuers_come_and_go_without_end(crowded):
    """The gateway takes a changed set up each time; it kept 64 once and then asked for a restart."""
    for number in range(100):
        copies(crowded, "round-", "issuing-1", "retired", number, number)
        if number % 10 == 9:
            crowded.sql("SELECT pg_notify('chancery_state', '')")
    wait_for(lambda: status_of(crowded, "/ca/round-99.cer") == 200, 20, "the last one is served")
    with crowded.operator(crowded.port) as c:
        before = len(c.request("GET", "/.well-known/est/cacerts").body)
    assert before > 300 * 300
    assert not [line for line in crowded.log_lines("chancery-gateway") if "restart the gateway" in line]


def limited_to(ca, profiles):
    """What `ca-admin issuer import --profile` sets, changed while everything runs."""
    ca.sql("UPDATE issuer SET profiles = %s WHERE name = 'issuing-1'", profiles)


def tried(ca, name, profile):
    try:
        ca.issue(name, profile, ["dns:%s.example.org" % name])
        return None
    except AssertionError as e:
        return str(e)


def test_an_issuing_ca_certifies_under_the_profiles_it_is_limited_to(crowded):
    for profile in ("device", "workload"):
        crowded.add_identity("for-" + profile, profile, ["%s=dns:for-%s.example.org" % (profile, profile)])
    limited_to(crowded, ["device", "gateway-tls", "ocsp-responder", "operator"])
    wait_for(lambda: "issuer-not-allowed" in (tried(crowded, "for-workload", "workload") or ""), 20, "the gateway refuses")
    assert tried(crowded, "for-device", "device") is None
    listed = crowded.admin("issuer", "list")
    assert [i["profiles"] for i in listed if i["name"] == "issuing-1"] == [["device", "gateway-tls", "ocsp-responder", "operator"]]
    limited_to(crowded, None)
    wait_for(lambda: tried(crowded, "for-workload", "workload") is None, 20, "and certifies again")
