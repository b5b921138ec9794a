"""Client certificates on ACME: acme/CHECKS.md 154 to 158."""

import json
import os
import ssl
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AcmeClient, identifiers, new_csr, split_chain  # noqa: E402
from acme_fixtures import lab, web  # noqa: E402,F401
from httpclient import Client  # noqa: E402
from pgcluster import wait_for  # noqa: E402


def serial_of(chain):
    with open(chain, "rb") as f:
        return "%032x" % split_chain(f.read())[0].serial_number


def refused(client):
    """The connection ends without an answer, or with a refusal."""
    try:
        response = client.request("GET", "/acme/directory")
    except (ssl.SSLError, ConnectionError):
        return "closed"
    return response.status


def test_acme_154_without_a_certificate_the_handshake_fails_legibly(lab):
    with pytest.raises(ssl.SSLError) as caught:
        with Client("localhost", lab.ca.port, trust=lab.ca.trust) as c:
            c.request("GET", "/acme/directory")
    assert "CERTIFICATE_REQUIRED" in str(caught.value).upper().replace(" ", "_")


def test_acme_154_tls_1_2_fails(lab, web):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(lab.ca.trust)
    context.load_cert_chain(web.tls[1], web.tls[0])
    c = Client("localhost", lab.ca.port, trust=lab.ca.trust)
    c.context = context
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with c:
            c.request("GET", "/acme/directory")


def test_acme_155_revoked_certificate_is_refused_on_an_open_connection(lab):
    client = lab.client()
    _, pem, _ = client.obtain([client.host])
    assert client.request("GET", client.url("directory")).status == 200
    kept = client.http
    lab.ca.admin("cert", "revoke", serial_of(client.tls[1]), "--reason", "superseded")
    assert refused(kept) in (401, 403, "closed")
    with client.ca.client(*client.tls) as fresh:
        pass
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with client.ca.client(*client.tls) as fresh:
            fresh.request("GET", "/acme/directory")
    assert split_chain(pem)


def test_acme_155_own_revocation_is_in_effect_at_once(lab):
    """The client revokes the very certificate it is connected with, where it came through ACME; one that did not is no business of ACME's."""
    from acme_client import b64
    from cryptography.hazmat.primitives.serialization import Encoding
    client = lab.client()
    with open(client.tls[1], "rb") as f:
        bootstrap = split_chain(f.read())[0]
    assert client.refused(client.url("revoke-cert"), {"certificate": b64(bootstrap.public_bytes(Encoding.DER))}).status == 403
    _, pem, key = client.obtain([client.host])
    issued = split_chain(pem if isinstance(pem, bytes) else pem.encode())[0]
    renewed = AcmeClient(lab.ca, *lab.ca.save(key, issued), account_key=client.key)
    renewed.register()  # the account there is
    assert renewed.ok(renewed.url("revoke-cert"), {"certificate": b64(issued.public_bytes(Encoding.DER))}).status == 200
    assert refused(renewed.http) in (401, 403, "closed")


def test_acme_156_account_of_another_identity_is_refused(lab, web):
    stranger = lab.client(register=False)
    order = web.new_order([web.host])
    thief = AcmeClient(lab.ca, *stranger.tls, account_key=web.key)  # the account key alone opens nothing
    with thief:
        thief.kid = web.kid
        for url, payload in ((web.kid, None), (order["url"], None), (order["finalize"], {"csr": new_csr([web.host])[0]}),
                             (web.url("new-order"), {"identifiers": identifiers([web.host])}), (web.kid, {"status": "deactivated"}),
                             (web.kid + "/orders", None), (web.url("key-change"), {})):
            problem = thief.refused(url, payload)
            assert (problem.status, problem.type) == (403, "unauthorized"), url
        for payload in ({}, {"onlyReturnExisting": True}):
            problem = thief.refused(web.url("new-account"), payload, use_jwk=True)
            assert (problem.status, problem.type) == (403, "unauthorized")
            assert problem.response.header("Location") is None
    assert web.fetch_order(order)["status"] == "ready"


def test_acme_156_renewed_certificate_of_the_same_identity_continues(lab, web):
    order = web.new_order([web.host])
    renewed = AcmeClient(lab.ca, *lab.ca.issue(web.name, "workload", [web.host]), account_key=web.key)
    with renewed:
        renewed.kid = web.kid
        assert renewed.finalize(order, new_csr([web.host])[0])["status"] == "valid"


def test_acme_157_certificate_from_acme_is_a_client_certificate(lab, web):
    _, pem, key = web.obtain([web.host])
    base = lab.ca.path("acme-157")
    from instance import pem_key
    with open(base + ".key", "w") as f:
        f.write(pem_key(key))
    with open(base + ".pem", "wb") as f:
        f.write(pem)
    renewed = AcmeClient(lab.ca, base + ".key", base + ".pem", account_key=web.key)
    with renewed:
        renewed.kid = web.kid
        assert renewed.obtain([web.host])[0]["status"] == "valid"


def test_acme_158_headers_never_name_an_identity(lab, web):
    stranger = lab.client(register=False)
    headers = ["X-Forwarded-Client-Cert: Subject=\"CN=%s\"" % web.name, "X-SSL-Client-CN: " + web.name, "X-Forwarded-For: 10.0.0.1"]
    body = json.dumps(AcmeClient.encode(dict(web.header(web.kid)), None, web.key)).encode()
    response = stranger.request("POST", web.kid, body, "application/jose+json", headers)
    web.nonce = None
    assert response.status == 403


def test_acme_offboarded_identity_loses_its_accounts_at_once(lab):
    client = lab.client()
    order = client.new_order([client.host])
    assert client.fetch(client.kid)["status"] == "valid"
    kept = client.http
    lab.ca.admin("offboard", client.name, "--yes") if needs_yes(lab) else lab.ca.admin("offboard", client.name)
    assert refused(kept) in (401, 403, "closed")
    rows = lab.ca.sql("SELECT status FROM chancery.acme_account WHERE id = %s", client.kid.rsplit("/", 1)[1], role=lab.ca.pg.superuser)
    assert rows == [("revoked",)]
    assert order["status"] == "ready"


def needs_yes(lab):
    return "--yes" in lab.ca.admin("offboard", "--help", check=False).stdout


def test_acme_identity_blocked_and_unblocked_continues(lab):
    client = lab.client()
    lab.ca.admin("identity", "block", client.name)
    assert refused(client.client()) in (401, 403, "closed")
    client.close()
    lab.ca.admin("identity", "unblock", client.name)

    def works():
        try:
            client.nonce = None
            return client.post(client.kid).status == 200
        except (ssl.SSLError, ConnectionError):
            client.close()
            return False
    wait_for(works, 5, "the identity is let in again")
