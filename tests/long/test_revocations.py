"""Three million live revocations: the CRL is published whole, every program starts, and a revocation is still known at once."""

import os
import re
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "blackbox"))
import revocation as rev  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402

ROWS = int(os.environ.get("CHANCERY_LONG_ROWS", 3_000_000))
FILL = """SET session_replication_role = replica;  -- no look at the issuer for each row
    INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, reason, not_after, actor, xid)
    SELECT decode('40' || substr(md5(n::text), 3), 'hex'), (SELECT id FROM issuer WHERE name = 'issuing-1'), 0, now() - interval '1 hour', 1,
        date_trunc('second', now()) + interval '2 days' + (n %% 2500) * interval '1000 seconds', 'bulk', '5'::xid8
    FROM generate_series(1, %s) n ON CONFLICT DO NOTHING"""
AT_ONCE = ROWS // 30
MANY = """INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor)
    SELECT decode('50' || lpad(to_hex(n), 30, '0'), 'hex'), id, 0, now(), now() + interval '2 days', 'bulk' FROM issuer, generate_series(1, %s) n
    WHERE name = 'issuing-1';
    INSERT INTO crl_dirty (issuer, crl_shard) SELECT id, 0 FROM issuer WHERE name = 'issuing-1'"""
SLOW = re.compile(r"duration: (\d+)\.\d+ ms +(?:execute|bind) (\S+):")


# Feeds step back by 20,000 transactions after a reconnect; three million revocations have taken more than that.
AGE = """DO $$ BEGIN FOR i IN 1..50000 LOOP
    BEGIN INSERT INTO acme_nonce_used VALUES ('age', now()); RAISE SQLSTATE 'AGE01'; EXCEPTION WHEN SQLSTATE 'AGE01' THEN NULL; END;
END LOOP; END $$"""


class Timed:
    """Prints how long something took."""

    def __init__(self, what):
        self.what = what

    def __enter__(self):
        self.begun = time.monotonic()
        return self

    def __exit__(self, *exc):
        self.seconds = time.monotonic() - self.begun
        print("%-60s %8.2f s" % (self.what, self.seconds), flush=True)


@pytest.fixture(scope="module")
def ca():
    with Instance(postgresql="log_min_duration_statement = 1000\nshared_buffers = '512MB'\nmax_wal_size = '4GB'\n") as instance:
        instance.add_identity("known", "device", ["device=dns:known.example.org", "device=dns:late.example.org"])
        instance.known = instance.issue("known", "device", ["dns:known.example.org"])
        instance.late = instance.issue("known", "device", ["dns:late.example.org"])
        with Timed("%d revocations by SQL" % ROWS):
            instance.sql(FILL, ROWS, role=instance.pg.superuser)
            instance.sql("INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor, xid) SELECT serial, issuer, 0, now(), "
                         "not_after, 'bulk', '6'::xid8 FROM certificate WHERE serial = decode(%s, 'hex')", serial_of(instance.known[1]))
            instance.sql("INSERT INTO crl_dirty (issuer, crl_shard) SELECT id, 0 FROM issuer WHERE name = 'issuing-1'")
            instance.sql(AGE)
            instance.sql("ANALYZE revocation")
        yield instance


def serial_of(path):
    return "%032x" % rev.load(path).serial_number


def entries(ca):
    return max((row[0] for row in ca.sql("SELECT entries FROM crl c JOIN issuer i ON i.id = c.issuer WHERE i.name = 'issuing-1' "
                                         "ORDER BY number DESC LIMIT 1")), default=0)


def memory(ca, key):
    """Megabytes now, and at most until now."""
    with open("/proc/%d/status" % ca.running[key].process.pid) as f:
        text = f.read()
    return tuple(int(re.search(r"%s:\s+(\d+)" % name, text).group(1)) // 1024 for name in ("VmRSS", "VmHWM"))


def test_crl_is_published_whole_while_issuing_goes_on(ca):
    delays, done = [], threading.Event()

    def issue():
        while not done.is_set():
            begun = time.monotonic()
            ca.issue("known", "device", ["dns:known.example.org"])
            delays.append(time.monotonic() - begun)
    thread = threading.Thread(target=issue)
    thread.start()
    try:
        with Timed("until the CRL is recorded"):
            wait_for(lambda: entries(ca) > ROWS, 300, "the CRL of all")
    finally:
        done.set()
        thread.join()
    print("issuing meanwhile (ca-admin issue, whole): %d, median %.2f s, longest %.2f s" % (
        len(delays), sorted(delays)[len(delays) // 2], max(delays)))
    with Timed("until it is served"):
        wait_for(lambda: int(ca.public().request("HEAD", "/crl/issuing-1.crl").header("Content-Length")) > ROWS * 30, 120, "the CRL is served")
    print("status: %d MB, at most %d" % memory(ca, "chancery-status"))
    path = ca.path("all.crl")
    with Timed("curl fetches it"):
        subprocess.run(["curl", "-sSf", "-o", path, "http://127.0.0.1:%d/crl/issuing-1.crl" % ca.public_port], check=True)
    with Timed("openssl crl reads it"):
        out = subprocess.run("openssl crl -inform DER -in %s -noout -text -CAfile %s | grep -c 'Serial Number'" % (path, ca.issuing),
                             shell=True, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert int(out) == ROWS + 1 == entries(ca)
    print("%d MB; signer: %d MB, at most %d" % (os.path.getsize(path) // 1000000, *memory(ca, "chancery-signer")))


@pytest.mark.parametrize("key", ["chancery-gateway", "chancery-admin", "chancery-status"])
def test_program_starts(ca, key):
    ca.stop_program(key)
    with Timed("%s starts" % key):
        ca.spawn(key)
        ca.wait_ready(120)
    print("%s: %d MB, at most %d" % (key, *memory(ca, key)))


def test_ocsp_says_revoked(ca):
    assert ocsp_status(ca, ca.known[1]) == "revoked"
    assert ocsp_status(ca, ca.late[1]) == "good"


def ocsp_status(ca, path):
    out = subprocess.run(["openssl", "ocsp", "-issuer", ca.issuing, "-cert", path, "-url", "http://127.0.0.1:%d/ocsp" % ca.public_port,
                          "-CAfile", ca.trust, "-no_nonce"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    found = re.search(r": (good|revoked|unknown)", out.stdout)
    assert found, out
    return found.group(1)


def test_revocation_settles_within_a_second(ca):
    with Timed("ca-admin cert revoke, whole") as t:
        told = ca.admin("cert", "revoke", serial_of(ca.late[1]), "--reason", "superseded")
    assert told["programs_behind"] == 0
    assert ocsp_status(ca, ca.late[1]) == "revoked"
    assert t.seconds < 1


def test_many_revocations_at_once_are_told(ca):
    issuer = rev.load(ca.issuing)
    last = rev.request(rev.cert_id(issuer, issuer, serial=int("50" + "%030x" % AT_ONCE, 16)))
    with Timed("%d revocations at once by SQL" % AT_ONCE):
        ca.sql(MANY, AT_ONCE, role=ca.pg.superuser)
    begun = time.monotonic()
    ca.sql("SELECT pg_notify('chancery_state', '')")
    with Timed("until OCSP says revoked of the last one"):
        wait_for(lambda: rev.status_of(rev.post(ca, last)) == "revoked", 60, "the last one is revoked")
    pause = ca.sql("SELECT build_ms FROM crl c JOIN issuer i ON i.id = c.issuer WHERE i.name = 'issuing-1' ORDER BY number DESC LIMIT 1")[0][0] / 100
    wait_for(lambda: entries(ca) >= ROWS + 2 + AT_ONCE, 2 * pause + 200, "the CRL of all")
    number = ca.sql("SELECT max(number) FROM crl c JOIN issuer i ON i.id = c.issuer WHERE i.name = 'issuing-1'")[0][0]
    wait_for(lambda: any("event=crl.serve" in line and "number=%d" % number in line for line in ca.log_lines("chancery-status")), 120,
             "it is served")
    print("until a CRL tells of them, served: %.1f s; the pause after the one before: %.1f s" % (time.monotonic() - begun, pause))


def test_pem_and_bundle_are_made_while_they_are_sent(ca):
    for name in ("issuing-1.pem", "bundle.pem"):
        path = ca.path(name)
        with Timed("curl fetches %s" % name):
            subprocess.run(["curl", "-sSf", "-o", path, "http://127.0.0.1:%d/crl/%s" % (ca.public_port, name)], check=True)
        subprocess.run("openssl crl -in %s -outform DER -out %s.der" % (path, path), shell=True, check=True)
    with open(ca.path("issuing-1.pem.der"), "rb") as f:
        assert f.read() == ca.public().request("GET", "/crl/issuing-1.crl").body


def test_status_program_takes_140_octets_a_revocation_besides_60_megabytes(ca):
    """With a CRL that has taken the place of another, and all of them in the OCSP table."""
    print("status: %d MB, at most %d" % memory(ca, "chancery-status"))
    assert memory(ca, "chancery-status")[1] < 60 + ROWS * 140 // 1_000_000


def test_status_is_healthy(ca):
    wait_for(lambda: ca.sql("SELECT count(*) FROM crl_dirty") == [(0,)], 300, "the next CRL")
    with Timed("ca-admin status"):
        assert ca.admin("status")["healthy"]
    assert ca.public().request("GET", "/ready").body == b"ready\n"


def test_no_statement_but_the_record_of_a_crl_took_a_second(ca):
    with open(ca.pg.log) as f:
        slow = [(name, int(ms)) for ms, name in SLOW.findall(f.read())]
    print("over a second:", slow)
    assert {name for name, _ in slow} <= {"crl_insert"}
