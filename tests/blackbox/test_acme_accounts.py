"""ACME directory, accounts and key change: acme/CHECKS.md 51 to 73, as far as they are offered."""

import concurrent.futures
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import AccountKey, AcmeClient, identifiers, new_csr  # noqa: E402
from acme_fixtures import lab, web  # noqa: E402,F401


# --- directory ---

def test_acme_051_directory_lists_what_rfc_8555_asks_for(web):
    directory = web.directory()
    assert set(directory) == {"newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "meta"}


def test_acme_052_meta_has_the_profiles_this_client_may_ask_for(lab, web):
    meta = web.directory()["meta"]
    assert meta["externalAccountRequired"] is False
    assert set(meta["profiles"]) == {"workload", "strict", "wild"}
    assert meta["profiles"]["strict"] == "only below strict.example.org"
    # an operator's certificate may not ask for any of them
    with lab.ca.operator(lab.ca.port) as c:
        other = json.loads(c.request("GET", "/acme/directory").body)
    assert other["meta"]["profiles"] == {}


def test_acme_053_directory_url_is_exact_and_never_redirects(web):
    assert web.get(web.url("directory")).status == 200
    for path in ("Directory", "directory/x", "directory//"):
        assert web.get(web.url(path)).status == 404


def test_acme_053_trailing_slash_is_served_too(web):
    assert web.get(web.url("directory/")).body == web.get(web.url("directory")).body


def test_acme_054_every_advertised_url_is_served(web):
    for name, url in web.directory().items():
        if name != "meta":
            status = web.get(url).status
            assert status == (204 if name == "newNonce" else 405), name


# --- accounts ---

def test_acme_057_new_key_makes_an_account(lab):
    client = lab.client(register=False)
    response = client.register(contact=["mailto:ops@example.org"])
    assert response.status == 201
    account = json.loads(response.body)
    assert account == {"status": "valid", "contact": ["mailto:ops@example.org"], "orders": client.kid + "/orders"}


def test_acme_058_known_key_gets_its_account_unchanged(web):
    response = web.ok(web.url("new-account"), {"contact": ["mailto:other@example.org"]}, use_jwk=True)
    assert response.status == 200 and response.header("Location") == web.kid
    assert json.loads(response.body)["contact"] == []


def test_acme_059_only_return_existing(lab):
    client = lab.client(register=False)
    problem = client.refused(client.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True)
    assert (problem.status, problem.type) == (400, "accountDoesNotExist")
    count = "SELECT count(*) FROM chancery.acme_account a JOIN chancery.identity i ON i.id = a.identity WHERE i.name = %s"
    assert lab.ca.sql(count, client.name, role=lab.ca.pg.superuser) == [(0,)]
    client.register()
    response = client.ok(client.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True)
    assert response.status == 200 and "onlyReturnExisting" not in json.loads(response.body)
    assert client.refused(client.url("new-account"), {"onlyReturnExisting": "yes"}, use_jwk=True).type == "malformed"


def test_acme_060_unknown_fields_are_ignored_and_not_reflected(lab):
    client = lab.client(register=False)
    account = json.loads(client.register(status="revoked", orders="https://evil.example/", unknown=[1], externalAccountBinding={}).body)
    assert account == {"status": "valid", "contact": [], "orders": client.kid + "/orders"}


@pytest.mark.parametrize("contact,type", [
    (["mailto:a@example.org?subject=x"], "invalidContact"), (["mailto:a@example.org,b@example.org"], "invalidContact"),
    (["mailto:"], "invalidContact"), (["mailto:nobody"], "invalidContact"), (["mailto:a@b@c"], "invalidContact"),
    (["mailto:a b@example.org"], "invalidContact"), (["mailto:@example.org"], "invalidContact"), (["nonsense"], "invalidContact"),
    (["mailto:\u00e4@example.org"], "invalidContact"), (["mailto:" + "a" * 300 + "@example.org"], "invalidContact"),
    (["mailto:a@example.org"] * 11, "invalidContact"), ("mailto:a@example.org", "invalidContact"), ([7], "invalidContact"),
    (["tel:+12025551212"], "unsupportedContact"), (["https://example.org"], "unsupportedContact"),
])
def test_acme_061_contacts_are_checked(lab, web, contact, type):
    client = AcmeClient(lab.ca, *web.tls)
    with client:
        problem = client.refused(client.url("new-account"), {"contact": contact}, use_jwk=True)
        assert (problem.status, problem.type) == (400, type)
        assert client.refused(client.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True).type == "accountDoesNotExist"
    problem = web.refused(web.kid, {"contact": contact})
    assert (problem.status, problem.type) == (400, type)


def test_acme_061_contact_may_be_empty_or_absent(lab):
    for fields in ({}, {"contact": []}, {"contact": None, "termsOfServiceAgreed": None, "onlyReturnExisting": None,
                                        "externalAccountBinding": None}):
        assert lab.client(register=False).register(**fields).status == 201


def test_acme_064_update_replaces_contact_and_nothing_else(web):
    account = json.loads(web.ok(web.kid, {"contact": ["mailto:a@example.org", "mailto:b@example.org"], "orders": "x",
                                          "termsOfServiceAgreed": True, "status": "valid"}).body)
    assert account == {"status": "valid", "contact": ["mailto:a@example.org", "mailto:b@example.org"], "orders": web.kid + "/orders"}
    assert web.fetch(web.kid) == account
    assert json.loads(web.ok(web.kid, {}).body) == account
    web.ok(web.kid, {"contact": None, "status": None})
    assert json.loads(web.ok(web.kid).body) == account
    assert json.loads(web.ok(web.kid, {"contact": []}).body)["contact"] == []


def test_acme_065_account_of_another_is_refused(lab, web):
    twin = lab.twin(web)
    for payload in (None, {"contact": []}, {"status": "deactivated"}):
        problem = twin.refused(web.kid, payload)
        assert (problem.status, problem.type) == (403, "unauthorized")
    assert web.fetch(web.kid)["status"] == "valid"


def test_acme_066_deactivated_account_is_closed_for_good(lab):
    client = lab.client()
    order, pem, _ = client.obtain([client.host])
    ready = client.new_order([client.host])
    account = json.loads(client.ok(client.kid, {"status": "deactivated"}).body)
    assert account["status"] == "deactivated"
    for url, payload in ((client.kid, None), (order["url"], None), (order["certificate"], None), (client.kid, {"status": "valid"}),
                         (ready["finalize"], {"csr": new_csr([client.host])[0]}), (client.kid + "/orders", None),
                         (client.url("new-order"), {"identifiers": identifiers([client.host])})):
        problem = client.refused(url, payload)
        assert (problem.status, problem.type) == (401, "unauthorized")
    for payload in ({}, {"onlyReturnExisting": True}):
        assert client.refused(client.url("new-account"), payload, use_jwk=True).status == 401
    # certificates stay valid, and the identity may open another account
    assert lab.ca.sql("SELECT count(*) FROM chancery.revocation", role=lab.ca.pg.superuser) == [(0,)]
    assert lab.twin(client).fetch_order is not None


# --- key change ---

def inner(client, new, url=None, account=None, old=None, header=None, drop=()):
    head = {"alg": new.alg, "jwk": new.jwk(), "url": url or client.url("key-change")}
    head.update(header or {})
    for name in drop:
        del head[name]
    message = {"account": account or client.kid, "oldKey": client.key.jwk() if old is None else old}
    return AcmeClient.encode(head, message, new)


@pytest.mark.parametrize("alg", ["ES256", "RS256", "EdDSA"])
def test_acme_070_key_change_moves_the_account(lab, alg):
    client = lab.client()
    pending = client.new_order([client.host])
    new = AccountKey.new(alg)
    response = client.ok(client.url("key-change"), inner(client, new))
    assert response.status == 200 and json.loads(response.body)["status"] == "valid"
    old, client.key = client.key, new
    assert client.finalize(pending, new_csr([client.host])[0])["status"] == "valid"
    # the old key is dead at once
    problem = client.refused(client.kid, key=old, changes={"alg": old.alg, "kid": client.kid}, drop=[])
    assert problem.status == 400 and problem.type in ("malformed", "badPublicKey")
    assert client.refused(client.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True, key=old).type == "accountDoesNotExist"
    assert client.ok(client.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True).header("Location") == client.kid


def test_acme_070_each_breach_is_malformed(lab, web):
    new, other = AccountKey.new(), AccountKey.new()
    change = web.url("key-change")
    good = inner(web, new)
    cases = {
        "inner nonce": inner(web, new, header={"nonce": web.take_nonce()}),
        "inner kid": inner(web, new, header={"kid": web.kid}, drop=["jwk"]),
        "both": inner(web, new, header={"kid": web.kid}),
        "inner url": inner(web, new, url=web.url("new-order")),
        "no url": inner(web, new, drop=["url"]),
        "another account": inner(web, new, account=web.base + "/acme/account/AAAAAAAAAAAAAAAAAAAAAA"),
        "another old key": inner(web, new, old=other.jwk()),
        "no old key": inner(web, new, old={}),
        "signed by another": dict(good, signature=inner(web, other)["signature"]),
        "signed by the old key": AcmeClient.encode({"alg": "ES256", "jwk": new.jwk(), "url": change},
                                                   {"account": web.kid, "oldKey": web.key.jwk()}, web.key),
        "no signature": {k: v for k, v in good.items() if k != "signature"},
        "not a JWS": {"account": web.kid, "oldKey": web.key.jwk()},
        "payload": AcmeClient.encode({"alg": "ES256", "jwk": new.jwk(), "url": change}, [], new),
        "empty payload": AcmeClient.encode({"alg": "ES256", "jwk": new.jwk(), "url": change}, None, new),
    }
    for name, payload in cases.items():
        problem = web.refused(change, payload)
        assert (problem.status, problem.type) == (400, "malformed"), name
    assert web.fetch(web.kid)["status"] == "valid"
    assert web.refused(web.url("new-account"), {"onlyReturnExisting": True}, use_jwk=True, key=new).type == "accountDoesNotExist"


def test_acme_070_new_key_must_be_acceptable(web):
    from cryptography.hazmat.primitives.asymmetric import rsa
    weak = AccountKey(rsa.generate_private_key(65537, 1024), "RS256")
    assert web.refused(web.url("key-change"), inner(web, weak)).type == "badPublicKey"
    new = AccountKey.new()
    assert web.refused(web.url("key-change"), inner(web, new, header={"alg": "none"})).type == "badSignatureAlgorithm"


def test_acme_070_key_in_use_is_a_conflict_with_its_location(lab, web):
    twin = lab.twin(web)
    for key, holder in ((twin.key, twin.kid), (web.key, web.kid)):
        problem = web.refused(web.url("key-change"), inner(web, key))
        assert problem.status == 409 and problem.response.header("Location") == holder
    assert web.fetch(web.kid)["status"] == twin.fetch(twin.kid)["status"] == "valid"


def test_acme_071_key_change_races_with_new_account(lab):
    for _ in range(5):
        mover, new = lab.client(), AccountKey.new()
        opener = AcmeClient(lab.ca, *mover.tls, account_key=new)
        mover.take_nonce(), opener.take_nonce()
        with opener, concurrent.futures.ThreadPoolExecutor(2) as pool:
            a = pool.submit(lambda: mover.post(mover.url("key-change"), inner(mover, new)))
            b = pool.submit(lambda: opener.post(opener.url("new-account"), {}, use_jwk=True))
            changed, opened = a.result(), b.result()
            assert opened.status in (200, 201)
            assert changed.status == (200 if opened.status == 200 else 409), (changed, opened)
            rows = lab.ca.sql("SELECT count(*) FROM chancery.acme_account a JOIN chancery.identity i ON i.id = a.identity WHERE i.name = %s",
                              mover.name, role=lab.ca.pg.superuser)
            assert rows == [(1 if opened.status == 200 else 2,)]


# --- orders list ---

def test_acme_072_orders_list_is_paged_and_leaves_invalid_ones_out(lab, web):
    made = [web.new_order([web.host])["url"] for _ in range(53)]
    lab.ca.sql("UPDATE chancery.acme_order SET expires = now() - interval '1 minute' WHERE id = %s", made[10].rsplit("/", 1)[1],
               role=lab.ca.pg.superuser)
    seen, url, pages = [], web.kid + "/orders", 0
    while url:
        response = web.ok(url)
        seen += json.loads(response.body)["orders"]
        pages += 1
        following = [v for k, v in response.headers if k == "Link" and v.endswith('rel="next"')]
        url = following[0][1:following[0].index(">")] if following else None
    assert seen == made[:10] + made[11:] and pages == 2


def test_acme_072_orders_of_others_are_refused(lab, web):
    twin = lab.twin(web)
    order = web.new_order([web.host])["url"].rsplit("/", 1)[1]
    assert twin.refused(web.kid + "/orders").status == 403
    # a cursor that is another account's order gives nothing away
    assert json.loads(twin.ok(twin.kid + "/orders/" + order).body) == {"orders": []}


def test_acme_073_account_revoked_by_the_operator_is_unauthorized(lab):
    client = lab.client()
    client.fetch(client.kid)  # in the gateway's cache
    lab.ca.sql("UPDATE chancery.acme_account SET status = 'revoked', xid = pg_current_xact_id() WHERE id = %s", client.kid.rsplit("/", 1)[1],
               role=lab.ca.pg.superuser)
    from pgcluster import wait_for
    wait_for(lambda: client.post(client.kid).status == 401, 5, "the account is refused")
    assert client.refused(client.url("new-account"), {}, use_jwk=True).status == 401
