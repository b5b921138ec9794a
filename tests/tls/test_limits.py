"""Time, number and load: deadlines nothing moves, bounded connections, a full pool, the end of the server."""
import signal
import socket
import threading
import time

import pytest

from harness import Connection, connect, tcp, wait_until

HOST = "Host: localhost\r\n"


def dribble(c, octets, every=0.2, limit=15):
    """Sends one octet after the other until the server ends the connection; how long that took."""
    begin = time.monotonic()
    c.sock.settimeout(every)
    for octet in octets:
        if time.monotonic() - begin > limit:
            break
        try:
            c.sock.sendall(octet.encode())
            if c.sock.recv(1) == b"":
                return time.monotonic() - begin
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - begin
    raise AssertionError("still open after %g s" % (time.monotonic() - begin))


@pytest.fixture(params=["plain", "tls"])
def hasty(request, start, good):
    server = start(tls=request.param == "tls", deadline=1, idle=2)
    return server, lambda: connect(server, good if request.param == "tls" else None)


def test_dribbled_header_ends_at_the_deadline(hasty):
    server, connect_to = hasty
    c = connect_to()
    c.send(f"GET /pool HTTP/1.1\r\n{HOST}X: ")
    assert dribble(c, "a" * 1000) < 5
    server.wait_log("event=http.request .*outcome=timeout")


def test_slow_body_ends_at_the_deadline(hasty):
    server, connect_to = hasty
    c = connect_to()
    c.send(f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 1000\r\n\r\n")
    assert dribble(c, "a" * 1000) < 5
    server.wait_log("operation=test.any .*outcome=timeout")


def test_dribbled_request_line_ends_too(hasty):
    assert dribble(hasty[1](), "GET /" + "a" * 1000) < 6


def test_silent_connection_ends(hasty):
    c = hasty[1]()
    begin = time.monotonic()
    assert c.ended()
    assert time.monotonic() - begin < 5


def test_kept_connection_ends_after_its_idle_time(hasty):
    c = hasty[1]()
    assert c.get("/pool").status == 200
    begin = time.monotonic()
    assert c.ended()
    assert 1 < time.monotonic() - begin < 6


def test_client_that_does_not_read_is_cut_off(start):
    """Requests go in, answers are never taken: once nothing fits any more, the answer has a deadline too."""
    server = start(tls=False, deadline=1, idle=60)
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", server.port))
    s.setblocking(False)
    octets = f"GET /hello HTTP/1.1\r\n{HOST}\r\n".encode() * 1000

    def cut_off():
        try:
            s.send(octets)
        except BlockingIOError:
            return False
        except OSError:
            return True

    wait_until(cut_off, "the end of a client that does not read")


def test_handler_is_not_subject_to_the_request_deadline(hasty):
    server, connect_to = hasty
    c = connect_to()
    c.send(f"GET /block HTTP/1.1\r\n{HOST}\r\n")
    c.sock.settimeout(2.5)
    with pytest.raises(TimeoutError):
        c.read_some()
    server.command("release 1")
    c.sock.settimeout(20)
    assert c.response().body == b"released\n"


def test_idle_and_half_requests_do_not_spin(start, good):
    server = start(threads=2)
    held = []
    for octets in ("", "GET /po", f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 10\r\n\r\nabc", f"GET /block HTTP/1.1\r\n{HOST}\r\n"):
        c = connect(server, good)
        c.send(octets)
        held.append(c)
    held[3].close()  # gone while suspended
    assert connect(server, good).get("/hello").status == 200
    before = server.cpu_seconds()
    held[0].sock.settimeout(2)
    with pytest.raises(TimeoutError):
        held[0].read_some()
    assert server.cpu_seconds() - before < 0.5
    server.command("release 1")


def test_full_pool_answers_503_at_once(start, good):
    server = start(workers=1, queue=1)
    waiting = []
    for _ in range(2):
        c = connect(server, good)
        c.send(f"GET /block HTTP/1.1\r\n{HOST}\r\n")
        waiting.append(c)
    c = connect(server, good)
    answer = wait_until(lambda: (lambda a: a if a.status == 503 else None)(c.get("/pool", "Connection: keep-alive\r\n"))
                        if blocked(server, good) else None, "a full pool")
    assert 1 <= int(answer.header("Retry-After")) <= 30 and answer.body.startswith(b"busy: ")
    assert c.get("/hello").status == 200, "inline routes go on, and so does the connection"
    server.command("release 2")
    assert [w.response().body for w in waiting] == [b"released\n"] * 2
    assert wait_until(lambda: c.get("/pool").status == 200, "room again")


def blocked(server, good):
    """Both /block requests have been admitted when a third request is turned away."""
    probe = connect(server, good)
    probe.sock.settimeout(0.2)
    try:
        return probe.get("/pool").status == 503
    except TimeoutError:
        return False
    finally:
        probe.close()


def test_connections_per_address_are_bounded(start):
    server = start(tls=False, per_address=3)
    kept = [connect(server) for _ in range(3)]
    assert all(c.get("/hello").status == 200 for c in kept)
    fourth = connect(server)
    with pytest.raises((EOFError, OSError)):
        fourth.get("/hello")
    kept.pop().close()
    wait_until(lambda: served(server), "a free place")


def served(server):
    try:
        c = connect(server)
        ok = c.get("/hello").status == 200
        c.close()
        return ok
    except (EOFError, OSError):
        return False


def test_connections_in_all_are_bounded(start):
    server = start(tls=False, threads=1, connections=4)
    kept = [connect(server) for _ in range(4)]
    assert all(c.get("/hello").status == 200 for c in kept)
    fifth = Connection(tcp(server))
    fifth.send(f"GET /hello HTTP/1.1\r\n{HOST}\r\n")
    fifth.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):
        fifth.response()
    kept.pop().close()
    fifth.sock.settimeout(20)
    assert fifth.response().status == 200


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_full_listener_does_not_spin(start, kind):
    server = start(tls=kind == "tls", threads=2, connections=4)
    waiting = [tcp(server) for _ in range(24)]
    before = server.cpu_seconds()
    waiting[0].settimeout(2)
    with pytest.raises(TimeoutError):
        waiting[0].recv(1)
    assert server.cpu_seconds() - before < 0.5


class Load(threading.Thread):
    """Requests until told to stop or the server says goodbye; every answer that began must be whole."""

    def __init__(self, server, tls_context):
        super().__init__()
        self.server, self.tls_context = server, tls_context
        self.answers, self.problem = 0, None

    def run(self):
        try:
            c = connect(self.server, self.tls_context)
            while True:
                answer = c.get("/pool")
                assert answer.status == 200, answer.status
                self.answers += 1
                if answer.header("Connection") == "close":
                    assert c.ended()
                    return
        except (EOFError, OSError) as e:
            if getattr(e, "args", None) and isinstance(e, EOFError) and e.args[0]:
                self.problem = e
        except AssertionError as e:
            self.problem = e


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_drain_under_load_ends_cleanly(start, good, kind):
    tls = kind == "tls"
    server = start(tls=tls)
    load = [Load(server, good if tls else None) for _ in range(8)]
    for t in load:
        t.start()
    wait_until(lambda: all(t.answers > 5 for t in load), "load")
    server.ask_to_quit(10)
    assert server.process.wait(timeout=20) == 0, server.log()
    for t in load:
        t.join()
    assert [t.problem for t in load if t.problem] == []


def test_drain_waits_for_a_running_request_and_accepts_no_more(start, good):
    server = start()
    c = connect(server, good)
    c.send(f"GET /block HTTP/1.1\r\n{HOST}\r\n")
    assert blocked_handler(server, good)
    server.ask_to_quit(20)
    wait_until(lambda: refused(server), "no new connections")
    c.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        c.read_some()
    server.process.stdin.write(b"release 1\n")
    server.process.stdin.flush()
    c.sock.settimeout(20)
    answer = c.response()
    assert answer.body == b"released\n" and answer.header("Connection") == "close"


def test_drain_waits_for_a_request_that_is_still_arriving(start, good):
    server = start()
    c = connect(server, good)
    c.send(f"POST /any HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert c.read_head().startswith(b"HTTP/1.1 100 ")
    server.ask_to_quit(20)
    wait_until(lambda: refused(server), "no new connections")
    c.send("abc")
    assert c.response().body == b"abc"


def blocked_handler(server, good):
    return connect(server, good).get("/whoami").status == 200


def refused(server):
    try:
        tcp(server).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def test_close_gives_up_on_a_stuck_handler_without_aborting(start, good):
    server = start()
    c = connect(server, good)
    c.send(f"GET /block HTTP/1.1\r\n{HOST}\r\n")
    assert blocked_handler(server, good)
    server.ask_to_quit(1)
    assert server.process.wait(timeout=10) == 0
    assert "event=http.close" in server.log()
    assert server.process.returncode != -signal.SIGABRT
