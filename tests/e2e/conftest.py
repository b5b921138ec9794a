"""What the end-to-end tests share: one instance for each file, its DNS, a place for http-01 answers, and the sidecars."""

import functools
import http.server
import os
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
from instance import SOURCE, Instance  # noqa: E402
from tools import Server, free_port, join, recipe, run, wait_for  # noqa: E402

SIDECARS = ("haproxy", "nginx", "stunnel")


class Site:
    """The instance as its clients see it."""

    def __init__(self, ca, ports):
        self.ca, self.ports = ca, ports
        self.url = "https://localhost:%d" % ca.port
        self.public = "http://127.0.0.1:%d" % ca.public_port
        self.root, self.issuing = ca.trust, ca.issuing
        self.anchors = join(ca.path("anchors.pem"), ca.trust, ca.issuing)
        self.names = 0

    def directory(self, sidecar=None):
        base = "https://localhost:%d" % self.ports[sidecar] if sidecar else self.url
        return base + "/acme/directory"

    def folder(self, name):
        self.names += 1
        path = self.ca.path("%s-%d" % (name, self.names))
        os.mkdir(path)
        return path

    def identity(self, name, kind="workload", grants=(), names=(), profile=None):
        """A registered identity and its first certificate, as the operator hands it out: paths of key and chain."""
        self.ca.add_identity(name, kind, grants)
        return self.ca.issue(name, profile or kind, names)

    def chain_holds(self, certificate):
        run("openssl", "verify", "-CAfile", self.root, "-untrusted", self.issuing, certificate)

    def serial(self, certificate):
        return run("openssl", "x509", "-in", certificate, "-noout", "-serial").strip().split("=")[1].lower()


@pytest.fixture(scope="module")
def site():
    ports = {name: free_port() for name in SIDECARS}
    dns = free_port()
    ca = Instance(config={"validator": {"resolver": ["127.0.0.1:%d" % dns], "timeout": "5s", "attempts": 1}})
    ca.changes["enroll"] = {"base_urls": ["https://localhost:%d" % p for p in (ca.port, *ports.values())]}
    with ca:
        pid_file = ca.path("resolver.pid")
        resolver = Server(["python3", os.path.join(SOURCE, "deploy/trial/resolver.py"), str(dns), pid_file], ca.path("resolver.log"), [])
        with resolver:
            wait_for(lambda: os.path.exists(pid_file), 20, "the resolver runs")
            yield Site(ca, ports)


@pytest.fixture(scope="module")
def sidecar_identity(site):
    """One identity for all sidecars: it may have its own name and nothing else."""
    key, chain = site.identity("sidecar", grants=["workload=dns:localhost"], names=["dns:localhost"])
    return {"LISTEN": "", "GATEWAY": "127.0.0.1:%d" % site.ca.port, "NAME": "localhost", "CERTIFICATE": chain, "KEY": key, "ROOT": site.root}


def start_sidecar(site, identity, name, port=None):
    d, port = site.folder("sidecar-" + name), port or site.ports[name]
    values = dict(identity, LISTEN="127.0.0.1:%d" % port)
    if name == "haproxy":
        values["CERTIFICATE"] = join(os.path.join(d, "both.pem"), identity["CERTIFICATE"], identity["KEY"])
        argv = ["haproxy", "-db", "-f", recipe("haproxy.cfg", os.path.join(d, "haproxy.cfg"), **values)]
    elif name == "nginx":
        argv = ["nginx", "-p", d, "-c", recipe("nginx.conf", os.path.join(d, "nginx.conf"), **values),
                "-g", "daemon off; error_log stderr info; pid %s/nginx.pid;" % d]
    else:
        values["SOCKET"] = os.path.join(d, "between")
        argv = ["stunnel", recipe("stunnel.conf", os.path.join(d, "stunnel.conf"), **values)]
    return Server(argv, os.path.join(d, "log"), [port])


def sidecar_fixture(name):
    @pytest.fixture(scope="module", name=name + "_sidecar")
    def started(site, sidecar_identity):
        with start_sidecar(site, sidecar_identity, name) as server:
            yield server
    return started


haproxy_sidecar, nginx_sidecar, stunnel_sidecar = (sidecar_fixture(name) for name in SIDECARS)


class Answers(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


@pytest.fixture
def challenges(site):
    """The folder whose files http-01 finds under /.well-known/acme-challenge/ of every name of the test zone."""
    top = site.folder("web")
    folder = os.path.join(top, ".well-known", "acme-challenge")
    os.makedirs(folder)
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", site.ca.http01_port), functools.partial(Answers, directory=top))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "site" in item.funcargs:
        report.sections.append(("logs of the programs", item.funcargs["site"].ca.logs()))
