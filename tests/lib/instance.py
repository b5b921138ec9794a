"""A whole Chancery in a temporary folder, made as an operator would make it: a private PostgreSQL cluster, SoftHSM tokens,
the root ceremony, schema, issuer, `ca-admin init`, and the programs, on ports of their own.

    with Instance() as ca:
        ca.add_identity("printer-7", "device", ["device=dns:printer-7.example.org"])
        key, chain = ca.issue("printer-7", "device", ["dns:printer-7.example.org"])
        with ca.client(key, chain) as c:
            print(c.request("GET", "/.well-known/est/cacerts").status)

Nothing here waits for a fixed time: every wait polls for what it waits for and has a deadline. Only processes started
here are ever signalled, by their numbers.
"""

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, os.path.dirname(__file__))
from built import BUILD, SOURCE  # noqa: E402
from httpclient import Client  # noqa: E402
from pgcluster import Cluster, wait_for  # noqa: E402

PLACES = {
    "ca-admin": "admin/cli", "ca-ceremony": "ca/ceremony", "chancery": "server", "chancery-admin": "server", "chancery-gateway": "server",
    "chancery-signer": "server", "chancery-status": "server", "chancery-validator": "server", "chancery-load": "tests/bench",
}
MODULE = "/usr/lib/softhsm/libsofthsm2.so"
FRONTS = {"chancery-gateway": ("port", "/.well-known/est/cacerts"), "chancery-admin": ("admin_port", "/openapi.json")}
STARTED = ("chancery-gateway", "chancery-admin", "chancery-validator", "chancery-status")


def program(name):
    """Path of a built program, or None when this build has none."""
    path = os.path.join(BUILD, PLACES[name], name)
    return path if os.access(path, os.X_OK) else None


PORTS = range(12000, 32000)  # below what the kernel gives to connections
PORTS_HELD = {}


def free_port():
    """A port on which nothing listens, and no other test will until this process ends."""
    folder = os.path.join(tempfile.gettempdir(), "chancery-test-ports-%d" % os.getuid())
    os.makedirs(folder, 0o700, exist_ok=True)
    for port in random.sample(PORTS, len(PORTS)):
        if port not in PORTS_HELD and is_port_ours(os.path.join(folder, str(port)), port):
            return port
    raise AssertionError("no port is free")


def is_port_ours(path, port):
    lock = open(path, "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    PORTS_HELD[port] = lock
    return True


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def general_name(text):
    """A canonical text ("dns:a.example") as a GeneralName."""
    import ipaddress
    kind, value = text.split(":", 1)
    return {"dns": lambda: x509.DNSName(value), "ip": lambda: x509.IPAddress(ipaddress.ip_address(value)),
            "uri": lambda: x509.UniformResourceIdentifier(value), "email": lambda: x509.RFC822Name(value)}[kind]()


def make_csr(key, common_name=None, names=(), extensions=(), attributes=()):
    """A PKCS#10 request; extensions are (extension, critical), attributes (oid, value)."""
    attrs = [] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attrs))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), critical=not attrs)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    for oid, value in attributes:
        builder = builder.add_attribute(oid, value)
    return builder.sign(key, None if not hasattr(key, "curve") and not hasattr(key, "key_size") else hashes.SHA256())


def pem_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def write_yaml(path, value):
    with open(path, "w") as f:
        yaml.safe_dump(json.loads(json.dumps(value)), f, sort_keys=False)  # a copy: no aliases


class Program:
    """One running program and its log."""

    def __init__(self, name, argv, log):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def tail(self):
        with open(self.log, errors="replace") as f:
            return "%s:\n%s" % (self.name, f.read()[-3000:])

    def running(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, within=30):
        if self.running():
            self.process.send_signal(how)
            self.process.wait(within)
        return self.process.returncode


class Instance:
    def __init__(self, config=None, profiles=(), signers=1, programs=STARTED, postgresql="", complete=True):
        """config: a dictionary merged into the configuration; profiles: additions to the shipped ones; postgresql: lines for
        postgresql.conf; complete: False where an issuing CA is missing, so that waiting until all is ready would be for ever."""
        self.complete = complete
        self.top = tempfile.mkdtemp(prefix="chancery-test-")
        os.chmod(self.top, 0o755)
        self.changes, self.more_profiles, self.signers, self.wanted = config or {}, list(profiles), signers, programs
        self.running, self.pg, self.pg_settings = {}, None, postgresql
        self.config_path = self.path("chancery.yaml")
        self.operator_directory = self.path("operator")
        self.port, self.admin_port, self.public_port, self.metrics_port, self.http01_port = (free_port() for _ in range(5))

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    # --- making it ---

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc):
        self.stop()

    def start(self):
        self.make_database()
        self.make_keys()
        self.write_config()
        self.apply_schema()
        self.import_issuer()
        for n in range(1, self.signers + 1):
            self.spawn("chancery-signer", n)
        self.wait_seen("chancery-signer")
        self.init()
        for name in self.wanted:
            if program(name):
                self.spawn(name)
        self.wait_ready()
        return self

    def make_database(self):
        for d in ("log", "run", "state", "tokens", "ceremony"):
            os.mkdir(self.path(d))
        self.pg = Cluster(self.pg_settings).start()
        conn = self.pg.connect("postgres", self.pg.superuser)
        conn.cursor().execute("CREATE DATABASE chancery")
        conn.close()

    def apply_schema(self):
        self.local("schema", "apply", "--db-user", self.pg.superuser, "--schema", os.path.join(SOURCE, "schema"))

    def import_issuer(self, name="issuing-1"):
        self.local("issuer", "import", "--root", self.path("ceremony/root.pem"), "--root-crl", self.path("ceremony/root.crl"),
                   "--issuer", self.path("ceremony", name + ".pem"), "--name", name, "--key-label", name)

    def init(self):
        self.local("init", "--directory", self.operator_directory, "--wait", "30")

    def make_keys(self):
        """The ceremony: two tokens, a root, an issuing CA under it."""
        with open(self.path("softhsm2.conf"), "w") as f:
            f.write("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n" %
                    self.path("tokens"))
        for name in ("root", "issuing"):
            for kind, pin in (("pin", "482915"), ("so-pin", "73918264")):
                with open(os.open(self.path("ceremony", "%s.%s" % (name, kind)), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                    f.write(pin + "\n")

        self.ceremony("token", "root", {
            "ceremony": "test root", "token": self.token("root"), "key": {"label": "root-1", "type": "p384"},
            "root": {"subject": {"common_name": "Test Root CA", "organization": "Chancery tests"}, "days": 3650,
                     "certificate": "root.pem"},
            "crl": {"file": "root.crl", "days": 180}, "evidence": "root.evidence.json"})
        self.ceremony("root", "root")
        self.make_issuer(1)

    def token(self, name):
        return {"module": MODULE, "module_config": self.path("softhsm2.conf"), "label": "test-" + name,
                "pin_file": name + ".pin", "so_pin_file": name + ".so-pin"}

    def make_issuer(self, number):
        """Another issuing CA under the root, its key in the signer's token."""
        name, subject = "issuing-%d" % number, {"common_name": "Test Issuing CA %d" % number, "organization": "Chancery tests"}
        request = {"ceremony": "test issuing key", "token": self.token("issuing"), "key": {"label": name, "type": "p256"},
                   "request": {"subject": subject, "file": name + ".csr"}, "evidence": name + "-key.evidence.json"}
        if number == 1:
            self.ceremony("token", name + "-key", request)
        self.ceremony("request", name + "-key", request)
        self.ceremony("sign", name, {
            "ceremony": "test issuing certificate", "token": self.token("root"), "key": {"label": "root-1"},
            "issuer_certificate": "root.pem",
            "sign": {"csr": name + ".csr", "subject": subject, "days": 1825, "certificate": name + ".pem"},
            "evidence": name + ".evidence.json"})

    def ceremony(self, command, name, plan=None):
        path = self.path("ceremony", name + ".yaml")
        if plan is not None:
            write_yaml(path, plan)
        self.run([program("ca-ceremony"), command, path])

    def base_config(self):
        return {
            "run_directory": self.path("run"), "state_directory": self.path("state"), "profiles": self.path("profiles.yaml"),
            "database": {"host": self.pg.socket},
            "hsm": {"module": MODULE, "module_config": self.path("softhsm2.conf"), "token": "test-issuing",
                    "pin_file": self.path("ceremony/issuing.pin")},
            "signer": {"processes": self.signers},
            "issuers": [{"name": "issuing-1", "key": "issuing-1"}],
            "enroll": {"address": "127.0.0.1", "port": self.port, "base_urls": ["https://localhost:%d" % self.port],
                       "names": ["localhost", "127.0.0.1"]},
            "admin": {"address": "127.0.0.1", "port": self.admin_port, "base_urls": ["https://localhost:%d" % self.admin_port],
                      "names": ["localhost", "127.0.0.1"]},
            "public": {"address": "127.0.0.1", "port": self.public_port, "base_url": "http://127.0.0.1:%d" % self.public_port},
            "est": {"labels": [{"name": "devices", "profile": "device"}, {"name": "meshes", "profile": "workload"}],
                    "wrap_user_agents": ["libest"]},
            "validator": {"allow": ["127.0.0.0/8"], "allow_special": True, "http_port": self.http01_port},
            "metrics": {"address": "127.0.0.1", "port": self.metrics_port},
            "launcher": {"users": False},
            "log": {"level": "debug"},
        }

    def write_config(self, path=None, changes=()):
        """The configuration, with this instance's changes and then these merged in."""
        def merge(into, more):
            for key, value in more.items():
                if isinstance(value, dict) and isinstance(into.get(key), dict):
                    merge(into[key], value)
                else:
                    into[key] = value
        config = self.base_config()
        merge(config, self.changes)
        merge(config, dict(changes))
        write_yaml(path or self.config_path, config)
        with open(os.path.join(SOURCE, "deploy", "profiles.yaml")) as f:
            profiles = yaml.safe_load(f)
        profiles["profiles"] += self.more_profiles
        write_yaml(self.path("profiles.yaml"), profiles)
        return path or self.config_path

    # --- programs ---

    def run(self, argv, check=True, stdin=None):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False, input=stdin,
                              env=dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf")))
        if check and done.returncode != 0:
            raise AssertionError("%s\nexit %d\n%s%s\n%s" % (" ".join(argv), done.returncode, done.stdout, done.stderr, self.logs()))
        return done

    def local(self, *args, check=True):
        """ca-admin as the database's owner, on the CA's machine."""
        return self.run([program("ca-admin"), *args, "--config", self.config_path], check)

    def admin(self, *args, check=True, stdin=None):
        """ca-admin as the operator, through the admin program; the JSON it prints."""
        done = self.run([program("ca-admin"), *args, "--json", "--config", os.path.join(self.operator_directory, "admin.yaml")],
                        check, stdin)
        return json.loads(done.stdout) if check else done

    def spawn(self, name, number=1, config=None):
        key = name if number == 1 else "%s-%d" % (name, number)
        self.running[key] = Program(key, [program(name), "--config", config or self.config_path, "--number", str(number)],
                                    self.path("log", key + ".log"))
        return self.running[key]

    def stop_program(self, key, how=signal.SIGTERM):
        return self.running.pop(key).stop(how)

    def restart(self, key):
        self.stop_program(key)
        name, _, number = key.partition("-") if key in PLACES else key.rpartition("-")
        self.spawn(key if key in PLACES else name, 1 if key in PLACES else int(number))
        self.wait_ready()

    def logs(self):
        return "\n".join(p.tail() for p in self.running.values())

    def log_lines(self, key):
        with open(self.path("log", key + ".log"), errors="replace") as f:
            return f.read().splitlines()

    def wait_logged(self, key, text, seconds=30):
        """Until the program's log has a line with this text."""
        def found():
            self.check_running()
            return any(text in line for line in self.log_lines(key))
        wait_for(found, seconds, "%s logs %s" % (key, text))

    def wait_seen(self, key, seconds=30):
        """Until the program has told the database that it lives."""
        def seen():
            self.check_running()
            return self.sql("SELECT 1 FROM node WHERE id LIKE %s", "%%:%d" % self.running[key].process.pid)
        wait_for(seen, seconds, "%s is in the node table" % key)

    def check_running(self):
        for p in self.running.values():
            if not p.running():
                raise AssertionError("%s ended with %d\n%s" % (p.name, p.process.returncode, p.tail()))

    def wait_ready(self, seconds=30):
        """Until every program that was started answers."""
        def front(key):
            self.check_running()
            return key not in self.running or self.answers(key)

        def status():
            self.check_running()
            if "chancery-status" not in self.running:
                return True
            try:
                with Client("127.0.0.1", self.public_port) as c:
                    return c.request("GET", "/ready").status == 200
            except OSError:
                return False
        try:
            for key in FRONTS:
                wait_for(lambda key=key: front(key), seconds, "%s answers" % key)
            if self.complete:
                wait_for(status, seconds, "the status program is ready")
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.logs())) from None

    def stop(self):
        for p in list(self.running.values()):
            if p.running():
                p.process.send_signal(signal.SIGTERM)
        for key in list(self.running):
            try:
                self.running[key].process.wait(30)
            except subprocess.TimeoutExpired:
                self.running[key].process.kill()
                self.running[key].process.wait(30)
        self.running.clear()
        if self.pg is not None:
            self.pg.__exit__()
            self.pg = None
        shutil.rmtree(self.top, ignore_errors=True)

    # --- using it ---

    @property
    def trust(self):
        return self.path("ceremony/root.pem")

    @property
    def issuing(self):
        return self.path("ceremony/issuing-1.pem")

    def sql(self, text, *args, role="chancery_owner"):
        """One statement; its rows, or None."""
        conn = self.pg.connect("chancery", role)
        try:
            with conn.cursor() as cur:
                cur.execute(text, args)
                return cur.fetchall() if cur.description else None
        finally:
            conn.close()

    def add_operator(self, name, *roles):
        """An operator with these roles: paths of key and chain."""
        self.add_identity(name, "operator")
        for role in roles:
            self.admin("operator", "role", "add", name, role)
        return self.issue(name, "operator")

    def add_identity(self, name, kind="device", grants=()):
        """grants are PROFILE=PATTERN."""
        argv = ["identity", "add", name, "--kind", kind]
        for g in grants:
            argv += ["--grant", g]
        return self.admin(*argv)

    def issue(self, identity, profile="device", names=(), key=None, common_name=None):
        """A certificate issued by the operator: paths of key and chain."""
        key = key or new_key()
        csr = make_csr(key, common_name if common_name or names else identity, names)
        base = self.path("client-%d" % len(os.listdir(self.top)))
        with open(base + ".key", "w") as f:
            f.write(pem_key(key))
        self.admin("issue", identity, "--profile", profile, "--csr", "-", "--out", base + ".pem",
                   stdin=csr.public_bytes(serialization.Encoding.PEM).decode())
        return base + ".key", base + ".pem"

    def save(self, key, cert):
        """A key and a certificate got elsewhere, as files with the issuer behind: paths for client()."""
        base = self.path("client-%d" % len(os.listdir(self.top)))
        with open(base + ".key", "w") as f:
            f.write(pem_key(key))
        with open(base + ".pem", "w") as f, open(self.issuing) as issuing:
            f.write(cert.public_bytes(serialization.Encoding.PEM).decode() + issuing.read())
        return base + ".key", base + ".pem"

    def client(self, key=None, chain=None, port=None):
        """A mutual-TLS client of the gateway with this certificate."""
        return Client("localhost", port or self.port, trust=self.trust, key=key, chain=chain)

    def operator(self, port=None):
        """The first operator, as a client of the admin program."""
        return self.client(os.path.join(self.operator_directory, "operator.key"), os.path.join(self.operator_directory, "operator.pem"),
                           port or self.admin_port)

    def answers(self, front):
        """Whether this front serves, whatever happened to its database."""
        port, path = getattr(self, FRONTS[front][0]), FRONTS[front][1]
        try:
            with self.operator(port) as c:
                return c.request("GET", path).status == 200
        except OSError:
            return False

    def public(self):
        return Client("127.0.0.1", self.public_port)
