"""What the benches share: an instance with a device and a workload, the load client, references, and the table that is printed.

A row is a name and values by column; whoever adds a figure adds a row. What a row does not have stays empty.
"""

import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cost import PRELOAD, Cost  # noqa: E402,F401
from instance import Instance, free_port, program  # noqa: E402
from pgcluster import wait_for  # noqa: E402

# Durable as always (fsync and synchronous_commit stay on), with the memory a database of a CA gets.
POSTGRESQL = "shared_buffers = 512MB\nmax_wal_size = 4GB\n" + PRELOAD
DEVICE, WORKLOAD = "dns:device.bench.example", "dns:web.bench.example"
PARTS = ("gateway", "postgresql", "signer", "status")
COLUMNS = ["figure", "per s", "p50 ms", "p99 ms", "failed", *("cpu " + part for part in PARTS), "refused", "refused p95 ms", "not sent",
           "commits", "statements", "WAL octets", "indexes", "reference", "its per s", "ratio"]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Table:
    """Rows are shown as they come, and once more together, without the columns that none of them has."""

    def __init__(self, columns=tuple(COLUMNS)):
        self.columns, self.rows = columns, []

    def add(self, figure, **values):
        """Values by column; a space in a column's name is an underscore here. What is no column is left out."""
        row = {"figure": figure, **{name.replace("_", " "): value for name, value in values.items()}}
        self.rows.append(row)
        say("%s: %s" % (figure, "  ".join("%s %s" % (c, self.text(row[c])) for c in self.columns[1:] if c in row)))

    @staticmethod
    def text(value):
        if not isinstance(value, float):
            return str(value)
        return "%.0f" % value if value >= 1000 else "%.1f" % value if value >= 10 else "%.3g" % value

    def show(self):
        columns = [c for c in self.columns if any(c in row for row in self.rows)]
        lines = [columns] + [[self.text(row.get(c, "")) for c in columns] for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            print("  ".join(t.ljust(w) if i == 0 else t.rjust(w) for i, (t, w) in enumerate(zip(line, widths))).rstrip())
        sys.stdout.flush()


class Load:
    """What one run of the load client told."""

    def __init__(self, text):
        found = dict(re.findall(r"(\w+)=([0-9.]+)", text.split("  process=")[0]))
        self.rate, self.done, self.failed = float(found["rate"]), float(found["done"]), int(found["failed"])
        self.p50, self.p99 = float(found.get("p50_ms", "nan")), float(found.get("p99_ms", "nan"))
        self.begun = int(found.get("begun", 0))
        self.refusals = {name: kind(found[name]) for name, kind in (("refused", int), ("refused_p95_ms", float), ("not_sent", int))
                         if name in found}
        self.cpu, self.rss = {}, {}
        for name, us, mb in re.findall(r"process=(\S+) cpu_us_per_op=([0-9.]+)(?: rss_mb=([0-9.]+))?", text):
            part = re.sub(r"-\d+$", "", name)
            self.cpu[part] = self.cpu.get(part, 0) + float(us)
            self.rss[name] = float(mb or 0)

    def columns(self):
        return {"per_s": self.rate, "p50_ms": self.p50, "p99_ms": self.p99, "failed": self.failed,
                **{"cpu_" + part: self.cpu[part] for part in PARTS if part in self.cpu}, **self.refusals}


def beside(rate, reference, its):
    """The columns of a rate's reference."""
    return {"reference": reference, "its_per_s": its, "ratio": rate / its}


def openssl_rate():
    """P-256 signatures a second of one thread: the measure of this machine."""
    done = subprocess.run(["openssl", "speed", "-seconds", "3", "ecdsap256"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1].split()[-2])


def wait_listening(port):
    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listens, 10, "port %d is listened to" % port)


class Bench:
    """seconds: the length of a run."""

    def __init__(self, ca, seconds):
        self.ca, self.seconds = ca, seconds
        wait_for(lambda: ca.sql("SELECT count(*) FROM certificate")[0][0] > 0, 10, "the first certificate")
        ca.add_identity("bench-device", "device", ["device=" + DEVICE])
        ca.add_identity("bench-workload", "workload", ["workload=" + WORKLOAD, "workload=dns:localhost"])
        self.device = ca.issue("bench-device", "device", [DEVICE], common_name="bench-device")
        self.workload = ca.issue("bench-workload", "workload", [WORKLOAD])

    def pids(self):
        """--pid options for everything that works for this instance."""
        options = []
        for key, p in self.ca.running.items():
            options += ["--pid", "%s=%d" % (key.replace("chancery-", ""), p.process.pid)]
        with open(os.path.join(self.ca.pg.data, "postmaster.pid")) as f:
            return options + ["--pid", "postgresql=%s" % f.readline().strip()]

    def start(self, mode, *options, seconds=None):
        """The load client, running."""
        argv = [program("chancery-load"), mode, "--seconds", str(seconds or self.seconds), *(str(o) for o in options)]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def finish(self, process, failures="refused"):
        """Its figures; failures "counted": lost operations are the caller's to tell."""
        text = process.communicate(timeout=240)[0]
        if "rate=" not in text or (process.returncode != 0 and failures == "refused"):
            raise SystemExit("%s failed:\n%s" % (" ".join(process.args[:2]), text))
        return Load(text)

    def load(self, mode, *options, seconds=None):
        return self.finish(self.start(mode, *options, seconds=seconds))

    def tls(self, pair, names="", port=None):
        key, chain = pair
        return ["--host", "localhost:%d" % self.ca.port, "--port", port or self.ca.port, "--ca", self.ca.trust, "--cert", chain, "--key", key,
                "--names", names, *self.pids()]

    def est(self, clients, mode="est", threads=2, **more):
        threads = min(threads, clients)
        return self.load(mode, *self.tls(self.device, DEVICE), "--threads", threads, "--connections", clients // threads, **more)

    def acme(self, threads, **more):
        return self.load("acme", *self.tls(self.workload, WORKLOAD), "--threads", threads, **more)

    def ocsp_path(self, nonce="-no_nonce"):
        """A GET of the device's status."""
        request = self.ca.path("request.der")
        self.ca.run(["openssl", "ocsp", "-issuer", self.ca.issuing, "-cert", self.device[1], nonce, "-reqout", request])
        text = subprocess.run(["base64", "-w0", request], stdout=subprocess.PIPE, text=True, check=True).stdout
        return "/ocsp/" + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")

    def get(self, port, path, *options, threads=1, connections=32, **more):
        return self.load("get", "--port", port, "--host", "127.0.0.1:%d" % port, "--path", path, "--threads", threads,
                         "--connections", connections, *options, **more)

    def ocsp(self, **more):
        return self.get(self.ca.public_port, self.ocsp_path(), *self.pids(), **more)

    def nginx(self, port, server):
        """An nginx with this server block, listening on port; whoever asked for it ends it."""
        if shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") is None:
            raise SystemExit("this needs nginx: apt-get install nginx")
        top = self.ca.path("nginx-%d" % free_port())
        os.mkdir(top)
        conf = os.path.join(top, "nginx.conf")
        temp = "".join("%s_temp_path %s/t;" % (n, top) for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(conf, "w") as f:
            f.write("user root; worker_processes 2; daemon off; pid %s/pid; error_log %s/error.log;\n"
                    "events { worker_connections 2048; }\n"
                    "http { access_log off; keepalive_requests 1000000000; %s server { %s } }\n" % (top, top, temp, server))
        started = subprocess.Popen(["nginx", "-p", top, "-c", conf], stderr=subprocess.DEVNULL)
        wait_listening(port)
        return started


def instance(**more):
    """For a with statement; BENCH_SIGNERS (2) is the number of signers."""
    if program("chancery-load") is None:
        raise SystemExit("build first: meson setup build --buildtype=release && ninja -C build")
    os.environ["PATH"] += ":/usr/sbin"
    config = {"log": {"level": "info"}, **more}
    return Instance(config, signers=int(os.environ.get("BENCH_SIGNERS", "2")), postgresql=POSTGRESQL)
