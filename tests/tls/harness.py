"""The server under test as a child process, and raw connections to it, plain or TLS."""
import os
import re
import resource
import select
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from built import built  # noqa: E402

BINARY = built("tests/tls/tls-server")
PATIENCE = 20.0
# As the programs do at their start; the servers inherit it.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def wait_until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        select.select([], [], [], 0.01)
    raise AssertionError("not within %g s: %s" % (seconds, what))


class Server:
    def __init__(self, log_path, tls=None, **options):
        self.log_path = log_path
        self.tls = tls
        arguments = [f"{k.replace('_', '-')}={v}" for k, v in options.items()]
        if tls:
            arguments.append(f"tls={tls}")
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen([BINARY] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline().decode()
        assert line.startswith("port "), self.log()
        self.port = int(line.split()[1])

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().strip()
        assert answer == "ok", answer

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def wait_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log()), "log line " + pattern)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask_to_quit(self, seconds=5):
        self.process.stdin.write(b"quit %d\n" % seconds)
        self.process.stdin.flush()

    def stop(self, seconds=5):
        if self.process.poll() is None:
            try:
                self.ask_to_quit(seconds)
            except OSError:
                pass
            self.process.stdin.close()
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code


class Response:
    def __init__(self, version, status, headers, body):
        self.version, self.status, self.headers, self.body = version, status, headers, body

    def header(self, name):
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(values) <= 1, values
        return values[0] if values else None


class Connection:
    """Sends octets as they are and reads responses by Content-Length."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def read_some(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.read_some():
                raise EOFError(self.buffer)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head

    def response(self, head_only=False):
        head = self.read_head()
        while head.startswith(b"HTTP/1.1 100"):
            head = self.read_head()
        assert len(head) < 1024, "response heads stay under 1 KiB"
        lines = head.decode().split("\r\n")
        version, status = lines[0].split(" ", 2)[:2]
        headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
        answer = Response(version, int(status), headers, b"")
        assert answer.header("Transfer-Encoding") is None, "no answer is chunked"
        length = 0 if head_only or answer.status in (204, 304) else int(answer.header("Content-Length"))
        while len(self.buffer) < length:
            if not self.read_some():
                raise EOFError("body cut short")
        answer.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return answer

    def request(self, data, head_only=False):
        self.send(data)
        return self.response(head_only)

    def get(self, path, extra=""):
        return self.request(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n")

    def ended(self):
        """Waits for the server's end of the stream; True when it came without a reset."""
        try:
            return self.read_some() == b""
        except (ConnectionResetError, ssl.SSLError):
            return True

    def close(self):
        self.sock.close()


def tcp(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def context(root_file, client=None, version=ssl.TLSVersion.TLSv1_3):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    c.maximum_version = version
    c.load_verify_locations(root_file)
    if client:
        c.load_cert_chain(*client)
    return c


def connect(server, tls_context=None):
    raw = tcp(server)
    if tls_context is None:
        return Connection(raw)
    return Connection(tls_context.wrap_socket(raw, server_hostname="localhost"))


def refused_alert(server, tls_context):
    """The alert a client sees; in TLS 1.3 that is on its first read, and a request may be on its way by then."""
    try:
        c = connect(server, tls_context)
        c.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = c.read_some()
    except ssl.SSLError as e:
        return e.reason
    raise AssertionError("not refused: %r" % data)
