"""PostgreSQL killed, restarted, suspended under load: what was acknowledged is there, nothing is there twice, and everybody goes on."""

import threading
import time

import pytest

from pgcluster import wait_for
from test_queue import CONSISTENT, told

GATEWAY, SIGNER, OWNER = "chancery_gateway", "chancery_signer", "chancery_owner"


class Load:
    """store_tool load (or adds), with its lines as they come."""

    def __init__(self, db, *args, command="load"):
        self.process = db.start(GATEWAY, command, *args)
        self.lines, self.count = [], 0
        self.counted = "done " if command == "load" else "added "
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            self.count += line.startswith(self.counted)

    def finish(self, seconds):
        assert self.process.wait(seconds) == 0
        self.thread.join(10)
        return "".join(self.lines)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize("how", ["kill", "restart"])
def test_acknowledged_rows_survive_and_none_is_there_twice(own_db, how):
    db, pg = own_db, own_db.cluster
    db.issuer()
    dev = db.identity("dev")
    signer = db.start(SIGNER, "signer", 0)
    load = Load(db, dev, 16, 150)
    try:
        for round_ in range(1, 4):
            wait_for(lambda: load.count > round_ * 400, 60, "certificates are issued")
            if how == "kill":
                pg.kill()
                pg.start()
            else:
                pg.restart()
        output = load.finish(120)
    finally:
        load.end()
        signer.kill()
        signer.communicate()
    done, added = told(output, "done"), told(output, "added")
    assert told(output, "failed") == []
    assert len(done) == len(added) == 16 * 150
    recorded = dict(db.sql(OWNER, "SELECT id::text, encode(serial, 'hex') FROM issuance_request"))
    assert all(recorded[i] == serial for i, serial in done)
    requests = db.sql(OWNER, "SELECT request_id, count(*) FROM issuance_request GROUP BY 1")
    assert all(n == 1 for _, n in requests)
    assert {r for _, r in added} <= {r for r, _ in requests}
    assert db.value(OWNER, CONSISTENT)


def test_every_backend_terminated_again_and_again(own_db):
    db = own_db
    db.issuer()
    dev = db.identity("dev")
    signer = db.start(SIGNER, "signer", 0)
    load = Load(db, dev, 16, 100)
    try:
        for round_ in range(1, 6):
            wait_for(lambda: load.count > round_ * 100, 60, "certificates are issued")
            db.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'store_tool@%%'")
        output = load.finish(120)
    finally:
        load.end()
        signer.kill()
        signer.communicate()
    assert len(told(output, "done")) == 16 * 100
    assert told(output, "failed") == []
    assert db.value(OWNER, CONSISTENT)


def test_silent_database_costs_callers_seconds_not_for_ever(own_db):
    db, pg = own_db, own_db.cluster
    db.issuer()
    dev = db.identity("dev")
    load = Load(db, dev, 4, 1)
    signer = None
    try:
        wait_for(lambda: sum(line.startswith("added") for line in list(load.lines)) == 4, 10, "requests are added")
        pg.suspend()
        late = Load(db, dev, 1, 1)
        try:
            # Opening finds no database in time and says so.
            assert late.process.wait(20) == 1
            assert late.process.stderr.read().startswith("unavailable:")
        finally:
            late.end()
            pg.resume()
        signer = db.start(SIGNER, "signer", 4)
        assert len(told(load.finish(30), "done")) == 4
    finally:
        load.end()
        if signer is not None:
            signer.kill()
            signer.communicate()


def test_writer_answers_unavailable_while_the_database_is_silent(own_db):
    db, pg = own_db, own_db.cluster
    db.issuer()
    dev = db.identity("dev")
    load = Load(db, dev, 4, 1000000, command="adds")
    try:
        wait_for(lambda: load.count > 20, 20, "requests are added")
        pg.suspend()
        start = time.monotonic()
        wait_for(lambda: any(line.startswith("unavailable") for line in list(load.lines)), 30, "a caller is told")
        assert time.monotonic() - start < 20
        pg.resume()
        before = load.count
        wait_for(lambda: load.count > before + 50, 30, "work goes on")
    finally:
        pg.resume()
        load.end()
    load.thread.join(10)
    requests = db.sql(OWNER, "SELECT request_id, count(*) FROM issuance_request GROUP BY 1")
    assert all(n == 1 for _, n in requests)
    assert {r for _, r in told("".join(load.lines[:-1]), "added")} <= {r for r, _ in requests}


def milliseconds(load, word):
    return [int(line.split()[1]) for line in list(load.lines) if line.startswith(word + " ")]


def test_requests_nobody_began_are_given_up_in_time_while_the_database_is_silent(own_db):
    """More at a time than one batch holds, so that some are still queued at their deadline; what was begun is waited for."""
    db, pg = own_db, own_db.cluster
    dev = db.identity("dev")
    load = Load(db, dev, 150, 1500, command="starts")
    try:
        wait_for(lambda: "ended\n" in load.lines, 20, "a round without a signer")
        assert milliseconds(load, "unavailable") == [] and all(ms >= 1500 for ms in milliseconds(load, "pending"))
        pg.suspend()
        # The round that was cut off may be with the writer as a whole; of the next one it can have begun a batch only.
        wait_for(lambda: any(ms < 2500 for ms in milliseconds(load, "unavailable")), 40, "those behind a batch are given up")
        assert min(milliseconds(load, "unavailable")) >= 1500
        rounds = load.lines.count("ended\n")
        wait_for(lambda: load.lines.count("ended\n") > rounds, 30, "the others have an answer too")
        pg.resume()
        before = len(milliseconds(load, "pending"))
        wait_for(lambda: len(milliseconds(load, "pending")) >= before + 150, 30, "requests are recorded again")
    finally:
        pg.resume()
        load.end()
    requests = db.sql(OWNER, "SELECT request_id, count(*) FROM issuance_request GROUP BY 1")
    assert all(n == 1 for _, n in requests)
    load.thread.join(10)
    recorded = {r for r, _ in requests}
    assert {line.split()[2] for line in load.lines if line.startswith("pending ")} <= recorded
    # What was given up without being begun was not recorded later.
    assert not {line.split()[2] for line in load.lines if line.startswith("unavailable ") and int(line.split()[1]) < 2500} & recorded


def test_deadlines_of_recorded_requests_are_kept_while_the_database_is_silent(own_db):
    db, pg = own_db, own_db.cluster
    dev = db.identity("dev")
    load = Load(db, dev, 20, 4000, command="starts")
    try:
        wait_for(lambda: db.value(OWNER, "SELECT count(*) FROM issuance_request") == 20, 10, "requests are recorded")
        pg.suspend()
        wait_for(lambda: "ended\n" in load.lines, 30, "all are told")
        waited = milliseconds(load, "pending")
        assert len(waited) == 20 and min(waited) >= 4000 and max(waited) < 5000
    finally:
        pg.resume()
        load.end()


def test_nonce_key_vanishes_with_its_used_set_when_postgresql_crashes(own_db):
    db = own_db
    db.sql(GATEWAY, "INSERT INTO acme_nonce_key (key) VALUES (sha256('k'))")
    db.sql(GATEWAY, "INSERT INTO acme_nonce_used VALUES ('\\x01', now() + interval '1 hour')")
    db.cluster.restart()
    assert db.value(GATEWAY, "SELECT count(*) FROM acme_nonce_key") == 1
    db.cluster.kill()
    db.cluster.start()
    assert db.value(GATEWAY, "SELECT count(*) FROM acme_nonce_key") == 0
    assert db.value(GATEWAY, "SELECT count(*) FROM acme_nonce_used") == 0
