"""A unix-socket proxy in front of PostgreSQL that holds one program at a chosen step, so that something can be killed there.

It reads the extended protocol as it passes. A Stop names a database role and a prepared statement, and where to hold it:

    before   the statement's Bind and all behind it have not reached the server; all before it has
    after    the server has answered all of the round trip, and nothing of that answer has been passed on

The first connection that comes there is held until release(), or until either end is gone: then what was held back is lost, as
with the process that sent it. The kernel tells which process is held (Stop.pid).
"""

import os
import select
import socket
import struct
import threading

NAME = ".s.PGSQL.5432"


class Stop:
    def __init__(self, role, statement, moment, rows=False):
        """rows: only an answer that has rows counts (a claim that found something)."""
        self.role, self.statement, self.moment, self.rows = role.encode(), statement.encode(), moment, rows
        self.claimed, self.pid = False, None
        self.reached, self.free, self.broken = threading.Event(), threading.Event(), False

    def release(self):
        self.free.set()

    def cut(self):
        """The connection breaks; what was held back is lost."""
        self.broken = True
        self.free.set()

    def wait(self, seconds=20):
        assert self.reached.wait(seconds), "%s never came to %s %s" % (self.role, self.moment, self.statement)
        return self.pid


class Proxy:
    def __init__(self, folder, target):
        os.mkdir(folder)
        self.folder, self.target = folder, os.path.join(target, NAME)
        self.stops, self.lock = [], threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, NAME))
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            Link(self, client, server).start()

    def arm(self, *args, **kw):
        stop = Stop(*args, **kw)
        with self.lock:
            self.stops.append(stop)
        return stop

    def disarm(self):
        with self.lock:
            stops, self.stops = self.stops, []
        for s in stops:
            s.release()

    def find(self, role, statement, moment):
        for s in list(self.stops):
            if not s.claimed and (s.role, s.statement, s.moment) == (role, statement, moment):
                return s
        return None

    def claim(self, stop):
        """True for the first only: one connection is held."""
        with self.lock:
            first, stop.claimed = not stop.claimed, True
        return first

    def close(self):
        self.listener.close()
        self.disarm()


class Link:
    """One connection: a thread for each direction. Both pass on whole messages only."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.role, self.watch, self.gone = None, None, threading.Event()
        self.pid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def start(self):
        for way in (self.upwards, self.downwards):
            threading.Thread(target=self.run, args=(way,), daemon=True).start()

    def run(self, way):
        try:
            way()
        except OSError:
            pass
        self.gone.set()
        for s in (self.client, self.server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def messages(sock, startup):
        """Lists of whole messages, as they come."""
        data = b""
        while more := sock.recv(1 << 18):
            data += more
            found = []
            while len(data) >= 5:
                size = struct.unpack("!I", data[:4] if startup else data[1:5])[0] + (0 if startup else 1)
                if len(data) < size:
                    break
                found.append(data[:size])
                data, startup = data[size:], False
            if found:
                yield found

    def upwards(self):
        for batch in self.messages(self.client, True):
            ready = []
            for message in batch:
                if self.role is None:
                    words = message[8:].split(b"\0")
                    self.role = dict(zip(words[::2], words[1::2])).get(b"user", b"")
                elif message[:1] == b"B":
                    name = message[5:].split(b"\0", 2)[1]
                    stop = self.proxy.find(self.role, name, "before")
                    if stop is not None and self.proxy.claim(stop):
                        self.server.sendall(b"".join(ready))
                        ready = []
                        self.hold(stop)
                    self.watch = self.watch or self.proxy.find(self.role, name, "after")
                ready.append(message)
            self.server.sendall(b"".join(ready))

    def downwards(self):
        held = []
        for batch in self.messages(self.server, False):
            stop = self.watch
            if stop is None:
                self.client.sendall(b"".join(batch))
                continue
            held += batch
            if held[-1][:1] != b"Z":
                continue
            self.watch = None
            if (not stop.rows or any(m[:1] == b"D" for m in held)) and self.proxy.claim(stop):
                self.hold(stop)
            self.client.sendall(b"".join(held))
            held = []

    def hold(self, stop):
        """Until released, or an end is gone: then OSError."""
        stop.pid = self.pid
        stop.reached.set()
        poll = select.poll()
        for s in (self.client, self.server):
            poll.register(s, select.POLLRDHUP)
        while not stop.free.wait(0.005):
            if self.gone.is_set() or any(e & (select.POLLRDHUP | select.POLLHUP | select.POLLERR) for _, e in poll.poll(0)):
                raise ConnectionResetError("gone while held")
        if stop.broken:
            raise ConnectionResetError("cut")
