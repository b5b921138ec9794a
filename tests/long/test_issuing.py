"""Enrollment while CRLs of 200,000 entries are made without a pause and 20 certificates a second are revoked."""

import os
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "blackbox"))
import est  # noqa: E402
from instance import Instance  # noqa: E402
from pgcluster import wait_for  # noqa: E402

ROWS = int(os.environ.get("CHANCERY_LONG_ROWS", 200_000))
SECONDS = 20
REVOKE = """WITH r AS (INSERT INTO revocation (serial, issuer, crl_shard, revoked_at, not_after, actor)
    SELECT uuid_send(gen_random_uuid()), id, 0, now(), now() + interval '2 days', 'bulk' FROM issuer, generate_series(1, %s)
    WHERE name = 'issuing-1' RETURNING issuer)
    INSERT INTO crl_dirty (issuer, crl_shard) SELECT DISTINCT issuer, 0 FROM r"""
# A CRL that cost nothing asks for no pause.
WITHOUT_PAUSE = """CREATE FUNCTION no_pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.build_ms := 0; RETURN NEW; END $$;
    CREATE TRIGGER no_pause BEFORE INSERT ON crl FOR EACH ROW EXECUTE FUNCTION no_pause(); UPDATE crl SET build_ms = 0"""


@pytest.fixture(scope="module")
def ca():
    with Instance(postgresql="shared_buffers = '512MB'\nmax_wal_size = '4GB'\n") as instance:
        yield instance


def crls(ca):
    return ca.sql("SELECT count(*) FROM audit_event WHERE operation = 'crl.publish'")[0][0]


def measure(ca, device):
    """Milliseconds of each enrollment, ten a second."""
    took, until = [], time.monotonic() + SECONDS
    with ca.client(*device.files) as c:
        while time.monotonic() < until:
            csr = device.csr()
            begun = time.monotonic()
            assert est.post(c, csr, "simplereenroll").status == 200
            took.append((time.monotonic() - begun) * 1000)
            time.sleep(0.1)
    return sorted(took)


def tell(what, took):
    print("%-45s %4d, p50 %.1f ms, p90 %.1f, p99 %.1f, longest %.1f" % (
        what, len(took), took[len(took) // 2], took[len(took) * 9 // 10], took[len(took) * 99 // 100], took[-1]), flush=True)


def revoke(ca, done):
    due = time.monotonic()
    while not done.is_set():
        ca.sql(REVOKE, 1)
        due += 0.05
        time.sleep(max(0, due - time.monotonic()))


def test_enrollment_does_not_wait_for_crls(ca):
    device = est.Device(ca)
    quiet = measure(ca, device)
    tell("nothing is revoked", quiet)
    ca.sql(REVOKE, ROWS)
    wait_for(lambda: ca.sql("SELECT 1 FROM crl WHERE entries >= %s", ROWS), 120, "the CRL of all")
    done = threading.Event()
    thread = threading.Thread(target=revoke, args=(ca, done))
    thread.start()
    try:
        before = crls(ca)
        tell("20 revocations a second, CRLs with pauses", measure(ca, device))
        print("%d CRLs in %d s" % (crls(ca) - before, SECONDS))
        ca.sql(WITHOUT_PAUSE)
        before = crls(ca)
        busy = measure(ca, device)
        tell("20 revocations a second, CRLs without pauses", busy)
        print("%d CRLs in %d s" % (crls(ca) - before, SECONDS))
    finally:
        done.set()
        thread.join()
    assert busy[len(busy) // 2] < quiet[len(quiet) // 2] + 100
