"""Bells: wake-ups between programs, coalesced, and back after a lost connection."""

import os
import queue
import select
import socket
import subprocess
import threading
import time

import pytest

from pgcluster import holds_for, wait_for

REQUEST, STATE, EVERY_SECOND = 0, 3, 16
SOON = 0.5  # seconds, on a busy machine; without a ring it takes one


class Listener:
    """store_tool bells, with its lines as they come."""

    def __init__(self, db, place=None, role="chancery_gateway"):
        self.process = subprocess.Popen(db.tool_argv(role, "bells"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, STORE_RUN=str(place)) if place else None)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put((time.monotonic(), line.strip()))

    def expect(self, line, seconds, keep=False):
        """When the line came; others before it are dropped, or kept for later."""
        deadline = time.monotonic() + seconds
        others = []
        while True:
            try:
                when, got = self.lines.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError("not within %s s: %s" % (seconds, line)) from None
            if got == line:
                for other in others if keep else ():
                    self.lines.put(other)
                return when
            others.append((when, got))

    def ring(self, bell, times=1):
        """Returns once it has rung; 0 times: it is busy with this bell from now on."""
        self.process.stdin.write("%d %d\n" % (bell, times))
        self.process.stdin.flush()
        return self.expect("rang", 5, keep=True)

    def heard(self):
        """The bells since the last look, those once a second apart."""
        lines = []
        while not self.lines.empty():
            lines.append(self.lines.get()[1])
        return [int(line.split()[1]) for line in lines if line.startswith("bell") and line != "bell %d" % EVERY_SECOND]

    def __enter__(self):
        self.expect("bell %d" % EVERY_SECOND, 10)  # it listens
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(10)


def placed(db):
    return db.sql("postgres", "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND application_name ~ 'store_tool@\\S+ [0-9a-f]{8}'", db.name)


def notify(db, channel="chancery_state"):
    db.sql("chancery_gateway", "SELECT pg_notify(%s, '')", channel)


def backend(db):
    """The listening session of one that is near nobody."""
    rows = db.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name LIKE 'store_tool@%% -'", db.name)
    return rows and rows[0][0]


def test_bell_of_another_program_wakes_at_once(db):
    with Listener(db) as listener:
        start = time.monotonic()
        notify(db)
        assert listener.expect("bell %d" % STATE, 5) - start < SOON


def test_own_bell_is_heard_too(db):
    with Listener(db) as listener:
        listener.ring(STATE)
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
        wait_for(lambda: backend(db), 10, "it listens again")
        start = time.monotonic()
        notify(db)
        assert listener.expect("bell %d" % STATE, 5) - start < SOON


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


@pytest.fixture
def place(tmp_path):
    os.chmod(tmp_path, 0o755)
    return tmp_path


def sockets(place):
    return sorted(n for n in os.listdir(place) if n.startswith("bell-"))


def notifications(db):
    """Counts what a session hears that has told nobody that it listens."""
    hearer = db.connect("chancery_gateway")
    hearer.cursor().execute("LISTEN chancery_state")

    def count():
        hearer.poll()
        return len(hearer.notifies)
    return count


def nobody_elsewhere(db, listener, count):
    """Waits until a ring sends no notification any more: it has looked and found nobody who is not near."""
    def silent():
        before = count()
        listener.ring(STATE)
        try:
            holds_for(lambda: count() == before, 0.05, "no notification")  # longer than they are held back
        except AssertionError:
            return False
        return True
    wait_for(silent, 20, "no notification")


def test_the_near_ring_one_another_without_the_database(db, place):
    count = notifications(db)
    with Listener(db, place) as one, Listener(db, place) as other:
        nobody_elsewhere(db, one, count)
        before = count()
        other.heard()
        start = one.ring(STATE)
        assert other.expect("bell %d" % STATE, 5) - start < SOON
        assert count() == before
    assert sockets(place) == []


def test_who_is_elsewhere_hears_by_notification(db, place, tmp_path_factory):
    with Listener(db, tmp_path_factory.mktemp("elsewhere")) as other, Listener(db, place) as one:
        wait_for(lambda: len(placed(db)) == 2, 10, "both are known")
        for _ in range(3):
            start = one.ring(STATE)
            assert other.expect("bell %d" % STATE, 5) - start < SOON


def test_who_came_later_and_elsewhere_is_found(db, place, tmp_path_factory):
    count = notifications(db)
    with Listener(db, place) as one:
        nobody_elsewhere(db, one, count)
        with Listener(db, tmp_path_factory.mktemp("elsewhere")) as other:
            def heard():
                other.heard()
                one.ring(STATE)
                try:
                    return other.expect("bell %d" % STATE, 0.2)
                except AssertionError:
                    return False
            wait_for(heard, 15, "it is found")


def test_the_near_hear_once_although_others_are_notified(db, place, tmp_path_factory):
    with Listener(db, tmp_path_factory.mktemp("elsewhere")) as other, Listener(db, place) as one, Listener(db, place) as near:
        wait_for(lambda: len(placed(db)) == 3, 10, "all are known")
        near.heard()
        one.ring(STATE)
        other.expect("bell %d" % STATE, 5)
        other.expect("bell %d" % EVERY_SECOND, 5)
        near.expect("bell %d" % EVERY_SECOND, 5, keep=True)
        assert near.heard().count(STATE) == 1


def test_a_request_wakes_one_and_always_the_same(db, place):
    with Listener(db, place) as one, Listener(db, place) as two, Listener(db, place) as three:
        for _ in range(20):
            one.ring(REQUEST)
        for x in (one, two, three):
            x.expect("bell %d" % EVERY_SECOND, 5, keep=True)
        heard = sorted(x.heard().count(REQUEST) for x in (one, two, three))
        assert heard[:2] == [0, 0] and heard[2] > 0, heard


def test_a_killed_one_is_passed_over(db, place):
    with Listener(db, place) as one, Listener(db, place) as two, Listener(db, place) as three:
        first = wait_for(lambda: (lambda n: n[0] if not any("-00000-" in x for x in n) else None)(sockets(place)), 5, "all listen")
        killed = [x for x in (one, two, three) if "-%d." % x.process.pid in first][0]
        left = [x for x in (one, two, three) if x is not killed]
        killed.process.kill()
        killed.process.wait()
        left[0].ring(REQUEST)
        for x in left:
            x.expect("bell %d" % EVERY_SECOND, 5, keep=True)
        assert sum(x.heard().count(REQUEST) for x in left) == 1
        assert first not in sockets(place)


def test_who_is_busy_passes_a_ring_on_once(db, place):
    with Listener(db, place) as one, Listener(db, place) as two, Listener(db, place) as three:
        for x in (one, two, three):
            x.ring(REQUEST, 0)
        for x in (one, two, three):
            x.heard()
        start = one.ring(REQUEST)
        for x in (one, two, three):
            if x is not one:
                assert x.expect("bell %d" % REQUEST, 5) - start < SOON
        one.expect("bell %d" % EVERY_SECOND, 5)
        assert all(x.heard().count(REQUEST) == 0 for x in (two, three))


def test_of_another_database_nobody_is_near(db, place, cluster):
    with Listener(db, place) as one:
        other = "bell-00000000-fffff-chancery_gateway-1.0"
        stranger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        stranger.bind(str(place / other))
        stranger.setblocking(False)
        one.ring(STATE)
        with pytest.raises(BlockingIOError):
            stranger.recv(16)


def test_a_killed_programs_socket_goes_with_the_next_start(db, place):
    with Listener(db, place):
        alive = sockets(place)
        dead = alive[0].rsplit("-", 1)[0] + "-1.0"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
            killed.bind(str(place / dead))
        with Listener(db, place):
            assert set(alive) < set(sockets(place)) and dead not in sockets(place)


def test_what_is_no_ring_is_ignored(db, place):
    with Listener(db, place) as one:
        stranger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for octets in (b"", b"\x03", b"\xff\x00", b"\x10\x00", b"\x1f\x00", b"\x03\x00\x00", b"x" * 4096):
            stranger.sendto(octets, str(place / sockets(place)[0]))
        stranger.sendto(b"\x03\x00", str(place / sockets(place)[0]))
        one.expect("bell %d" % STATE, SOON)
        one.expect("bell %d" % EVERY_SECOND, 5)
        assert one.heard() == []


def test_a_run_directory_that_is_not_there_leaves_the_database(db, place):
    with Listener(db, place / "nowhere") as one:
        start = time.monotonic()
        notify(db)
        assert one.expect("bell %d" % STATE, 5) - start < SOON
