"""A unix-socket proxy in front of PostgreSQL that breaks one connection at a chosen moment.

It watches for the extended-protocol Bind of one prepared statement (a COMMIT) and then, once:

    before   the octets with that COMMIT never reach the server
    after    they do, and the connection breaks when the server has answered everything, before any of it is passed on
    answer   as `after`, but everything up to COMMIT's own answer is passed on
"""

import os
import re
import socket
import threading


class Proxy:
    def __init__(self, folder, target, statement, moment):
        self.folder = folder
        self.target = os.path.join(target, ".s.PGSQL.5432")
        self.pattern = re.compile(rb"B....\x00" + statement.encode() + rb"\x00", re.DOTALL)
        self.moment = moment
        self.cuts = 0
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
        os.chmod(os.path.join(folder, ".s.PGSQL.5432"), 0o777)
        self.listener.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            link = Link(self, client, server)
            threading.Thread(target=link.upwards, daemon=True).start()
            threading.Thread(target=link.downwards, daemon=True).start()

    def claim_cut(self):
        """True for the first caller only."""
        with self.lock:
            self.cuts += 1
            return self.cuts == 1

    def close(self):
        self.listener.close()


class Link:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.cutting = threading.Event()

    def hang_up(self):
        for s in (self.client, self.server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def upwards(self):
        try:
            while data := self.client.recv(1 << 20):
                if self.proxy.pattern.search(data) and self.proxy.claim_cut():
                    if self.proxy.moment == "before":
                        break
                    self.cutting.set()
                self.server.sendall(data)
        except OSError:
            pass
        if not self.cutting.is_set():
            self.hang_up()

    def downwards(self):
        held = b""
        try:
            while data := self.server.recv(1 << 20):
                if not self.cutting.is_set():
                    self.client.sendall(data)
                    continue
                held += data
                end = held.find(b"COMMIT\x00")
                if end < 0 or not held.endswith(b"I"):  # ReadyForQuery, idle: the server is done
                    continue
                if self.proxy.moment == "answer":
                    self.client.sendall(held[:end - 5])  # up to the CommandComplete that says COMMIT
                break
        except OSError:
            pass
        self.hang_up()
