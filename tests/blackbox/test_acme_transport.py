"""ACME transport, methods and media types: acme/CHECKS.md 1 to 15, one test a line (several where a line says several things)."""

import json
import os
import ssl
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import JOSE, AcmeClient, b64, identifiers, new_csr, unb64  # noqa: E402
from acme_fixtures import issued, lab, resources, shared  # noqa: E402,F401


def test_acme_001_plain_http_serves_nothing_of_acme(lab):
    with lab.ca.public() as c:
        for path in ("/acme/directory", "/acme/new-nonce"):
            assert c.request("GET", path).status == 404


def test_acme_002_invalid_utf8_is_malformed(shared):
    header = shared.header(shared.url("new-order"))
    good = AcmeClient.encode(header, b'{"identifiers":[{"type":"dns","value":"\xff"}]}', shared.key)
    response = shared.send(shared.url("new-order"), good)
    assert response.status == 400 and b"malformed" in response.body
    response = shared.send(shared.url("new-order"), b'{"protected":"\xff","payload":"","signature":""}')
    assert response.status == 400 and b"malformed" in response.body
    bad = AcmeClient.encode(b'{"alg":"ES256\xff"}', None, shared.key)
    assert shared.send(shared.url("new-order"), bad).status == 400


SPOIL = [("padding", lambda t: t + "="), ("plus", lambda t: "+" + t[1:]), ("slash", lambda t: "/" + t[1:]), ("space", lambda t: t + " "),
         ("newline", lambda t: t[:4] + "\n" + t[4:]), ("length", lambda t: t[:len(t) - len(t) % 4] + "A"), ("stray bits", lambda t: "AB")]


@pytest.mark.parametrize("name,spoil", SPOIL, ids=[n for n, _ in SPOIL])
@pytest.mark.parametrize("member", ["protected", "payload", "signature"])
def test_acme_003_spoiled_base64url_in_the_jws_is_malformed(shared, member, name, spoil):
    jws = AcmeClient.encode(shared.header(shared.url("new-order")), {"identifiers": identifiers([shared.host])}, shared.key)
    jws[member] = spoil(jws[member])
    response = shared.send(shared.url("new-order"), jws)
    assert response.status == 400 and b"error:malformed" in response.body


@pytest.mark.parametrize("name,spoil", SPOIL, ids=[n for n, _ in SPOIL])
def test_acme_003_spoiled_base64url_of_a_csr_is_malformed(lab, shared, name, spoil):
    order = shared.new_order([shared.host])
    problem = shared.refused(order["finalize"], {"csr": spoil(new_csr([shared.host])[0])})
    assert problem.status == 400 and problem.type in ("malformed", "badCSR")
    assert shared.fetch_order(order)["status"] == "ready"


@pytest.mark.parametrize("name,spoil", SPOIL[:6], ids=[n for n, _ in SPOIL[:6]])
def test_acme_003_spoiled_base64url_of_a_certificate_is_malformed(issued, name, spoil):
    from cryptography.hazmat.primitives.serialization import Encoding
    from acme_client import split_chain
    der = b64(split_chain(issued.pem)[0].public_bytes(Encoding.DER))
    problem = issued.refused(issued.url("revoke-cert"), {"certificate": spoil(der)})
    assert (problem.status, problem.type) == (400, "malformed")


@pytest.mark.parametrize("name,spoil", SPOIL[:6], ids=[n for n, _ in SPOIL[:6]])
def test_acme_003_spoiled_base64url_of_a_nonce_is_malformed(shared, name, spoil):
    problem = shared.refused(shared.kid, changes={"nonce": spoil(shared.take_nonce())})
    assert (problem.status, problem.type) == (400, "malformed")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/jose", "application/jose+jsonx", None])
def test_acme_004_other_media_types_are_refused_with_415(shared, content_type):
    jws = AcmeClient.encode(shared.header(shared.kid), None, shared.key)
    response = shared.send(shared.kid, jws, content_type)
    assert response.status == 415 and b"error:malformed" in response.body


@pytest.mark.parametrize("content_type", [JOSE + "; charset=utf-8", JOSE + ";charset=UTF-8", "Application/JOSE+json"])
def test_acme_004_parameters_of_the_media_type_are_accepted(shared, content_type):
    jws = AcmeClient.encode(shared.header(shared.kid), None, shared.key)
    assert shared.send(shared.kid, jws, content_type).status == 200


def test_acme_005_get_on_other_resources_is_refused_with_405(issued):
    urls = [issued.url(p) for p in ("new-account", "new-order", "revoke-cert", "key-change")] + resources(issued) + [issued.valid["finalize"]]
    for url in urls:
        for method in ("GET", "PUT", "DELETE"):
            response = issued.request(method, url)
            assert response.status == 405, (method, url)
            assert response.header("Allow") == "POST"
            assert response.header("Content-Type") == "application/problem+json"
            assert json.loads(response.body)["type"].endswith(":malformed")


def test_acme_006_post_as_get_works_on_everything_that_can_be_fetched(issued):
    for url in resources(issued):
        assert issued.post(url).status == 200, url
    assert issued.post(issued.url("directory")).status == 200
    assert issued.post(issued.url("new-nonce")).status == 204


def test_acme_006_an_empty_object_is_not_post_as_get(issued):
    for url in (issued.valid["url"], issued.valid["certificate"], issued.kid + "/orders"):
        assert issued.refused(url, {}).type == "malformed"


def test_acme_007_payload_where_none_belongs_is_malformed(issued):
    for url in (issued.valid["url"], issued.valid["certificate"], issued.kid + "/orders", issued.url("directory"), issued.url("new-nonce")):
        problem = issued.refused(url, {"x": 1})
        assert (problem.status, problem.type) == (400, "malformed")


def test_acme_007_no_payload_where_one_belongs_is_malformed(issued):
    for url in (issued.url("new-order"), issued.url("key-change"), issued.valid["finalize"], issued.url("revoke-cert")):
        assert issued.refused(url).type == "malformed"
    assert issued.refused(issued.url("new-account"), use_jwk=True).type == "malformed"
    for payload in (b"[]", b'"x"', b"{", b"7", b"{} {}"):
        assert issued.refused(issued.url("new-order"), payload).type == "malformed"


def test_acme_008_cors_is_off(shared):
    response = shared.request("OPTIONS", shared.url("new-order"), headers=["Origin: https://evil.example", "Access-Control-Request-Method: POST"])
    assert response.status == 405
    for r in (response, shared.get(shared.url("directory"))):
        assert not [k for k, _ in r.headers if k.lower().startswith("access-control-")]


def test_acme_009_nonces_are_never_stored(shared):
    for method in ("GET", "HEAD"):
        assert shared.request(method, shared.url("new-nonce")).header("Cache-Control") == "no-store"


def test_acme_010_resources_are_random_and_only_their_owners(lab, issued):
    stranger, twin = lab.client(), lab.twin(issued)
    for url in resources(issued) + [issued.valid["finalize"]]:
        for client in (stranger, twin):
            payload = {"csr": new_csr([issued.host])[0]} if url.endswith("/finalize") else None
            problem = client.refused(url, payload)
            assert (problem.status, problem.type) == (403, "unauthorized"), url
    assert stranger.refused(issued.challenge, {}).status == 403
    assert issued.fetch(issued.challenge)["status"] == "pending"
    ids = {u.split("/acme/")[1].split("/")[1].split(".")[0] for u in resources(issued)}
    assert all(len(unb64(i)) == 16 for i in ids)


def test_acme_011_head_is_get_without_body(shared):
    with shared.ca.client(*shared.tls) as c:
        for _ in range(2):
            got, head = c.request("GET", "/acme/directory"), c.request("HEAD", "/acme/directory")
            assert got.status == head.status == 200
            assert head.header("Content-Length") in (None, got.header("Content-Length"))
            assert c.request("HEAD", "/acme/new-order").status == 405


def test_acme_012_no_early_data_and_no_tickets(lab, shared):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(lab.ca.trust)
    context.load_cert_chain(shared.tls[1], shared.tls[0])
    with shared.ca.client(*shared.tls) as c:
        c.context = context
        assert c.request("GET", "/acme/directory").status == 200
        assert c.sock.version() == "TLSv1.3"
        assert c.sock.session is None or not c.sock.session.has_ticket


def test_acme_013_large_bodies_are_refused(shared):
    response = shared.send(shared.url("new-order"), b'{"protected":"' + b"A" * 70000 + b'"}')
    assert response.status == 413 and b"error:malformed" in response.body
    assert shared.post(shared.kid).status == 200


def test_acme_013_deep_and_doubled_json_is_refused(shared):
    assert shared.refused(shared.url("new-order"), b'{"identifiers":' + b"[" * 2000 + b"]" * 2000 + b"}").type == "malformed"
    header = json.dumps(shared.header(shared.kid))
    doubled = header[:-1] + ', "alg": "ES256"}'
    response = shared.send(shared.kid, AcmeClient.encode(doubled.encode(), None, shared.key))
    assert response.status == 400 and b"malformed" in response.body
    response = shared.send(shared.kid, b'{"payload":"","payload":"","protected":"","signature":""}')
    assert response.status == 400 and b"malformed" in response.body
    assert shared.refused(shared.url("new-order"), b'{"identifiers":[],"identifiers":[]}').type == "malformed"


def test_acme_014_expect_100_continue_is_answered(shared):
    body = json.dumps(AcmeClient.encode(shared.header(shared.kid), None, shared.key)).encode()
    with shared.ca.client(*shared.tls) as c:
        c.send(("POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n" %
                (shared.path_of(shared.kid), shared.port, JOSE, len(body))).encode())
        while b"\r\n\r\n" not in c.buffer:
            assert c._more()
        assert c.buffer.startswith(b"HTTP/1.1 100 ")
        c.send(body)
        assert c.receive("POST").status == 200


def test_acme_015_user_agent_may_be_absent(shared):
    assert shared.request("GET", shared.url("directory")).status == 200
    assert shared.request("GET", shared.url("directory"), headers=["User-Agent: x/1"]).status == 200
