"""http-01 and the validator: acme/CHECKS.md 92 to 108, 42 and 45, against a web server and a DNS server of the test's own."""

import json
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from acme_client import new_csr, split_chain  # noqa: E402
from acme_fixtures import lab, web  # noqa: E402,F401
from http01 import Http01Server  # noqa: E402
from instance import free_port  # noqa: E402
from pgcluster import wait_for  # noqa: E402


@pytest.fixture(scope="module")
def site(lab):
    server = Http01Server(lab.ca.http01_port)
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared(lab):
    return lab.client()


class Try:
    """One order for one unproven name, and its challenge."""
    count = 0

    def __init__(self, lab, client, identifier=None, addresses=("127.0.0.1",)):
        Try.count += 1
        self.lab, self.client = lab, client
        self.identifier = identifier or "dns:t%d.example.net" % Try.count
        self.name = self.identifier.split(":", 1)[1]
        if addresses is not None:
            lab.dns.answers[self.name] = addresses
        self.order = client.new_order([self.identifier])
        self.authorization_url = self.order["authorizations"][0]
        (challenge,) = client.fetch(self.authorization_url)["challenges"]
        self.url, self.token = challenge["url"], challenge["token"]
        self.path = "/.well-known/acme-challenge/" + self.token
        self.proof = client.key_authorization(self.token)

    def answer(self, payload=None):
        return self.client.ok(self.url, {} if payload is None else payload)

    def end(self):
        return self.client.wait(self.url, ("valid", "invalid"))

    def run(self):
        self.answer()
        return self.end()

    def fails(self, type, words=()):
        challenge = self.run()
        assert challenge["status"] == "invalid", challenge
        assert challenge["error"]["type"].endswith(":" + type), challenge
        for word in [words] if isinstance(words, str) else words:
            assert word in challenge["error"]["detail"], challenge
        return challenge["error"]


@pytest.fixture
def attempt(lab, shared, site):
    def make(*args, **kw):
        return Try(lab, shared, *args, **kw)
    return make


# --- the whole way ---

def test_acme_093_and_103_valid_challenge_makes_order_ready(attempt, site, shared):
    t = attempt()
    site.answers[t.path] = t.proof
    challenge = t.run()
    assert challenge["status"] == "valid" and challenge["validated"].endswith("Z") and "error" not in challenge
    authorization = shared.fetch(t.authorization_url)
    assert authorization["status"] == "valid" and authorization["expires"]
    assert (t.name + ":%d" % shared.ca.http01_port, t.path) in site.seen
    order = shared.fetch_order(t.order)
    assert order["status"] == "ready"
    order = shared.finalize(order, new_csr([t.identifier])[0])
    assert order["status"] == "valid"
    split_chain(shared.certificate(order))


def test_acme_080_order_is_ready_when_all_authorizations_are_valid(lab, shared, site):
    names = ["dns:both1.example.net", "dns:both2.example.net"]
    for n in names:
        lab.dns.answers[n[4:]] = ["127.0.0.1"]
    order = shared.new_order(names)
    for i, url in enumerate(order["authorizations"]):
        (challenge,) = shared.fetch(url)["challenges"]
        site.answers["/.well-known/acme-challenge/" + challenge["token"]] = shared.key_authorization(challenge["token"])
        assert shared.fetch_order(order)["status"] == "pending"
        shared.ok(challenge["url"], {})
        assert shared.wait(challenge["url"], ("valid", "invalid"))["status"] == "valid"
    assert shared.finalize(shared.fetch_order(order), new_csr(names)[0])["status"] == "valid"


def test_acme_080_an_order_of_granted_and_proven_names_is_issued(lab, shared, site):
    """By a client that makes its CSR of the authorizations."""
    lab.dns.answers["mixed.example.net"] = ["127.0.0.1"]
    order = shared.new_order([shared.host, "dns:mixed.example.net"])
    found = [shared.fetch(url) for url in order["authorizations"]]
    for a in found:
        for challenge in a["challenges"]:
            site.answers["/.well-known/acme-challenge/" + challenge["token"]] = shared.key_authorization(challenge["token"])
            shared.ok(challenge["url"], {})
            assert shared.wait(challenge["url"], ("valid", "invalid"))["status"] == "valid"
    csr = new_csr(["dns:" + a["identifier"]["value"] for a in found])[0]
    assert shared.finalize(shared.fetch_order(order), csr)["status"] == "valid"


def test_acme_125_address_identifiers_are_proven_without_dns(lab, attempt, site, shared):
    before = len(lab.dns.queries)
    t = attempt("ip:127.0.0.1", addresses=None)
    site.answers[t.path] = t.proof
    assert t.run()["status"] == "valid"
    assert ("127.0.0.1:%d" % shared.ca.http01_port, t.path) in site.seen and len(lab.dns.queries) == before
    order = shared.finalize(shared.fetch_order(t.order), new_csr([t.identifier])[0])
    assert order["status"] == "valid"


# --- answers ---

def test_acme_094_unknown_members_of_an_answer_are_ignored(attempt, site, shared):
    t = attempt()
    site.answers[t.path] = t.proof
    response = t.answer({"keyAuthorization": "x", "resource": "challenge"})
    challenge = json.loads(response.body)
    assert response.status == 200 and challenge["url"] == t.url and challenge["status"] in ("processing", "valid")
    assert '<%s>;rel="up"' % t.authorization_url in [v for k, v in response.headers if k == "Link"]
    assert t.end()["status"] == "valid"


def test_acme_095_second_answer_starts_nothing_new(attempt, site, shared):
    t = attempt()
    site.answers[t.path] = t.proof
    t.run()
    asked = len([1 for _, path in site.seen if path == t.path])
    assert json.loads(t.answer().body)["status"] == "valid"
    assert shared.fetch(t.url)["status"] == "valid"
    assert len([1 for _, path in site.seen if path == t.path]) == asked == 1
    bad = attempt()
    bad.run()
    assert json.loads(bad.answer().body)["status"] == "invalid"


def test_acme_096_and_098_a_failed_try_is_repeated_and_told(lab, attempt, site, shared):
    t = attempt()
    t.answer()

    def told():
        challenge = shared.fetch(t.url)
        return challenge if "error" in challenge else None
    challenge = wait_for(told, 10, "the first try's error is published")
    assert challenge["status"] == "processing" and challenge["error"]["type"].endswith(":incorrectResponse")
    response = shared.ok(t.url)
    assert int(response.header("Retry-After")) >= 1 and int(shared.ok(t.authorization_url).header("Retry-After")) >= 1
    site.answers[t.path] = t.proof  # the client mends it in time
    challenge = t.end()
    assert challenge["status"] == "valid" and "error" not in challenge


def test_acme_093_failed_challenge_fails_authorization_and_order(attempt, shared):
    t = attempt()
    error = t.fails("incorrectResponse", "404")
    assert error["status"] == 403
    authorization = shared.fetch(t.authorization_url)
    assert authorization["status"] == "invalid" and authorization["challenges"][0]["error"] == error
    order = shared.fetch_order(t.order)
    assert order["status"] == "invalid" and order["error"] == error
    assert shared.refused(order["finalize"], {"csr": new_csr([t.identifier])[0]}).type == "orderNotReady"


def test_acme_101_a_slow_target_blocks_nobody(attempt, site, shared):
    def stall(handler):
        time.sleep(2)
        return (200, {}, slow.proof)
    slow, quick = attempt(), attempt()
    site.answers[slow.path], site.answers[quick.path] = stall, quick.proof
    begin = time.monotonic()
    slow.answer()
    assert quick.run()["status"] == "valid"
    assert time.monotonic() - begin < 1.9
    shared.close()  # a client that goes away cancels nothing
    assert slow.end()["status"] == "valid"


def test_acme_070_proof_follows_the_account_key(lab, site):
    from test_acme_accounts import inner
    from acme_client import AccountKey
    client = lab.client()
    t, new = Try(lab, client), AccountKey.new()
    client.ok(client.url("key-change"), inner(client, new))
    client.key = new
    site.answers[t.path] = client.key_authorization(t.token)
    assert t.run()["status"] == "valid"


# --- 103, 42: what is compared, and what is never told ---

@pytest.mark.parametrize("tail", ["\n", "\r\n", "  \t\n\n"])
def test_acme_103_trailing_white_space_is_forgiven(attempt, site, tail):
    t = attempt()
    site.answers[t.path] = (200, {"Content-Type": "text/html"}, t.proof + tail)
    assert t.run()["status"] == "valid"


def test_acme_103_and_042_anything_else_is_not_and_bodies_are_never_told(attempt, site):
    secret = "SECRET-4711"
    tries = []
    for spoil in (lambda p: secret, lambda p: " " + p, lambda p: p + "x", lambda p: p[:-1], lambda p: "", lambda p: p + " " * 2000 + secret,
                  lambda p: p.split(".")[0], lambda p: p.swapcase()):
        t = attempt()
        site.answers[t.path] = spoil(t.proof)
        t.answer()
        tries.append(t)
    for status in (201, 204, 404, 500):
        t = attempt()
        site.answers[t.path] = (status, {}, t.proof if status != 204 else "")
        t.answer()
        tries.append(t)
    for t in tries:
        challenge = t.end()
        assert challenge["status"] == "invalid" and challenge["error"]["type"].endswith(":incorrectResponse")
        assert secret not in json.dumps(challenge) and t.proof not in json.dumps(challenge["error"])


# --- 104: redirects ---

def redirect(to, status=302):
    return (status, {"Location": to}, "go away")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_acme_104_redirects_are_followed(lab, attempt, site, status):
    t = attempt()
    lab.dns.answers["elsewhere.example.net"] = ["127.0.0.1"]
    site.answers["/proof" + t.token] = t.proof
    site.answers[t.path] = redirect("http://elsewhere.example.net:%d/proof%s" % (lab.ca.http01_port, t.token), status)
    assert t.run()["status"] == "valid"
    assert ("elsewhere.example.net:%d" % lab.ca.http01_port, "/proof" + t.token) in site.seen


def test_acme_104_relative_redirects_are_followed(attempt, site):
    t = attempt()
    site.answers["/there/" + t.token] = t.proof
    site.answers[t.path] = redirect("/there/" + t.token)
    assert t.run()["status"] == "valid"


@pytest.mark.parametrize("size", [0, 1024, 1025, 200000])
def test_acme_104_the_body_of_a_redirect_does_not_count(attempt, site, size):
    t = attempt()
    site.answers["/there/" + t.token] = t.proof
    site.answers[t.path] = (301, {"Location": "/there/" + t.token, "Content-Type": "text/html"}, b"x" * size)
    assert t.run()["status"] == "valid"


def test_acme_104_ten_redirects_are_followed_and_not_eleven(attempt, site):
    good, bad = attempt(), attempt()
    for t, hops in ((good, 10), (bad, 11)):
        paths = [t.path] + ["/hop%d/%s" % (i, t.token) for i in range(hops)]
        for here, there in zip(paths, paths[1:]):
            site.answers[here] = redirect(there)
        site.answers[paths[-1]] = t.proof
    assert good.run()["status"] == "valid"
    bad.fails("incorrectResponse", "more than 10")


def test_acme_104_circles_and_bad_targets_are_refused(attempt, site, lab):
    t = attempt()
    site.answers[t.path] = redirect(t.path)
    t.answer()
    tries = [t]
    for to in ("http://%s:%d/" % ("x.example.net", 8080), "ftp://x.example.net/", "file:///etc/passwd", "gopher://x.example.net:80/",
               "http://user:pw@x.example.net/", "http://[::1/", "https://x.example.net:22/"):
        t = attempt()
        site.answers[t.path] = redirect(to)
        t.answer()
        tries.append(t)
    tries[0].fails("incorrectResponse", "circle")
    for t in tries[1:]:
        t.fails("incorrectResponse", "redirected to")


def test_acme_104_tls_of_a_redirect_target_is_not_verified(lab, shared, site):
    """The target's certificate is for nobody: a port that is 443 cannot be had here, so the https server listens on the http-01 port
    of another address."""
    t = Try(lab, shared)
    lab.dns.answers["tls.example.net"] = ["127.0.0.2"]
    key, chain = shared.tls
    server = Http01Server(lab.ca.http01_port, "127.0.0.2", (chain, key))
    try:
        server.answers["/proof"] = t.proof
        site.answers[t.path] = redirect("https://tls.example.net:%d/proof" % lab.ca.http01_port)
        assert t.run()["status"] == "valid"
        assert server.seen == [("tls.example.net:%d" % lab.ca.http01_port, "/proof")]
    finally:
        server.close()


def test_acme_104_everything_together_has_one_timeout(attempt, site):
    def stall(handler):
        time.sleep(5)
    t = attempt()
    site.answers[t.path] = stall
    begin = time.monotonic()
    t.fails("connection")
    assert time.monotonic() - begin < 25  # two tries of 3 s, 5 s apart


# --- 105: addresses ---

@pytest.mark.parametrize("address", ["10.1.2.3", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1", "::",
                                     "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"])
def test_acme_105_addresses_outside_the_allow_list_are_refused(attempt, address):
    error = attempt(addresses=[address]).fails("connection", "does not connect to")
    assert error["status"] == 400


def test_acme_105_refusal_by_policy_is_not_tried_again(lab, attempt):
    t = attempt(addresses=["10.1.2.3"])
    begin = time.monotonic()
    t.fails("connection")
    assert time.monotonic() - begin < 4


def test_acme_105_redirect_targets_are_checked_too(lab, attempt, site):
    lab.dns.answers["metadata.example.net"] = ["169.254.169.254"]
    tries = []
    for to in ("http://metadata.example.net/latest", "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fe80::1]/",
               "http://0x7f000001/", "http://2130706434:80/"):
        t = attempt()
        site.answers[t.path] = redirect(to)
        t.answer()
        tries.append((to, t))
    for to, t in tries:
        challenge = t.end()
        assert challenge["status"] == "invalid" and challenge["error"]["type"].endswith((":connection", ":dns")), (to, challenge)


def test_acme_105_rebinding_leads_nowhere(lab, attempt, site):
    """The name answers an allowed address once and a forbidden one after: the address that was checked is the one that is used."""
    answers = iter([["127.0.0.1"]] + [["10.9.9.9"]] * 50)
    cache = {}

    def change(kind):
        if kind != 1:
            return []
        return cache.setdefault("now", []) or next(answers)
    t = attempt(addresses=change)
    site.answers[t.path] = t.proof
    assert t.run()["status"] == "valid"
    again = [q for q in lab.dns.queries if q == (t.name, 1)]
    assert len(again) == 1


# --- 106, 108: addresses and names ---

def test_acme_106_ipv6_first_with_a_fallback_to_ipv4(lab, shared, site):
    """[::1] is outside the allow-list here, so IPv4 is the only choice; then nothing listens on the first address of a family."""
    t = Try(lab, shared, addresses=["::1", "127.0.0.1"])
    site.answers[t.path] = t.proof
    assert t.run()["status"] == "valid"


def test_acme_108_missing_names_are_dns_problems(lab, attempt):
    tries = [attempt(addresses=None), attempt(addresses=[])]
    for t in tries:
        t.answer()
    for t in tries:
        t.fails("dns", "no address")


def test_acme_108_silent_resolver_is_a_dns_problem(lab, attempt):
    t = attempt()
    lab.dns.silent.add(t.name)
    t.fails("dns")


def test_acme_108_no_search_domains(lab, attempt):
    t = attempt("dns:singlelabel", addresses=None)
    t.fails("dns")
    assert {name for name, _ in lab.dns.queries if name.startswith("singlelabel")} == {"singlelabel"}


def test_acme_connection_refused_is_a_connection_problem(lab, attempt):
    t = attempt(addresses=["127.0.0.3"])
    t.fails("connection", "127.0.0.3")


# --- the validator as a program ---

def test_acme_091_challenges_wait_for_a_validator(lab, shared, site):
    t = Try(lab, shared)
    site.answers[t.path] = t.proof
    lab.ca.stop_program("chancery-validator")
    assert json.loads(t.answer().body)["status"] == "processing"
    lab.ca.spawn("chancery-validator")
    assert t.end()["status"] == "valid"


def test_acme_091_a_dead_validators_work_is_taken_over(lab, shared, site):
    import signal
    started, release = [], []

    def stall(handler):
        started.append(1)
        if len(started) == 1:
            while not release:
                time.sleep(0.05)
        return t.proof
    t = Try(lab, shared)
    site.answers[t.path] = stall
    t.answer()
    wait_for(lambda: started, 10, "the first validator asks")
    lab.ca.stop_program("chancery-validator", signal.SIGKILL)
    release.append(1)
    # its lease runs out: make that now
    lab.ca.sql("UPDATE chancery.acme_challenge SET claimed_until = now() WHERE id = %s", t.url.rsplit("/", 1)[1], role=lab.ca.pg.superuser)
    lab.ca.spawn("chancery-validator")
    assert t.end()["status"] == "valid"


def test_acme_two_validators_share_the_work(lab, shared, site):
    lab.ca.spawn("chancery-validator", 2)
    tries = [Try(lab, shared) for _ in range(12)]
    for t in tries:
        site.answers[t.path] = t.proof
        t.answer()
    for t in tries:
        assert t.end()["status"] == "valid"
        assert len([1 for _, path in site.seen if path == t.path]) == 1
    lab.ca.stop_program("chancery-validator-2")


def test_acme_a_wildcard_is_not_proven_by_a_page_whatever_a_gateway_wrote(lab, shared, site):
    t = Try(lab, shared)
    site.answers[t.path] = t.proof
    lab.ca.stop_program("chancery-validator")
    challenge = t.url.rsplit("/", 1)[1]
    lab.ca.sql("UPDATE chancery.acme_authorization SET wildcard = true WHERE id = (SELECT \"authorization\" FROM chancery.acme_challenge WHERE id = %s)",
               challenge, role=lab.ca.pg.superuser)
    t.answer()
    lab.ca.spawn("chancery-validator")
    wait_for(lambda: lab.ca.sql("SELECT status FROM chancery.acme_challenge WHERE id = %s", challenge, role=lab.ca.pg.superuser) == [("invalid",)],
             15, "the challenge is over")
    assert t.path not in [path for _, path in site.seen]


def test_acme_066_closed_accounts_challenges_are_not_looked_at(lab, site):
    client = lab.client()
    t = Try(lab, client)
    site.answers[t.path] = t.proof
    lab.ca.stop_program("chancery-validator")
    t.answer()
    client.ok(client.kid, {"status": "deactivated"})
    lab.ca.spawn("chancery-validator")

    def ended():
        (row,) = lab.ca.sql("SELECT status FROM chancery.acme_challenge WHERE id = %s", t.url.rsplit("/", 1)[1], role=lab.ca.pg.superuser)
        return row[0] == "invalid"
    wait_for(ended, 15, "the challenge is over")
    assert t.path not in [path for _, path in site.seen]
