"""Authority that is taken away while a request is under way, with two signers and two gateways: whatever the moment, nothing is
recorded by it after the commit of what took it away. Judged by commit times in the database, a hundred rounds for each kind."""

import base64
import json
import os
import random
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", d) for d in ("lib", "blackbox")]
from acme_client import AcmeClient, new_csr  # noqa: E402
from est import cert, path  # noqa: E402
from instance import Instance, free_port, make_csr, new_key  # noqa: E402
from pgcluster import wait_for  # noqa: E402

ROUNDS = 100
ADMIN, GATEWAY, OWNER = "chancery_admin", "chancery_gateway", "chancery_owner"
GUARDED = {"name": "guarded", "requesters": ["device"], "protocols": ["est"], "keys": ["p256"], "lifetime": "1h",
           "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]},
           "approval": {"operators": 1, "within": "1h"}}


@pytest.fixture(scope="module")
def ca():
    instance = Instance(signers=2, profiles=[GUARDED], postgresql="track_commit_timestamp = on")
    instance.second = free_port()
    instance.changes = {"est": {"wait": "10s", "labels": [{"name": n, "profile": n} for n in ("device", "guarded")]},
                        "enroll": {"base_urls": ["https://localhost:%d" % p for p in (instance.port, instance.second)]}}
    with instance as ca:
        metrics = {"port": free_port()}
        ca.spawn("chancery-gateway", 2, ca.write_config(ca.path("second.yaml"), {"enroll": {"port": ca.second}, "metrics": metrics}))
        wait_for(lambda: answers(ca), 30, "the second gateway answers")
        yield ca


def answers(ca):
    ca.check_running()
    try:
        with ca.operator(ca.second) as c:
            return c.request("GET", path("cacerts")).status == 200
    except OSError:
        return False


def body(names, key=None, common_name=None):
    return base64.b64encode(make_csr(key or new_key(), common_name, names).public_bytes(serialization.Encoding.DER))


class Who:
    """An identity with a name of its own under every profile; a first certificate, and a new one for each round."""
    number = 0

    def __init__(self, ca, kind="device", profile="device"):
        Who.number += 1
        self.ca, self.name, self.profile = ca, "%s-%d" % (kind, Who.number), profile
        self.dns = "dns:%s.example.org" % self.name
        self.names = [] if kind == "operator" else [self.dns]
        if kind == "operator":
            self.first = ca.add_operator(self.name, "officer")
        else:
            ca.add_identity(self.name, kind, ["%s=%s" % (p, self.dns) for p in {profile, "guarded"} if kind == "device" or p == profile])
            self.first = ca.issue(self.name, profile, self.names)
        self.id = ca.sql("SELECT id FROM identity WHERE name = %s", self.name)[0][0]
        self.clients = {}

    def fresh(self):
        """Another certificate: its files and serial."""
        key = new_key()
        if self.profile == "operator":
            files = self.ca.issue(self.name, self.profile)
            serial = self.ca.sql("SELECT serial FROM issuance_request WHERE identity = %s ORDER BY id DESC LIMIT 1", self.id)[0][0]
            return files, bytes(serial)
        if self.profile == "workload":
            files = self.ca.issue(self.name, self.profile, self.names, key=key)
            serial = self.ca.sql("SELECT serial FROM issuance_request WHERE identity = %s ORDER BY id DESC LIMIT 1", self.id)[0][0]
            return files, bytes(serial)
        with self.ca.client(*self.first) as c:
            got = cert(c.request("POST", path("simpleenroll", self.profile), body(self.names, key), "application/pkcs10"))
        return self.ca.save(key, got), got.serial_number.to_bytes(16, "big")


# --- who asks, in one round: callables that ask at once, each over a kept connection of its own ---


def warm(client, get):
    """A connection that is there; blocked clients have lost theirs."""
    def let_in():
        try:
            return get().status == 200
        except OSError:
            client.close()
            return False
    wait_for(let_in, 20, "the client is let in")


def kept(who, files, protocol, make):
    """Clients with the first certificate stay for all rounds."""
    if files is not who.first:
        return make()
    if protocol not in who.clients:
        who.clients[protocol] = make()
    return who.clients[protocol]


def by_est(who, files, operation="simpleenroll", keys=(None,) * 3, label="device"):
    ca = who.ca
    clients = kept(who, files, "est", lambda: [ca.client(*files, port=ca.second if i % 2 else None) for i in range(3)])
    for c in clients:
        warm(c, lambda c=c: c.request("GET", path("cacerts")))
    name = who.name if operation == "simplereenroll" else None
    return [lambda c=c, b=body(who.names, k, name): c.request("POST", path(operation, label), b, "application/pkcs10").status
            for c, k in zip(clients, keys)], [] if files is who.first else clients


def new_accounts(who, files):
    ports = [who.ca.second if i % 2 else who.ca.port for i in range(3)]
    clients = [AcmeClient(who.ca, *files, base="https://localhost:%d" % p, port=p) for p in ports]
    for c in clients:
        c.register()
    return clients


def prove(ca, client):
    for status in ("processing", "valid"):
        ca.sql("UPDATE acme_challenge c SET status = %s, validated_at = now() FROM acme_authorization z "
               "WHERE c.authorization = z.id AND z.account = %s AND c.status <> 'valid'", status, client.kid.rsplit("/", 1)[1],
               role=ca.pg.superuser)


def by_acme(who, files, clients=None, name=None):
    """Orders that are ready: by a grant, or with a name by authorizations."""
    asks, mine = [], clients is None
    if mine:
        clients = kept(who, files, "acme", lambda: new_accounts(who, files))
    for c in clients:
        warm(c, lambda c=c: c.get(c.url("directory")))
        c.nonce = None
        order = c.new_order([name or who.dns])
        if name is not None:
            prove(who.ca, c)
        csr = new_csr([name or who.dns])[0]
        asks.append(lambda c=c, order=order, csr=csr: c.post(order["finalize"], {"csr": csr}).status)
    return asks, [] if files is who.first and mine else clients


def by_admin(who, files, target):
    ca = who.ca
    clients = kept(who, files, "admin", lambda: [ca.client(*files, port=ca.admin_port) for _ in range(3)])
    for c in clients:
        warm(c, lambda c=c: c.request("GET", "/admin/v1/issuers"))
    return [lambda c=c, b=body(target.names): c.request("POST", "/admin/v1/issue", json.dumps(
        {"identity": target.name, "profile": "device", "csr": b.decode()}).encode(), "application/json").status for c in clients], [] if files is who.first else clients


# --- kinds of authority: (asks, clients, taking, putting it back) of one round ---


def est_shown(ca, s):
    files, serial = s.who.fresh()
    return *by_est(s.who, files), (ADMIN, "SELECT outcome FROM certificate_revoke(%s, 4::smallint, 't', 'r')", serial), None


def est_predecessor(ca, s):
    files, serial = s.who.fresh()
    return *by_est(s.who, files, "simplereenroll"), (
        ADMIN, "SELECT outcome FROM certificate_revoke_line(%s, 4::smallint, 't', 'r')", serial), None


def est_identity(ca, s):
    return *by_est(s.who, s.who.first), (ADMIN, "SELECT identity_set_state(%s, 'blocked', 't', 'r')", s.who.name), (
        ADMIN, "SELECT identity_set_state(%s, 'active', 't', 'r')", s.who.name)


def est_grant(ca, s):
    return *by_est(s.who, s.who.first), (ADMIN, "SELECT grant_remove(%s, 'device', %s, 't', 'r')", s.who.id, s.who.dns), (
        ADMIN, "SELECT grant_add(%s, 'device', %s, 't', 'r')", s.who.id, s.who.dns)


def est_key(ca, s):
    """The key is said to be compromised by its certificate of another identity."""
    key = new_key()
    with ca.client(*s.other.first) as c:
        serial = cert(c.request("POST", path("simpleenroll", "device"), body(s.other.names, key), "application/pkcs10")).serial_number
    return *by_est(s.who, s.who.first, keys=(key, key)), (
        ADMIN, "SELECT outcome FROM certificate_revoke(%s, 1::smallint, 't', 'r')", serial.to_bytes(16, "big")), None


def by_row(who, profile):
    """A gateway's row in the queue, for what a client would have to wait for; its id."""
    key = new_key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    (row,), = who.ca.sql("INSERT INTO issuance_request (protocol, request_id, identity, profile, names, spki, requester, proof) "
                         "VALUES ('est', 'r', %s, %s, %s, %s, %s, 'certificate') RETURNING id",
                         who.id, profile, who.names, key, who.id, role=GATEWAY)
    who.ca.sql("NOTIFY chancery_request", role=GATEWAY)
    return row


def est_issuer(ca, s):
    return [lambda: by_row(s.who, "device")] * 2, [], (OWNER, "UPDATE issuer SET state = 'retired' WHERE name = 'issuing-1'"), (
        OWNER, "UPDATE issuer SET state = 'active' WHERE name = 'issuing-1'")


def est_approver(ca, s):
    """A held request, an operator who approves it, and is blocked."""
    held = by_row(s.who, "guarded")
    wait_for(lambda: ca.sql("SELECT 1 FROM issuance_request WHERE id = %s AND state = 'held'", held), 20, "it is held")

    def approve():
        ca.sql("SELECT request_approve(%s, %s, 't', 'r')", held, s.operator.id, role=ADMIN)
        ca.sql("NOTIFY chancery_request", role=ADMIN)
    return [approve], [], (ADMIN, "SELECT identity_set_state(%s, 'blocked', 't', 'r')", s.operator.name), (
        ADMIN, "SELECT identity_set_state(%s, 'active', 't', 'r'), request_reject(%s, 't', 't', 'r')", s.operator.name, held)


def acme_shown(ca, s):
    files, serial = s.workload.fresh()
    return *by_acme(s.workload, files), (ADMIN, "SELECT outcome FROM certificate_revoke(%s, 4::smallint, 't', 'r')", serial), None


def acme_grant(ca, s):
    return *by_acme(s.workload, s.workload.first), (
        ADMIN, "SELECT grant_remove(%s, 'workload', %s, 't', 'r')", s.workload.id, s.workload.dns), (
        ADMIN, "SELECT grant_add(%s, 'workload', %s, 't', 'r')", s.workload.id, s.workload.dns)


def acme_account(ca, s):
    clients = new_accounts(s.workload, s.workload.first)[:1]
    asks, clients = by_acme(s.workload, s.workload.first, clients)
    return asks, clients, (GATEWAY, "SELECT acme_account_move(%s, 'valid', 'deactivated')", clients[0].kid.rsplit("/", 1)[1]), None


def acme_authorization(ca, s):
    (client, *_) = kept(s.workload, s.workload.first, "acme", lambda: new_accounts(s.workload, s.workload.first))
    name = "dns:x%d.example.net" % random.randrange(1 << 60)
    asks, _ = by_acme(s.workload, s.workload.first, [client], name)
    z = ca.sql("SELECT id FROM acme_authorization WHERE identifier = %s", name)[0][0]
    return asks, [], (GATEWAY, "SELECT acme_authorization_deactivate(%s)", z), None


def acme_identity(ca, s):
    return *by_acme(s.workload, s.workload.first), (ADMIN, "SELECT identity_set_state(%s, 'blocked', 't', 'r')", s.workload.name), (
        ADMIN, "SELECT identity_set_state(%s, 'active', 't', 'r')", s.workload.name)


def admin_operator(ca, s):
    return *by_admin(s.operator, s.operator.first, s.who), (
        ADMIN, "SELECT identity_set_state(%s, 'blocked', 't', 'r')", s.operator.name), (
        ADMIN, "SELECT identity_set_state(%s, 'active', 't', 'r')", s.operator.name)


def admin_shown(ca, s):
    files, serial = s.operator.fresh()
    return *by_admin(s.operator, files, s.who), (
        ADMIN, "SELECT outcome FROM certificate_revoke(%s, 4::smallint, 't', 'r')", serial), None


KINDS = [est_shown, est_predecessor, est_identity, est_grant, est_key, est_issuer, est_approver, acme_shown, acme_grant, acme_account,
         acme_authorization, acme_identity, admin_operator, admin_shown]


class Stage:
    """Who plays. A round looks at what came after its mark; what is held by a retired CA may come rounds later."""
    marks = {}

    def mark(self, kind):
        last = self.who.ca.sql("SELECT coalesce(max(id), 0) FROM issuance_request WHERE state <> 'held'")[0][0]
        return self.marks.setdefault(kind, last) if kind is est_issuer else last

    def __init__(self, ca):
        self.who, self.other = Who(ca), Who(ca)
        self.workload, self.operator = Who(ca, "workload", "workload"), Who(ca, "operator", "operator")


@pytest.fixture(scope="module")
def stage(ca):
    return Stage(ca)


def take(ca, role, text, *args):
    """Runs it in a transaction of its own; the transaction's number."""
    conn = ca.pg.connect("chancery", role)
    conn.autocommit = False
    with conn.cursor() as cur:
        cur.execute(text, args)
        cur.execute("SELECT pg_current_xact_id()::text")
        number = cur.fetchone()[0]
    conn.commit()
    conn.close()
    return number


def drained(ca, mark):
    return not ca.sql("SELECT 1 FROM issuance_request WHERE id > %s AND state = 'pending'", mark)


def one_round(ca, kind, stage, longest):
    asks, clients, taking, back = kind(ca, stage)
    mark = stage.mark(kind)
    start = threading.Barrier(len(asks) + 1)

    def run(ask):
        start.wait()
        began = time.monotonic()
        try:
            ask()
        except (OSError, AssertionError):
            pass  # the gateway ends connections of whoever has lost its certificate
        longest.append(time.monotonic() - began)
    threads = [threading.Thread(target=run, args=(a,)) for a in asks]
    for t in threads:
        t.start()
    delay = random.uniform(0, sorted(longest)[len(longest) // 2] * 1.2) if longest else 0.01
    start.wait()
    deadline = time.monotonic() + delay
    while time.monotonic() < deadline:
        pass
    number = take(ca, *taking)
    if kind is not est_issuer:
        wait_for(lambda: drained(ca, mark), 20, "nothing of this round waits")
    returned = take(ca, *back) if back is not None else None
    for t in threads:
        t.join(30)
    if kind is not est_issuer:
        wait_for(lambda: drained(ca, mark), 20, "nothing of this round waits")
    for c in clients:
        c.close()
    return ca.sql("SELECT encode(c.serial, 'hex'), pg_xact_commit_timestamp(c.xid::xid) > pg_xact_commit_timestamp(%s::xid8::xid) "
                  "AND (%s IS NULL OR pg_xact_commit_timestamp(c.xid::xid) < pg_xact_commit_timestamp(%s::xid8::xid)) "
                  "FROM issuance_request r JOIN certificate c ON c.serial = r.serial AND c.not_after = r.cert_not_after "
                  "WHERE r.id > %s", number, returned, returned, mark), len(asks)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_nothing_is_recorded_by_authority_that_was_taken_away(ca, stage, kind):
    longest, issued, asked = [], set(), 0
    for n in range(ROUNDS):
        rows, asks = one_round(ca, kind, stage, longest)
        asked += asks
        issued.update(serial for serial, _ in rows)
        assert [serial for serial, after in rows if after] == [], "round %d: recorded after what authorised it was taken away" % n
    if kind is est_issuer:  # what it held back is issued later
        assert ca.sql("SELECT 1 FROM issuance_request WHERE id > %s AND hold IS NOT NULL", stage.mark(kind)), "nothing was held back"
        asked += 1
    assert 0 < len(issued) < asked, "the race was none: %d of %d were issued" % (len(issued), asked)
