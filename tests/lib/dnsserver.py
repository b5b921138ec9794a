"""A DNS server for tests: answers A and AAAA from a dictionary, NXDOMAIN for the rest, and nothing at all for names it is told
to keep silent about. answers[name] is a list of addresses, or a function called for every query (to change its mind)."""

import ipaddress
import socket
import struct
import threading

TYPES = {1: 4, 28: 6}


class DnsServer:
    def __init__(self, answers=None):
        self.answers, self.silent, self.queries = dict(answers or {}), set(), []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.sock.close()

    def serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(4096)
                reply = self.reply(query)
                if reply:
                    self.sock.sendto(reply, peer)
            except OSError:
                return

    def reply(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
            at += 1 + query[at]
        question = query[12:at + 5]
        name, kind = ".".join(labels).lower(), struct.unpack("!H", query[at + 1:at + 3])[0]
        self.queries.append((name, kind))
        if name in self.silent:
            return None
        known = self.answers.get(name)
        addresses = known(kind) if callable(known) else known or []
        records = b""
        count = 0
        for text in addresses:
            address = ipaddress.ip_address(text)
            if TYPES.get(kind) == address.version:
                records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(address.packed)) + address.packed
                count += 1
        flags = 0x8180 if known is not None else 0x8183
        return query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + question + records
