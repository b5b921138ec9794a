"""The JWS envelope of ACME requests: acme/CHECKS.md 16 to 29."""

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AccountKey, AcmeClient, b64, identifiers, unb64  # noqa: E402
from acme_fixtures import OTHER_HOST, issued, lab, resources, shared, web  # noqa: E402,F401

ALGORITHMS = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "EdDSA"]


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
