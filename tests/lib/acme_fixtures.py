"""Fixtures of the ACME black-box tests: `from acme_fixtures import *`. One instance per file, two base URLs, a DNS server of its own
for the validator, and clients with identities made on demand."""

import itertools
import os
import sys

import pytest
from cryptography import x509

sys.path.insert(0, os.path.dirname(__file__))
from acme_client import AccountKey, AcmeClient  # noqa: E402
from dnsserver import DnsServer  # noqa: E402
from instance import Instance  # noqa: E402

OTHER_HOST = "ca.other.test"
PROFILES = [
    {"name": "strict", "description": "only below strict.example.org", "requesters": ["workload"], "protocols": ["acme", "admin"],
     "keys": ["p256"], "lifetime": "1h", "max_lifetime": "2h", "key_usage": ["digitalSignature"], "extended_key_usage": ["serverAuth"],
     "subject": {"common_name": "none"}, "names": {"types": ["dns"], "permitted": ["dns:**.strict.example.org"], "min": 1, "max": 3}},
    {"name": "wild", "requesters": ["workload"], "protocols": ["acme"], "keys": ["p256"], "lifetime": "1h",
     "key_usage": ["digitalSignature"], "extended_key_usage": ["serverAuth"], "subject": {"common_name": "none"},
     "names": {"types": ["dns"], "min": 1, "max": 5, "wildcards": "allowed"}},
]
serial = itertools.count(1)


class Lab:
    """An instance and what tests make in it."""

    def __init__(self, ca, dns):
        self.ca, self.dns, self.clients = ca, dns, []

    def identity(self, grants=(), kind="workload"):
        name = "w%d" % next(serial)
        self.ca.add_identity(name, kind, ["workload=dns:%s.example.org" % name, *grants])
        return name

    def client(self, grants=(), register=True, alg="ES256", name=None, kind="workload", **kw):
        """A new identity with a grant for NAME.example.org (and more), its TLS certificate, and an account."""
        name = name or self.identity(grants, kind)
        tls = self.ca.issue(name, "workload", ["dns:%s.example.org" % name])
        client = AcmeClient(self.ca, *tls, account_key=AccountKey.new(alg), **kw)
        client.name, client.host = name, "dns:%s.example.org" % name
        if register:
            client.register()
        self.clients.append(client)
        return client

    def twin(self, client, register=True):
        """Another account of the same TLS identity."""
        other = AcmeClient(self.ca, *client.tls)
        other.name, other.host = client.name, client.host
        if register:
            other.register()
        self.clients.append(other)
        return other


@pytest.fixture(scope="module")
def lab():
    dns = DnsServer()
    instance = Instance(profiles=PROFILES)
    port = instance.port
    instance.changes = {
        "enroll": {"base_urls": ["https://localhost:%d" % port, "https://%s:%d" % (OTHER_HOST, port)],
                   "names": ["localhost", "127.0.0.1", OTHER_HOST]},
        "validator": {"resolver": ["127.0.0.1:%d" % dns.port], "timeout": "3s", "attempts": 2},
    }
    with instance as ca:
        lab = Lab(ca, dns)
        yield lab
        for client in lab.clients:
            client.close()
    dns.close()


@pytest.fixture
def web(lab):
    """A registered client of an identity of its own."""
    return lab.client()


@pytest.fixture(scope="module")
def shared(lab):
    """For tests that change nothing."""
    return lab.client(["workload=dns:**.many.example.org", "workload=ip:10.0.0.0/8", "workload=ip:2001:db8::/32",
                       "strict=dns:**.strict.example.org", "wild=dns:**.wild.example.org"])


@pytest.fixture(scope="module")
def issued(lab):
    """A client with an order of each interesting kind."""
    client = lab.client()
    client.valid, client.pem, client.cert_key = client.obtain([client.host])
    client.pending = client.new_order(["dns:unproven.example.net"])
    client.authorization = client.fetch(client.pending["authorizations"][0])
    client.challenge = client.authorization["challenges"][0]["url"]
    return client


def resources(client):
    """Every resource of it that can be fetched."""
    return [client.kid + "/orders", client.valid["url"], client.pending["authorizations"][0], client.valid["authorizations"][0],
            client.challenge, client.valid["certificate"], client.kid]


def names_of(cert):
    return {str(n.value) for n in cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}
