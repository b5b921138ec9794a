"""ACME transport, JWS, nonces, errors and headers: acme/CHECKS.md 1 to 50, one test a line (several where a line says several things)."""

import concurrent.futures
import json
import os
import ssl
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import JOSE, AccountKey, AcmeClient, b64, identifiers, integer, new_csr, unb64  # noqa: E402
from acme_fixtures import OTHER_HOST, lab, web  # noqa: E402,F401
from httpclient import Client  # noqa: E402
from instance import free_port  # noqa: E402
from pgcluster import wait_for  # noqa: E402

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "EdDSA"]


@pytest.fixture(scope="module")
def shared(lab):
    """For tests that change nothing."""
    return lab.client()


@pytest.fixture(scope="module")
def issued(lab):
    """A client with an order of each interesting kind."""
    client = lab.client()
    client.valid, client.pem, client.cert_key = client.obtain([client.host])
    client.pending = client.new_order(["dns:unproven.example.net"])
    client.authorization = client.fetch(client.pending["authorizations"][0])
    client.challenge = client.authorization["challenges"][0]["url"]
    return client


def resources(client):
    """Every resource that can be fetched."""
    return [client.kid + "/orders", client.valid["url"], client.pending["authorizations"][0], client.valid["authorizations"][0],
            client.challenge, client.valid["certificate"], client.kid]


# --- transport, methods, media types ---

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


# --- JWS envelope ---

@pytest.mark.parametrize("member,value", [("signatures", []), ("signatures", None), ("header", {}), ("header", {"alg": "ES256"})])
def test_acme_016_members_of_the_general_form_are_refused(shared, member, value):
    assert shared.refused(shared.kid, **{member: value}).type == "malformed"


def test_acme_016_other_serializations_are_refused(shared):
    jws = AcmeClient.encode(shared.header(shared.kid), None, shared.key)
    compact = ".".join(jws[m] for m in ("protected", "payload", "signature"))
    general = {"payload": jws["payload"], "signatures": [{"protected": jws["protected"], "signature": jws["signature"]}]}
    for body in (compact.encode(), json.dumps(general).encode(), json.dumps([jws]).encode(), b""):
        response = shared.send(shared.kid, body)
        assert response.status == 400 and b"malformed" in response.body


@pytest.mark.parametrize("drop", ["protected", "payload", "signature"])
def test_acme_017_payload_and_signature_are_there_once(shared, drop):
    jws = AcmeClient.encode(shared.header(shared.kid), None, shared.key)
    del jws[drop]
    response = shared.send(shared.kid, jws)
    assert response.status == 400 and b"malformed" in response.body


@pytest.mark.parametrize("changes", [{"b64": False, "crit": ["b64"]}, {"b64": True}, {"crit": ["exp"], "exp": 1}, {"crit": []}])
def test_acme_017_critical_headers_are_refused(shared, changes):
    assert shared.refused(shared.kid, changes=changes).type == "malformed"


@pytest.mark.parametrize("name", ["alg", "nonce", "url", "kid"])
def test_acme_018_each_header_member_is_needed(shared, name):
    problem = shared.refused(shared.kid, drop=[name])
    assert (problem.status, problem.type) == (400, "malformed")


def test_acme_018_jwk_and_kid_together_are_malformed(shared):
    assert shared.refused(shared.kid, changes={"jwk": shared.key.jwk()}).type == "malformed"
    assert shared.refused(shared.url("new-account"), {}, use_jwk=True, changes={"kid": shared.kid}).type == "malformed"


@pytest.mark.parametrize("alg", ["none", "HS256", "HS512", "ES256K", "RS1", "A128KW"])
def test_acme_019_and_021_other_algorithms_are_refused_with_a_list(shared, alg):
    problem = shared.refused(shared.kid, changes={"alg": alg})
    assert (problem.status, problem.type) == (400, "badSignatureAlgorithm")
    assert set(problem.document["algorithms"]) == set(ALGORITHMS)
    assert shared.refused(shared.url("new-account"), {}, use_jwk=True, changes={"alg": alg}).type == "badSignatureAlgorithm"


def test_acme_019_none_with_an_empty_signature_is_refused(shared):
    assert shared.refused(shared.kid, changes={"alg": "none"}, signature="").type == "badSignatureAlgorithm"


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_acme_020_algorithms_that_are_listed_work(lab, shared, alg):
    client = AcmeClient(lab.ca, *shared.tls, account_key=AccountKey.new(alg))
    with client:
        assert client.register().status == 201
        assert client.fetch(client.kid)["status"] == "valid"


def bad_keys():
    good = AccountKey.new("ES256").jwk()
    rsa = AccountKey.new("RS256").jwk()
    return {
        "off the curve": dict(good, y=good["x"]),
        "curve of another algorithm": AccountKey.new("ES384").jwk(),
        "unknown curve": dict(good, crv="secp256k1"),
        "rsa under ES256": rsa,
        "short coordinate": dict(good, x=b64(unb64(good["x"])[1:])),
        "symmetric": {"kty": "oct", "k": "AAAA"},
        "private": dict(good, d=good["x"]),
    }


@pytest.mark.parametrize("point", ["01" + 31 * "00", "ec" + 30 * "ff" + "7f", "ee" + 30 * "ff" + "7f", "02" + 31 * "00"])
def test_acme_022_a_point_anybody_can_sign_for_is_no_account_key(shared, point):
    """R the identity and S zero is a signature of every message under a key of small order."""
    class Weak:
        alg = "EdDSA"

        def jwk(self):
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(bytes.fromhex(point))}

        def sign(self, data, der=False):
            return b"\1" + bytes(63)

    problem = shared.refused(shared.url("new-account"), {}, use_jwk=True, key=Weak())
    assert (problem.status, problem.type) == (400, "badPublicKey") and "make a new key" in problem.document["detail"]


@pytest.mark.parametrize("name", list(bad_keys()))
def test_acme_022_unacceptable_keys_are_refused(shared, name):
    problem = shared.refused(shared.url("new-account"), {}, use_jwk=True, changes={"jwk": bad_keys()[name]})
    assert (problem.status, problem.type) == (400, "badPublicKey")


def test_acme_022_weak_rsa_keys_are_refused(shared):
    from cryptography.hazmat.primitives.asymmetric import rsa
    for private in (rsa.generate_private_key(65537, 1024), rsa.generate_private_key(3, 2048)):
        key = AccountKey(private, "RS256")
        problem = shared.refused(shared.url("new-account"), {}, use_jwk=True, key=key)
        assert (problem.status, problem.type) == (400, "badPublicKey")


def test_acme_022_and_025_algorithm_must_fit_the_account_key(shared):
    assert shared.refused(shared.kid, changes={"alg": "RS256"}).type == "badPublicKey"


def test_acme_023_wrong_kind_of_key_is_malformed(issued):
    for url, payload in ((issued.kid, None), (issued.url("new-order"), {}), (issued.valid["url"], None), (issued.url("key-change"), {})):
        assert issued.refused(url, payload, use_jwk=True).type == "malformed"
    problem = issued.refused(issued.url("new-account"), {})
    assert (problem.status, problem.type) == (400, "malformed")


@pytest.mark.parametrize("kid", ["{base}/acme/account/AAAAAAAAAAAAAAAAAAAAAA", "{base}/acme/account/", "{base}/acme/order/x", "https://ca.example/1",
                                 "7", ""])
def test_acme_024_unknown_account_does_not_exist(shared, kid):
    problem = shared.refused(shared.kid, changes={"kid": kid.format(base=shared.base)})
    assert (problem.status, problem.type) == (400, "accountDoesNotExist")


def test_acme_024_deactivated_account_is_unauthorized(lab):
    client = lab.client()
    client.ok(client.kid, {"status": "deactivated"})
    problem = client.refused(client.url("new-order"), {"identifiers": identifiers([client.host])})
    assert (problem.status, problem.type) == (401, "unauthorized")


def test_acme_024_account_is_known_below_every_base(lab, web):
    other = AcmeClient(lab.ca, *web.tls, account_key=web.key, base="https://%s:%d" % (OTHER_HOST, lab.ca.port))
    with other:
        other.kid = web.kid  # as remembered from the first base
        own = other.base + web.path_of(web.kid)
        assert other.post(own).status == 200
        other.kid = own
        assert other.post(own).status == 200


def test_acme_025_der_and_wrong_lengths_are_refused(shared):
    header = shared.header(shared.kid)
    jws = AcmeClient.encode(header, None, shared.key)
    signed = (jws["protected"] + "." + jws["payload"]).encode()
    raw = unb64(jws["signature"])
    for signature in (shared.key.sign(signed, der=True), raw[:63], raw + b"\0", b"", raw[32:] + raw[:32], b"\0" * 64):
        jws = AcmeClient.encode(shared.header(shared.kid), None, shared.key)
        response = shared.send(shared.kid, dict(jws, signature=b64(signature)))
        assert response.status == 400 and b"malformed" in response.body


def test_acme_026_url_must_be_the_one_requested(issued):
    url = issued.valid["url"]
    for wrong in (issued.kid, url + "/", url.upper(), url.replace("https", "http"), url.replace("localhost", "LOCALHOST"), url + "?x", "",
                  issued.path_of(url), url.replace("/acme/", "//acme/"), url.replace("localhost", OTHER_HOST)):
        problem = issued.refused(url, changes={"url": wrong})
        assert (problem.status, problem.type) == (401, "unauthorized"), wrong


def test_acme_026_host_that_is_not_configured_selects_nothing(lab, shared):
    with shared.ca.client(*shared.tls) as c:
        c.host = "evil.example"
        response = c.request("GET", "/acme/directory")
        assert response.status == 421 and b"base_urls" in response.body
        assert b"://evil" not in response.body  # it is quoted for the operator, no URL is made of it
        assert response.header("Content-Type") == "application/problem+json"


def test_acme_027_thumbprint_identifies_the_key(lab, shared):
    for alg in ("ES256", "RS256"):
        client = AcmeClient(lab.ca, *shared.tls, account_key=AccountKey.new(alg))
        with client:
            first = client.register().header("Location")
            jwk = client.key.jwk()
            variants = [dict(reversed(list(jwk.items()))), dict(jwk, alg=alg, kid="x", use="sig", ext=True)]
            if alg == "RS256":
                variants.append(dict(jwk, n=b64(b"\0\0" + unb64(jwk["n"])), e=b64(b"\0" + unb64(jwk["e"]))))
            for variant in variants:
                response = client.ok(client.url("new-account"), {}, use_jwk=True, changes={"jwk": variant})
                assert response.status == 200 and response.header("Location") == first


def test_acme_028_nothing_is_disclosed_before_the_signature(issued, lab):
    closed = lab.client()
    closed.ok(closed.kid, {"status": "deactivated"})
    wrong = AccountKey.new()
    for url in resources(issued) + [issued.url("acme/order/none")]:
        for kid in (issued.kid, closed.kid):
            header = dict(issued.header(url), kid=kid)
            response = issued.send(url, AcmeClient.encode(header, None, wrong))
            if response.status != 404:  # a path that does not exist says nothing about objects
                assert response.status == 400 and b"signature does not verify" in response.body


def test_acme_029_order_of_checks(shared):
    # media type before everything
    assert shared.send(shared.kid, b"nonsense", "text/plain").status == 415
    # url before nonce: the nonce is still good
    nonce = shared.take_nonce()
    assert shared.refused(shared.kid, changes={"nonce": nonce, "url": "x"}).status == 401
    assert shared.post(shared.kid, changes={"nonce": nonce}).status == 200
    # nonce before signature, and used up by it
    nonce = shared.fresh_nonce()
    header = dict(shared.header(shared.kid), nonce=nonce)
    assert shared.send(shared.kid, AcmeClient.encode(header, None, AccountKey.new())).status == 400
    assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"
    # signature before body
    header = shared.header(shared.url("new-order"))
    response = shared.send(shared.url("new-order"), AcmeClient.encode(header, b"nonsense", AccountKey.new()))
    assert b"signature" in response.body


# --- nonces ---

def test_acme_030_every_post_answer_brings_a_nonce(shared):
    # AcmeClient.check() asserts it for all statuses
    requests = [lambda: shared.post(shared.kid), lambda: shared.post(shared.url("nowhere")),
                lambda: shared.send(shared.kid, b"{}", "text/plain"), lambda: shared.send(shared.kid, b"A" * 70000),
                lambda: shared.send(shared.kid, b""), lambda: shared.post(shared.url("new-order"), {})]
    statuses = []
    for request in requests:
        response = request()
        statuses.append(response.status)
        assert shared.post(shared.kid, changes={"nonce": response.header("Replay-Nonce")}).status == 200
    assert statuses == [200, 404, 415, 413, 400, 400]


def test_acme_030_directory_needs_none(shared):
    assert shared.get(shared.url("directory")).header("Replay-Nonce") is None


def test_acme_031_new_nonce_is_200_for_head_and_204_for_get(shared):
    for method, status in (("HEAD", 200), ("GET", 204)):
        response = shared.request(method, shared.url("new-nonce"))
        assert response.status == status and response.body == b""
        assert response.header("Cache-Control") == "no-store"
        assert shared.post(shared.kid, changes={"nonce": response.header("Replay-Nonce")}).status == 200


def test_acme_032_nonces_are_unguessable_base64url(shared):
    nonces = [shared.fresh_nonce() for _ in range(50)]
    assert len(set(nonces)) == 50
    for nonce in nonces:
        assert len(unb64(nonce)) >= 28 and b64(unb64(nonce)) == nonce


def test_acme_033_missing_nonce_is_malformed(shared):
    assert shared.refused(shared.kid, drop=["nonce"]).type == "malformed"
    for nonce in ("", 7, None, "a b"):
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "malformed"


def test_acme_033_unknown_and_changed_nonces_are_bad_with_a_fresh_one(shared):
    good = shared.fresh_nonce()
    for nonce in ("AAAA", b64(os.urandom(36)), good[:-1] + ("A" if good[-1] != "A" else "B"), good[:8] + ("A" if good[8] != "A" else "B") + good[9:]):
        problem = shared.refused(shared.kid, changes={"nonce": nonce})
        assert (problem.status, problem.type) == (400, "badNonce")
        assert shared.post(shared.kid, changes={"nonce": problem.response.header("Replay-Nonce")}).status == 200


def test_acme_034_a_nonce_is_accepted_once(shared):
    nonce = shared.fresh_nonce()
    assert shared.post(shared.kid, changes={"nonce": nonce}).status == 200
    for _ in range(2):
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"


def race(clients, nonce):
    def attempt(client):
        return client.post(client.kid, changes={"nonce": nonce}).status
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        return sorted(pool.map(attempt, clients))


def test_acme_034_parallel_posts_with_one_nonce(lab, shared):
    clients = []
    for _ in range(4):
        c = AcmeClient(lab.ca, *shared.tls, account_key=shared.key)
        c.kid, c.nonce = shared.kid, "unused"
        c.get(c.url("directory"))
        clients.append(c)
    for _ in range(5):
        assert race(clients, shared.fresh_nonce()) == [200, 400, 400, 400]
    for c in clients:
        c.close()


@pytest.fixture(scope="module")
def second(lab):
    """A second gateway of the same CA; its port."""
    port = free_port()
    changes = {"enroll": dict(lab.ca.changes["enroll"], port=port, base_urls=["https://localhost:%d" % p for p in (lab.ca.port, port)]),
               "metrics": {"port": free_port()}}
    lab.ca.spawn("chancery-gateway", 2, lab.ca.write_config(lab.ca.path("second.yaml"), changes))

    def answers():
        lab.ca.check_running()
        try:
            with lab.ca.client(os.path.join(lab.ca.operator_directory, "operator.key"),
                               os.path.join(lab.ca.operator_directory, "operator.pem"), port) as c:
                return c.request("GET", "/.well-known/est/cacerts").status == 200
        except OSError:
            return False
    wait_for(answers, 30, "the second gateway answers")
    yield port
    lab.ca.stop_program("chancery-gateway-2")


def test_acme_034_nonce_is_accepted_once_across_gateways(lab, shared, second):
    other = AcmeClient(lab.ca, *shared.tls, account_key=shared.key, base="https://localhost:%d" % second, port=second)
    with other:
        other.kid = other.base + shared.path_of(shared.kid)
        nonce = shared.fresh_nonce()  # made by one, used at the other
        assert other.post(other.kid, changes={"nonce": nonce}).status == 200
        assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"
        for _ in range(5):
            assert race([shared, other], shared.fresh_nonce()) == [200, 400]


def test_acme_034_deactivation_at_one_gateway_is_known_at_the_other(lab, second):
    client = lab.client()
    other = AcmeClient(lab.ca, *client.tls, account_key=client.key, base="https://localhost:%d" % second, port=second)
    with other:
        other.kid = other.base + client.path_of(client.kid)
        assert other.post(other.kid).status == 200  # now in its cache
        client.ok(client.kid, {"status": "deactivated"})
        wait_for(lambda: other.post(other.kid).status == 401, 5, "the other gateway refuses the account")


def test_acme_035_bad_nonce_document_has_its_status(shared):
    problem = shared.refused(shared.kid, changes={"nonce": b64(os.urandom(36))})
    assert problem.document["status"] == 400 and problem.response.status == 400


def test_acme_036_nonces_survive_a_restart(lab, shared):
    nonce = shared.fresh_nonce()
    lab.ca.restart("chancery-gateway")
    shared.close()
    assert shared.post(shared.kid, changes={"nonce": nonce}).status == 200
    assert shared.refused(shared.kid, changes={"nonce": nonce}).type == "badNonce"


def test_acme_036_lost_nonce_keys_fail_cleanly(lab, shared):
    used, unused = shared.fresh_nonce(), shared.fresh_nonce()
    assert shared.post(shared.kid, changes={"nonce": used}).status == 200
    # what a crash of PostgreSQL does to unlogged tables
    lab.ca.sql("TRUNCATE chancery.acme_nonce_key, chancery.acme_nonce_used", role=lab.ca.pg.superuser)
    for nonce in (used, unused):
        problem = shared.refused(shared.kid, changes={"nonce": nonce})
        assert problem.type == "badNonce"

    def works():
        return shared.post(shared.kid).status == 200
    wait_for(works, 5, "fresh nonces are made with a new key")
    for client in lab.clients:
        client.nonce = None
    assert shared.refused(shared.kid, changes={"nonce": used}).type == "badNonce"


def test_acme_037_nonces_cost_no_rows_until_used(lab, shared):
    count = "SELECT count(*) FROM chancery.acme_nonce_used"
    before = lab.ca.sql(count, role=lab.ca.pg.superuser)
    for _ in range(200):
        shared.request("HEAD", shared.url("new-nonce"))
    assert lab.ca.sql(count, role=lab.ca.pg.superuser) == before


# --- errors ---

def test_acme_038_problems_are_problem_documents(shared):
    # AcmeClient.check() asserts media type, type, detail, status and request id of all
    document = shared.refused(shared.url("new-order"), {}).document
    assert set(document) == {"type", "detail", "status", "request_id"}
    response = shared.get(shared.url("nowhere"))
    assert response.status == 404 and response.header("Content-Type") == "application/problem+json"


def test_acme_038_request_id_is_in_the_log(lab, shared):
    request_id = shared.refused(shared.url("new-order"), {}).document["request_id"]
    wait_for(lambda: any(request_id in line and "acme.newOrder" in line for line in lab.ca.log_lines("chancery-gateway")), 5,
             "the request id is logged")


def test_acme_039_types_and_statuses(lab, issued):
    ready = issued.new_order([issued.host])
    order = issued.url("new-order")
    got = set()

    def see(problem):
        got.add((problem.type, problem.status))
    see(issued.refused(issued.kid, changes={"kid": issued.base + "/acme/account/AAAAAAAAAAAAAAAAAAAAAA"}))
    see(issued.refused(ready["finalize"], {"csr": new_csr(["dns:other.example.org"])[0]}))
    see(issued.refused(issued.kid, changes={"nonce": "AAAA"}))
    see(issued.refused(issued.url("new-account"), {}, use_jwk=True, changes={"jwk": {"kty": "oct"}}))
    see(issued.refused(issued.kid, changes={"alg": "none"}))
    see(issued.refused(issued.kid, {"contact": ["mailto:a@example.org?subject=x"]}))
    see(issued.refused(issued.kid, {"contact": ["tel:+1"]}))
    see(issued.refused(order, {}))
    see(issued.refused(issued.pending["finalize"], {"csr": new_csr([issued.host])[0]}))
    see(issued.refused(order, {"identifiers": [{"type": "dns", "value": "a_b.example"}]}))
    see(issued.refused(order, {"identifiers": [{"type": "email", "value": "a@b"}]}))
    see(issued.refused(order, {"identifiers": identifiers([issued.host]), "profile": "none"}))
    see(issued.refused(order, {"identifiers": [{"type": "email", "value": "a@b"}, {"type": "dns", "value": "a_b.example"}]}))
    see(lab.client().refused(issued.valid["url"]))
    see(issued.refused(issued.kid, changes={"url": "x"}))
    assert got == {("accountDoesNotExist", 400), ("badCSR", 400), ("badNonce", 400), ("badPublicKey", 400), ("badSignatureAlgorithm", 400),
                   ("invalidContact", 400), ("unsupportedContact", 400), ("malformed", 400), ("orderNotReady", 403),
                   ("rejectedIdentifier", 400), ("unsupportedIdentifier", 400), ("invalidProfile", 400), ("compound", 400),
                   ("unauthorized", 403), ("unauthorized", 401)}


def test_acme_040_several_causes_are_subproblems(shared):
    names = ["dns:a_b.example", "dns:" + "x" * 64 + ".example", shared.host]
    problem = shared.refused(shared.url("new-order"), {"identifiers": identifiers(names)})
    assert problem.type == "rejectedIdentifier" and "identifier" not in problem.document
    subs = problem.document["subproblems"]
    assert [s["identifier"]["value"] for s in subs] == ["a_b.example", "x" * 64 + ".example"]
    assert all(s["type"].endswith(":rejectedIdentifier") and s["detail"] for s in subs)


def test_acme_041_overload_and_outage_are_503_with_one_retry_after(lab, shared):
    shared.take_nonce()
    lab.ca.pg.stop()
    try:
        nonce = shared.request("HEAD", shared.url("new-nonce")).header("Replay-Nonce")  # costs no database
        problem = shared.refused(shared.kid, changes={"nonce": nonce})
        assert (problem.status, problem.type) == (503, "serverInternal")
        assert int(problem.response.header("Retry-After")) >= 1  # header() fails on two
        assert "sql" not in problem.document["detail"].lower() and "connection" not in problem.document["detail"].lower()
    finally:
        lab.ca.pg.start()

    def works():
        shared.nonce = None
        return shared.post(shared.kid).status == 200
    wait_for(works, 30, "the gateway serves again")
    for client in lab.clients:
        client.nonce = None


def test_acme_043_unknown_paths_and_foreign_objects(lab, issued):
    for path in ("nowhere", "order/", "account/x/y/z", "order/AAAAAAAAAAAAAAAAAAAAAA/other"):
        response = issued.post(issued.url(path))
        assert response.status == 404 and json.loads(response.body)["type"].endswith(":malformed"), path
    for path in ("order/%s", "authorization/%s", "challenge/%s", "certificate/%s", "authorization/%s.0"):
        assert issued.refused(issued.url(path % "AAAAAAAAAAAAAAAAAAAAAA")).status == 404


# --- headers ---

def test_acme_044_index_link_everywhere_but_on_the_directory(issued):
    # AcmeClient.check() asserts it for every POST
    index = '<%s>;rel="index"' % issued.url("directory")
    for method in ("GET", "HEAD"):
        assert index in [v for k, v in issued.request(method, issued.url("new-nonce")).headers if k == "Link"]
    assert index in [v for k, v in issued.get(issued.valid["url"]).headers if k == "Link"]  # a 405
    assert issued.get(issued.url("directory")).header("Link") is None


def test_acme_045_challenge_links_up_to_its_authorization(issued):
    links = [v for k, v in issued.ok(issued.challenge).headers if k == "Link"]
    assert '<%s>;rel="up"' % issued.pending["authorizations"][0] in links


def test_acme_046_certificates_have_no_alternates(issued):
    links = [v for k, v in issued.ok(issued.valid["certificate"]).headers if k == "Link"]
    assert not [v for v in links if "alternate" in v]


def test_acme_047_location_where_it_belongs(lab, issued):
    client = lab.client(register=False)
    created = client.register()
    assert created.status == 201
    assert client.ok(client.url("new-account"), {}, use_jwk=True).header("Location") == created.header("Location")
    order = client.new_order([client.host])
    assert order["url"].startswith(client.base + "/acme/order/")
    assert client.ok(order["url"]).header("Location") == order["url"]
    assert client.ok(order["finalize"], {"csr": new_csr([client.host])[0]}).header("Location") == order["url"]


def test_acme_049_urls_are_absolute_https(issued):
    def urls(thing):
        if isinstance(thing, dict):
            for value in thing.values():
                yield from urls(value)
        elif isinstance(thing, list):
            for value in thing:
                yield from urls(value)
        elif isinstance(thing, str) and "/acme/" in thing:
            yield thing
    things = [issued.directory(), issued.fetch(issued.kid), issued.valid, issued.pending, issued.authorization, issued.fetch(issued.kid + "/orders")]
    found = list(urls(things))
    assert len(found) > 15
    assert all(u.startswith(issued.base + "/acme/") for u in found)


def test_acme_050_header_names_are_canonical(issued):
    response = issued.ok(issued.valid["url"])
    names = {k for k, _ in response.headers}
    assert {"Replay-Nonce", "Link", "Location", "Cache-Control", "Content-Type"} <= names
