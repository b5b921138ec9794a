"""EST with curl and openssl, and with strongSwan's pki (RFC 7030)."""

import base64
import os
import shutil
import signal

import pytest
from conftest import start_sidecar
from tools import attempt, refused, run, wait_for


def request(folder, name, common_name, *san):
    """A new P-256 key and its CSR by openssl: their paths."""
    key, csr = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".csr")
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    more = ["-addext", "subjectAltName=" + ",".join(san)] if san else []
    run("openssl", "req", "-new", "-key", key, "-subj", "/CN=" + common_name, "-outform", "DER", "-out", csr, *more)
    return key, csr


def curl_enroll(site, operation, key, chain, csr, out, base=None):
    """One enrollment by curl; the new chain is in the file out."""
    with open(csr, "rb") as f, open(csr + ".b64", "wb") as body:
        body.write(base64.b64encode(f.read()))
    run("curl", "-sS", "--fail-with-body", "--tlsv1.3", "--cacert", site.root, "--cert", chain, "--key", key,
        "-H", "Content-Type: application/pkcs10", "--data-binary", "@" + csr + ".b64", "-o", out + ".b64",
        (base or site.url) + "/.well-known/est/" + operation)
    with open(out + ".b64", "rb") as f, open(out + ".p7", "wb") as der:
        der.write(base64.b64decode(f.read()))
    run("openssl", "pkcs7", "-inform", "DER", "-in", out + ".p7", "-print_certs", "-out", out)
    with open(out, "a") as f, open(site.issuing) as issuing:
        f.write(issuing.read())
    site.chain_holds(out)
    return out


def strongswan(folder):
    """Its TLS speaks 1.3 only when told to."""
    path = os.path.join(folder, "strongswan.conf")
    with open(path, "w") as f:
        f.write("pki {\n  tls {\n    version_max = 1.3\n  }\n}\n")
    return {"STRONGSWAN_CONF": path}


@pytest.fixture
def device(site):
    name = "device-%d" % site.names
    key, chain = site.identity(name, "device", ["device=dns:%s.trial.test" % name], ["dns:%s.trial.test" % name])
    return name, key, chain, site.folder(name)


def renewed_from(site, chain):
    rows = site.ca.sql("SELECT encode(renewed_from, 'hex') FROM certificate WHERE encode(serial, 'hex') = %s", site.serial(chain))
    return rows[0][0]


def test_curl_enrolls_and_re_enrolls_with_new_keys(site, device):
    name, key, chain, d = device
    san = "DNS:%s.trial.test" % name
    first_key, csr = request(d, "first", name, san)
    first = curl_enroll(site, "simpleenroll", key, chain, csr, os.path.join(d, "first.pem"))
    second_key, csr = request(d, "second", name, san)
    second = curl_enroll(site, "simplereenroll", first_key, first, csr, os.path.join(d, "second.pem"))
    assert renewed_from(site, second) == site.serial(first)
    for k, c in ((first_key, first), (second_key, second)):
        run("curl", "-sS", "--fail-with-body", "--tlsv1.3", "--cacert", site.root, "--cert", c, "--key", k, site.url + "/.well-known/est/cacerts")


def test_curl_cannot_re_enroll_for_another_name(site, device):
    name, key, chain, d = device
    _, csr = request(d, "other", name, "DNS:other.trial.test")
    with pytest.raises(AssertionError, match="error: 400"):
        curl_enroll(site, "simplereenroll", key, chain, csr, os.path.join(d, "other.pem"))


def test_strongswan_re_enrolls_over_tls_1_3(site, device):
    name, key, chain, d = device
    new_key, csr, out = (os.path.join(d, f) for f in ("new.key", "new.csr", "new.pem"))
    run("sh", "-c", 'pki --gen --type ecdsa --size 256 --outform pem >"$1"', "sh", new_key)
    run("sh", "-c", 'pki --req --type ecdsa --in "$1" --dn "CN=$2" --san "$2.trial.test" --outform der >"$3"', "sh", new_key, name, csr)
    run("sh", "-c", 'out=$1; shift; exec pki "$@" >"$out"', "sh", out, "--est", "--url", site.url, "--in", csr, "--cacert", site.root,
        "--cacert", site.issuing, "--cert", chain, "--key", key, "--outform", "pem", env=strongswan(d))
    site.chain_holds(out)
    assert renewed_from(site, out) == site.serial(chain)


def test_strongswan_fetches_the_ca_certificates_through_the_sidecar(site, haproxy_sidecar):
    """`pki --estca` has no option for a client certificate: it needs the sidecar as ACME clients do."""
    d = site.folder("estca")
    run("pki", "--estca", "--url", "https://localhost:%d" % site.ports["haproxy"], "--cacert", site.root, "--cacert", site.issuing,
        "--caout", d + "/ca", "--outform", "pem", env=strongswan(d), cwd=d)
    got = sorted(os.listdir(d))
    subjects = [run("openssl", "x509", "-in", os.path.join(d, f), "-noout", "-subject") for f in got if f.startswith("ca")]
    assert len(subjects) == 2 and any("Test Root CA" in s for s in subjects) and any("Test Issuing CA 1" in s for s in subjects), got


def test_strongswan_without_a_client_certificate_is_refused(site):
    d = site.folder("estca")
    refused("pki", "--estca", "--url", site.url, "--cacert", site.root, "--cacert", site.issuing, "--caout", d + "/ca",
            env=strongswan(d), cwd=d)
    assert not [f for f in os.listdir(d) if f.startswith("ca")]


def test_a_sidecar_renews_its_own_certificate_by_est_and_a_reload(site):
    key, chain = site.identity("proxy", grants=["workload=dns:localhost"], names=["dns:localhost"])
    d, old = site.folder("proxy"), site.serial(chain)
    identity = {"GATEWAY": "127.0.0.1:%d" % site.ca.port, "NAME": "localhost", "CERTIFICATE": chain, "KEY": key, "ROOT": site.root}

    def through():
        return attempt("curl", "-sS", "--cacert", site.root, "-w", "%{http_code}", "-o", "/dev/null", site.directory("nginx"))[1]
    with start_sidecar(site, identity, "nginx") as nginx:
        assert through() == "200"
        new_key, csr = request(d, "new", "localhost", "DNS:localhost")
        new = curl_enroll(site, "meshes/simplereenroll", key, chain, csr, os.path.join(d, "new.pem"))
        shutil.copyfile(new_key, key)
        shutil.copyfile(new, chain)
        site.ca.admin("cert", "revoke", old)
        assert through() == "502", "it still shows the old certificate"
        nginx.signal(signal.SIGHUP)
        wait_for(lambda: through() == "200", 20, "the sidecar shows its new certificate")
