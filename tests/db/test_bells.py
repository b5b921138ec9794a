"""Bells: wake-ups between programs, coalesced, and back after a lost connection."""

import queue
import select
import subprocess
import threading
import time

from pgcluster import wait_for

STATE, EVERY_SECOND = 3, 16


class Listener:
    """store_tool bells, with its lines as they come."""

    def __init__(self, db):
        self.process = subprocess.Popen(db.tool_argv("chancery_gateway", "bells"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line.strip()))

    def expect(self, line, seconds):
        """When the line came; others before it are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                when, got = self.lines.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError("not within %s s: %s" % (seconds, line)) from None
            if got == line:
                return when

    def __enter__(self):
        self.expect("bell %d" % EVERY_SECOND, 10)  # it listens
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(10)


def notify(db, channel="chancery_state"):
    db.sql("chancery_gateway", "SELECT pg_notify(%s, '')", channel)


def backend(db):
    return db.value("postgres", "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'store_tool@%%' "
                                "AND query LIKE 'LISTEN%%'", db.name)


def test_bell_of_another_program_wakes_at_once(db):
    with Listener(db) as listener:
        start = time.monotonic()
        notify(db)
        assert listener.expect("bell %d" % STATE, 5) - start < 0.5


def test_own_bell_is_heard_too(db):
    with Listener(db) as listener:
        listener.process.stdin.write("%d 1\n" % STATE)
        listener.process.stdin.flush()
        listener.expect("bell %d" % STATE, 5)


def test_everybody_is_called_once_a_second_without_any_bell(db):
    with Listener(db) as listener:
        times = [listener.expect("bell %d" % EVERY_SECOND, 5) for _ in range(3)]
        assert all(0.5 < b - a < 2 for a, b in zip(times, times[1:]))


def test_lost_listening_connection_comes_back_and_nothing_is_missed(db):
    with Listener(db) as listener:
        db.sql("postgres", "SELECT pg_terminate_backend(%s)", wait_for(lambda: backend(db), 5, "it listens"))
        notify(db)  # perhaps while nobody listens: the call after listening anew covers it
        listener.expect("bell %d" % EVERY_SECOND, 5)
        wait_for(lambda: db.sql("postgres", "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN%%'", db.name),
                 10, "it listens again")
        start = time.monotonic()
        notify(db)
        assert listener.expect("bell %d" % STATE, 5) - start < 0.5


def test_many_rings_become_few_notifications(db):
    hearer = db.connect("chancery_gateway")
    hearer.cursor().execute("LISTEN chancery_state")
    with Listener(db) as listener:
        start = time.monotonic()
        for _ in range(50):
            listener.process.stdin.write("%d 1000\n" % STATE)
        listener.process.stdin.flush()
        for _ in range(50):
            listener.expect("rang", 10)
        spent = time.monotonic() - start
        select.select([hearer], [], [], 5)
        wait_for(lambda: (hearer.poll(), bool(hearer.notifies))[1], 5, "a notification")
        time_to_settle = time.monotonic() + 0.2
        wait_for(lambda: (hearer.poll(), time.monotonic() > time_to_settle)[1], 2, "the last one")
        assert 1 <= len(hearer.notifies) <= spent / 0.002 + 2


def test_ring_asked_for_just_before_closing_is_sent(db):
    hearer = db.connect("chancery_gateway")
    hearer.cursor().execute("LISTEN chancery_crl")
    subprocess.run(db.tool_argv("chancery_gateway", "bells"), input="4 1\n", text=True, stdout=subprocess.DEVNULL, timeout=10, check=True)
    wait_for(lambda: (hearer.poll(), [n.channel for n in hearer.notifies])[1] == ["chancery_crl"], 5, "the ring arrives")
