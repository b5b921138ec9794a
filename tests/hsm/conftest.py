"""What the tests around the HSM share: SoftHSM tokens in temporary folders, ceremonies, a private database, signers.

Each world is a folder with its own softhsm2.conf; PINs, plans and outputs lie in it. Only processes started here are
ever stopped, by their numbers.
"""

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from built import SOURCE, built  # noqa: E402
from pgcluster import Cluster, wait_for  # noqa: E402

CEREMONY = built("ca/ceremony/ca-ceremony")
SIGNER = built("server/chancery-signer")
SHIM = built("tests/hsm/shim.so")
STORE_TOOL = built("tests/db/store_tool")
MODULE = os.environ.get("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so")
numbers = itertools.count(1)

ROOT_PLAN = """ceremony: test root
operators: [anna, bo]
token:
  module: {module}
  module_config: softhsm2.conf
  label: test-root
  pin_file: root.pin
  so_pin_file: root.so-pin
key:
  label: root-1
root:
  subject:
    common_name: Test Root
    organization: Test
  certificate: root.pem
crl:
  file: root.crl
evidence: root.evidence.json
"""

REQUEST_PLAN = """ceremony: test issuing key
token:
  module: {module}
  module_config: softhsm2.conf
  label: test-issuing
  pin_file: issuing.pin
  so_pin_file: issuing.so-pin
key:
  label: issuing-1
request:
  subject:
    common_name: Test Issuing 1
  file: issuing.csr
evidence: request.evidence.json
"""

SIGN_PLAN = """ceremony: test issuing certificate
token:
  module: {module}
  module_config: softhsm2.conf
  label: test-root
  pin_file: root.pin
key:
  label: root-1
issuer_certificate: root.pem
sign:
  csr: issuing.csr
  subject:
    common_name: Test Issuing 1
  certificate: issuing.pem
  name_constraints:
    permitted: ["dns:example.org", "ip:10.0.0.0/8"]
    excluded: ["dns:secret.example.org"]
evidence: sign.evidence.json
"""

CRL_PLAN = """ceremony: test root CRL
token:
  module: {module}
  module_config: softhsm2.conf
  label: test-root
  pin_file: root.pin
key:
  label: root-1
issuer_certificate: root.pem
crl:
  previous: root.crl
  file: root-2.crl
evidence: crl.evidence.json
"""

PLANS = {"root": ROOT_PLAN, "request": REQUEST_PLAN, "sign": SIGN_PLAN, "crl": CRL_PLAN}

CONFIG = """run_directory: {top}/run
state_directory: {top}
profiles: {top}/profiles.yaml
database:
  host: {socket}
  name: {database}
hsm:
  module: {module}
  module_config: {top}/softhsm2.conf
  token: {token}
  pin_file: {top}/issuing.pin
signer:
  batch: {batch}
issuers:
  - name: issuing-1
    key: {key}
enroll:
  base_urls: [https://ca.example:8443]
  names: [ca.example]
admin:
  base_urls: [https://ca.example:8446]
  names: [ca.example]
public:
  base_url: http://pki.example
crl:
  lifetime: {crl_lifetime}
  refresh: {crl_refresh}
  backdate: 5m
log:
  format: json
"""


class World:
    """A folder with tokens, PINs and plans."""

    def __init__(self, top=None):
        self.top = top or tempfile.mkdtemp(prefix="chancery-hsm-")
        if top is None:
            os.mkdir(self.path("tokens"))
            self.write_softhsm_conf()
            for name in ("root", "issuing"):
                self.write(name + ".pin", "user-" + name, 0o600)
                self.write(name + ".so-pin", "so-" + name, 0o600)
            for name, text in PLANS.items():
                self.write(name + ".yaml", text.format(module=MODULE))

    def write_softhsm_conf(self):
        self.write("softhsm2.conf", "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n" %
                   self.path("tokens"))

    def path(self, *names):
        return os.path.join(self.top, *names)

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "wb" if isinstance(text, bytes) else "w") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def edit(self, name, old, new):
        text = self.read(name).decode()
        assert old in text, old
        self.write(name, text.replace(old, new))

    def ceremony(self, *args):
        """Runs in another folder than the plans, so that their relative paths are tested too."""
        args = [self.path(a) if a.endswith((".yaml", ".json", ".pem")) else a for a in args]
        return subprocess.run([CEREMONY, *args], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)

    def must(self, *args):
        done = self.ceremony(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pkcs11(self, *args, check=True):
        done = subprocess.run(["pkcs11-tool", "--module", MODULE, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf")), text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def certificate(self, name):
        return x509.load_pem_x509_certificate(self.read(name))

    def copy(self):
        top = tempfile.mkdtemp(prefix="chancery-hsm-")
        shutil.copytree(self.top, top, dirs_exist_ok=True)
        other = World(top)
        other.write_softhsm_conf()
        return other

    def adopt_tokens(self, other):
        """The tokens become those of another world that began as a copy of this one."""
        shutil.copytree(other.path("tokens"), self.path("tokens"), dirs_exist_ok=True)

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)


@pytest.fixture
def world():
    w = World()
    yield w
    w.remove()


@pytest.fixture(scope="session")
def finished():
    """All four ceremonies done once; tests that change something take a copy."""
    w = World()
    w.must("token", "root.yaml")
    w.must("root", "root.yaml")
    w.must("token", "request.yaml")
    w.must("request", "request.yaml")
    w.must("sign", "sign.yaml")
    w.must("crl", "crl.yaml")
    yield w
    w.remove()


@pytest.fixture
def done(finished):
    w = finished.copy()
    yield w
    w.remove()


@pytest.fixture(scope="session")
def cluster():
    with Cluster() as pg:
        yield pg


def spki_of(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def new_spki():
    return spki_of(ec.generate_private_key(ec.SECP256R1()))


def rsa_spki(bits):
    return spki_of(rsa.generate_private_key(65537, bits))


class Site:
    """A database, a configuration and signers around one world."""

    def __init__(self, cluster, world, **config):
        self.cluster, self.world = cluster, world
        self.database = cluster.database("hsm_%d" % next(numbers), STORE_TOOL, os.path.join(SOURCE, "schema"))
        self.signers = []
        self.settings = dict(token="test-issuing", key="issuing-1", batch=64, crl_lifetime="24h", crl_refresh="1h")
        self.settings.update(config)
        os.mkdir(world.path("run"))
        shutil.copy(os.path.join(SOURCE, "deploy", "profiles.yaml"), world.path("profiles.yaml"))
        self.configure()

    def configure(self, **changed):
        self.settings.update(changed)
        self.world.write("chancery.yaml", CONFIG.format(top=self.world.top, socket=self.cluster.socket, database=self.database,
                                                        module=MODULE, **self.settings))

    def sql(self, role, text, *args):
        conn = self.cluster.connect(self.database, role)
        try:
            with conn.cursor() as cur:
                cur.execute(text, args)
                return cur.fetchall() if cur.description else None
        finally:
            conn.close()

    def value(self, role, text, *args):
        return self.sql(role, text, *args)[0][0]

    def import_issuer(self, name, certificate, kind, parent=None, key=None):
        der = certificate.public_bytes(serialization.Encoding.DER)
        public = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        key_id = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        return self.value("chancery_owner",
                          "INSERT INTO issuer (name, kind, parent, der, subject, key_id, spki_hash, key_label, not_after) "
                          "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id", name, kind, parent, der,
                          certificate.subject.public_bytes(), key_id, hashlib.sha256(public).digest(), key,
                          certificate.not_valid_after)

    def import_issuers(self):
        root = self.import_issuer("root", self.world.certificate("root.pem"), "root")
        return self.import_issuer("issuing-1", self.world.certificate("issuing.pem"), "issuing", root, "issuing-1")

    def identity(self, name, kind="device", grants=(), profile="device"):
        number = self.value("chancery_owner", "INSERT INTO identity (name, kind) VALUES (%s, %s) RETURNING id", name, kind)
        for pattern in grants:
            self.sql("chancery_owner", "INSERT INTO name_grant (identity, profile, pattern, created_by) VALUES (%s, %s, %s, 'test')",
                     number, profile, pattern)
        return number

    def request(self, identity, names=(), profile="device", protocol="est", spki=None, **columns):
        """As a gateway inserts it, with a gateway's rights; what that may not ask for, as the owner."""
        role = "chancery_gateway" if protocol in ("est", "acme") else "chancery_owner"
        names = list(names)
        keys = ["protocol", "request_id", "identity", "profile", "names", "spki", *columns]
        values = [protocol, "req-%d" % next(numbers), identity, profile, names, spki or new_spki(), *columns.values()]
        return self.value(role, "INSERT INTO issuance_request (%s) VALUES (%s) RETURNING id" % (
            ", ".join(keys), ", ".join(["%s"] * len(keys))), *values)

    def result(self, request):
        state, serial, word, reason = self.sql("chancery_gateway", "SELECT state, serial, refusal_word, refusal FROM issuance_request "
                                               "WHERE id = %s", request)[0]
        return state, serial and bytes(serial), word, reason

    def wait(self, request, seconds=20):
        return wait_for(lambda: self.result(request)[0] != "pending" and self.result(request), seconds,
                        "request %d is answered" % request)

    def certificate(self, serial):
        return x509.load_der_x509_certificate(bytes(self.value("chancery_gateway", "SELECT der FROM certificate WHERE serial = %s", serial)))

    def crl(self):
        """The newest one, or None."""
        rows = self.sql("chancery_status", "SELECT number, this_update, next_update, entries, (SELECT string_agg(octets, '' ORDER BY part) FROM crl_part p WHERE p.issuer = c.issuer "
                        "AND p.number = c.number) FROM crl c WHERE crl_shard = 0 AND issuer = "
                        "(SELECT id FROM issuer WHERE name = 'issuing-1') ORDER BY number DESC LIMIT 1")
        return rows[0] if rows else None

    def start(self, number=1, wait=True):
        s = Signer(self, number)
        self.signers.append(s)
        if wait:
            s.wait_for('"event":"ready"')
        return s

    def close(self):
        for s in self.signers:
            s.kill()


class Signer:
    def __init__(self, site, number):
        self.log = site.world.path("signer-%d-%d.log" % (number, next(numbers)))
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([SIGNER, "--config", site.world.path("chancery.yaml"), "--number", str(number)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def text(self):
        with open(self.log) as f:
            return f.read()

    def wait_for(self, words, seconds=20):
        def seen():
            if words in self.text():
                return True
            assert self.process.poll() is None, "signer ended with %s: %s" % (self.process.returncode, self.text())
            return False
        wait_for(seen, seconds, "the signer says %s; it said: %s" % (words, self.text()[-2000:]))

    def ends(self, seconds=20):
        """Its exit code."""
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    item.failed = getattr(item, "failed", False) or outcome.get_result().failed


@pytest.fixture
def site(request, cluster, done):
    s = Site(cluster, done)
    yield s
    s.close()
    if getattr(request.node, "failed", False):
        for one in s.signers:
            print(one.text()[-4000:])
