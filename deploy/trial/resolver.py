"""The trial's DNS: every name under trial.test is 127.0.0.1; everything else does not exist (RFC 1035, UDP only).

    resolver.py PORT PIDFILE
"""

import os
import socket
import struct
import sys

ZONE = b"\x05trial\x04test\x00"
TYPE_A, RCODE_NAME_ERROR = 1, 3


def question_end(message):
    """Offset behind the first question's name."""
    at = 12
    while message[at] != 0:
        at += 1 + message[at]
    return at + 1


def answer(message):
    ident, flags, questions = struct.unpack("!HHH", message[:6])
    end = question_end(message)
    if questions != 1 or flags & 0x8000:
        raise ValueError("not one question")
    name, kind = message[12:end], struct.unpack("!H", message[end:end + 2])[0]
    known = name.lower().endswith(ZONE)
    records = b""
    if known and kind == TYPE_A:
        records = b"\xc0\x0c" + struct.pack("!HHIH", TYPE_A, 1, 30, 4) + socket.inet_aton("127.0.0.1")
    flags = 0x8400 | (flags & 0x0100) | (0 if known else RCODE_NAME_ERROR)
    return struct.pack("!HHHHHH", ident, flags, 1, 1 if records else 0, 0, 0) + message[12:end + 4] + records


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", int(sys.argv[1])))
    with open(sys.argv[2], "w") as f:
        f.write("%d\n" % os.getpid())
    while True:
        message, peer = sock.recvfrom(512)
        try:
            sock.sendto(answer(message), peer)
        except (ValueError, IndexError, struct.error):
            continue  # not a question


main()
