"""States of ACME's authorizations and orders as functions of facts and the clock (RFC 8555 section 7.1.6): every case of the views."""

import itertools

import pytest

from conftest import fresh

OWNER = "chancery_owner"
LATER, NOW, BEFORE = "now() + interval '1 hour'", "now()", "now() - interval '1 hour'"
P, W, V, I = "pending", "processing", "valid", "invalid"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def db(cluster):
    database = fresh(cluster)
    database.identity("someone")
    for account in ("a", "b"):
        database.sql(OWNER, "INSERT INTO acme_account (id, identity, thumbprint, jwk) VALUES (%s, 1, sha256(%s::bytea), '{}')", account,
                     account)
    yield database
    database.close()


def authorization(db, challenges, expires=LATER, deactivated="NULL", account="a", identifier="dns:x.example", wildcard=False):
    name = "z%d" % next(numbers)
    db.sql(OWNER, f"INSERT INTO acme_authorization (id, account, identifier, wildcard, expires, deactivated_at) VALUES "
                  f"(%s, %s, %s, %s, {expires}, {deactivated})", name, account, identifier, wildcard)
    for i, status in enumerate(challenges):
        db.sql(OWNER, "INSERT INTO acme_challenge (id, \"authorization\", type, token, status) VALUES (%s, %s, 'http-01', 't', %s)",
               "%s.%d" % (name, i), name, status)
    return name


@pytest.mark.parametrize("what,challenges,expires,deactivated,state", [
    ("new", [P, P], LATER, "NULL", "pending"),
    ("being looked at", [W, P], LATER, "NULL", "pending"),
    ("without challenges", [], LATER, "NULL", "pending"),
    ("one valid is enough", [P, V], LATER, "NULL", "valid"),
    ("valid before invalid", [I, V], LATER, "NULL", "valid"),
    ("one invalid fails it", [P, I], LATER, "NULL", "invalid"),
    ("pending ran out of time", [P, P], NOW, "NULL", "invalid"),
    ("valid expired", [V, P], NOW, "NULL", "expired"),
    ("deactivated when valid", [V, P], LATER, BEFORE, "deactivated"),
    ("deactivated when pending", [P, P], LATER, BEFORE, "deactivated"),
])
def test_state_of_an_authorization(db, what, challenges, expires, deactivated, state):
    z = authorization(db, challenges, expires, deactivated)
    assert db.value("chancery_gateway", "SELECT state FROM acme_authorization_state WHERE id = %s", z) == state


@pytest.mark.parametrize("wildcard,name", [(False, "dns:x.example"), (True, "dns:*.x.example")])
def test_name_of_a_wildcard_has_its_star(db, wildcard, name):
    z = authorization(db, [V], wildcard=wildcard)
    assert db.value("chancery_gateway", "SELECT name FROM acme_authorization_state WHERE id = %s", z) == name


def order(db, authorizations, granted=False, expires=LATER, request=None):
    name = "o%d" % next(numbers)
    if request is not None:
        request = db.request(1, state=request)
    db.sql(OWNER, f"INSERT INTO acme_order (id, account, profile, identifiers, granted, authorizations, expires, request) VALUES "
                  f"(%s, 'a', 'p', '{{}}', %s, %s::text[], {expires}, %s)", name, granted, authorizations, request)
    return db.value("chancery_gateway", "SELECT state FROM acme_order_state WHERE id = %s", name)


@pytest.mark.parametrize("what,granted,expires,request_state,challenges,state", [
    ("granted", True, LATER, None, [], "ready"),
    ("granted but expired", True, NOW, None, [], "invalid"),
    ("waiting for both", False, LATER, None, [P, P], "pending"),
    ("waiting for one", False, LATER, None, [V, P], "pending"),
    ("both valid", False, LATER, None, [V, V], "ready"),
    ("one failed", False, LATER, None, [V, I], "invalid"),
    ("without authorizations", False, LATER, None, [], "pending"),
    ("expired before finalize", False, NOW, None, [V, V], "invalid"),
    ("with the signer", False, LATER, "pending", [V, V], "processing"),
    ("with the signer, expired meanwhile", True, NOW, "pending", [], "processing"),
    ("issued", True, LATER, "done", [], "valid"),
    ("issued long ago", True, BEFORE, "done", [], "valid"),
    ("refused by the signer", True, LATER, "refused", [], "invalid"),
])
def test_state_of_an_order(db, what, granted, expires, request_state, challenges, state):
    assert order(db, [authorization(db, [c]) for c in challenges], granted, expires, request_state) == state


def test_authorization_that_cannot_be_found_is_not_a_valid_one(db):
    assert order(db, [authorization(db, [V]), "nowhere"]) == "pending"


def test_authorization_of_another_account_is_not_a_valid_one(db):
    assert order(db, [authorization(db, [V]), authorization(db, [V], account="b")]) == "pending"


@pytest.mark.parametrize("facts", [dict(expires=NOW), dict(deactivated=BEFORE)])
def test_order_with_an_authorization_that_is_over_is_invalid(db, facts):
    assert order(db, [authorization(db, [V]), authorization(db, [V], **facts)]) == "invalid"
