"""ACME's errors and headers: acme/CHECKS.md 38 to 50."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import identifiers, new_csr  # noqa: E402
from acme_fixtures import issued, lab, shared  # noqa: E402,F401
from pgcluster import wait_for  # noqa: E402


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
