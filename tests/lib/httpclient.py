"""A small HTTP client on a plain or mutual-TLS socket that hides nothing: requests go out as written, answers
come back with every header, and framing that a strict client would refuse fails the test."""

import socket
import ssl

TIMEOUT = 30


class Response:
    def __init__(self, version, status, headers, body):
        self.version, self.status, self.headers, self.body = version, status, headers, body

    def header(self, name):
        """The value of a header that stands at most once; None when absent."""
        values = [v for k, v in self.headers if k.lower() == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return "<%d %r>" % (self.status, self.body[:200])


class Client:
    """One connection, made when it is first used. key and chain are paths; trust None: plain HTTP."""

    def __init__(self, host, port, trust=None, key=None, chain=None, address="127.0.0.1"):
        self.host, self.port, self.address, self.sock, self.buffer = host, port, address, None, b""
        self.context = None
        if trust:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_3
            self.context.load_verify_locations(trust)
            if chain:
                self.context.load_cert_chain(chain, key)

    def connect(self):
        raw = socket.create_connection((self.address, self.port), timeout=TIMEOUT)
        self.sock = self.context.wrap_socket(raw, server_hostname=self.host) if self.context else raw
        self.buffer = b""
        return self

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def __enter__(self):
        return self.connect()

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        if self.sock is None:
            self.connect()
        self.sock.sendall(data)

    def _more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return bool(data)

    def at_end(self):
        """True when the server has closed and nothing is left to read."""
        if self.buffer:
            return False
        try:
            return not self._more()
        except (ConnectionResetError, ssl.SSLEOFError):
            return True

    def receive(self, method="GET"):
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                raise ConnectionResetError("closed before the answer's header ended: %r" % self.buffer)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        names = [k.lower() for k, _ in headers]
        if status == "100":
            return self.receive(method)
        assert "transfer-encoding" not in names, "answers are never chunked: %r" % headers
        length = [int(v) for k, v in headers if k.lower() == "content-length"]
        assert len(length) <= 1
        body = b""
        if method != "HEAD" and length and status != "304":  # there it is what a 200 would have
            while len(self.buffer) < length[0]:
                assert self._more(), "closed within the body"
            body, self.buffer = self.buffer[:length[0]], self.buffer[length[0]:]
        elif method != "HEAD" and status not in ("204", "304"):
            raise AssertionError("an answer with a body has a Content-Length: %r" % headers)
        return Response(version, int(status), headers, body)

    def request(self, method, path, body=None, content_type=None, headers=(), version="1.1"):
        lines = ["%s %s HTTP/%s" % (method, path, version), "Host: %s:%d" % (self.host, self.port)]
        if content_type:
            lines.append("Content-Type: " + content_type)
        if body is not None and not any(h.lower().startswith("transfer-encoding") for h in headers):
            lines.append("Content-Length: %d" % len(body))
        lines += list(headers)
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
        return self.receive(method)
