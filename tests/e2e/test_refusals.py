"""What a new user reads when something is wrong: each refusal says what it is about and what to do next."""

import base64
import os

import pytest
from conftest import start_sidecar
from instance import program
from test_acme import certbot, dehydrated_config
from test_est import request, strongswan
from tools import attempt, free_port, refused, run, wait_for

CACERTS = "/.well-known/est/cacerts"


@pytest.fixture(scope="module")
def device(site):
    return site.identity("device", "device", ["device=dns:device.trial.test"], ["dns:device.trial.test"])


@pytest.fixture(scope="module")
def workload(site):
    return site.identity("workload", grants=["workload=dns:workload.trial.test"], names=["dns:workload.trial.test"])


def curl(site, client, path, *more, trust=None):
    """Everything curl prints, whatever comes of it."""
    certificate = ["--cert", client[1], "--key", client[0]] if client else []
    return attempt("curl", "-sS", "--cacert", trust or site.root, *certificate, *more, site.url + path)[1]


def logged(site, *texts):
    """The gateway's one line about it says the same to its operator."""
    def found():
        return any(all(t in line for t in texts) for line in site.ca.log_lines("chancery-gateway"))
    wait_for(found, 20, "the gateway logs %s" % (texts,))


def other_root(site):
    d = site.folder("other-root")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", d + "/other.key",
        "-subj", "/CN=Another CA", "-out", d + "/other.pem")
    return d + "/other.key", d + "/other.pem"


def enroll(site, client, common_name, san, label=""):
    csr = request(site.folder("request"), "new", common_name, san)[1]
    with open(csr, "rb") as f, open(csr + ".b64", "wb") as body:
        body.write(base64.b64encode(f.read()))
    return curl(site, client, "/.well-known/est/%ssimpleenroll" % label, "-H", "Content-Type: application/pkcs10",
                "--data-binary", "@" + csr + ".b64")


# --- before any HTTP: alerts are all a client sees, so the log has the sentence ---

def test_no_client_certificate(site):
    assert "alert certificate required" in curl(site, None, CACERTS)
    logged(site, "alert=116", "presented no certificate")


def test_a_client_certificate_of_another_ca(site):
    assert "alert unknown ca" in curl(site, other_root(site), CACERTS)
    logged(site, "alert=48", "CN=Another CA", "does not lead to a trust anchor")


def test_a_client_that_does_not_trust_our_root(site, device):
    assert "SSL certificate problem" in curl(site, device, CACERTS, trust=other_root(site)[1])
    logged(site, "does it trust our root")


def test_an_expired_client_certificate(site):
    site.ca.add_identity("short", "device", ["device=dns:short.trial.test"])
    d = site.folder("short")
    key, csr = request(d, "short", "short", "DNS:short.trial.test")
    run("openssl", "req", "-inform", "DER", "-in", csr, "-out", csr + ".pem")
    site.ca.admin("issue", "short", "--profile", "device", "--csr", csr + ".pem", "--out", d + "/short.pem", "--lifetime", "5s")
    with site.ca.client(key, d + "/short.pem") as c:
        assert c.request("GET", CACERTS).status == 200
        wait_for(lambda: "alert certificate expired" in curl(site, (key, d + "/short.pem"), CACERTS), 30, "the certificate expires")
        answer = c.request("GET", CACERTS)
        assert answer.status == 403 and "has expired" in answer.text and "ask an operator" in answer.text
    logged(site, "alert=45", "CN=short", "expired")


def test_a_blocked_identity(site):
    client = site.identity("naughty", "device", ["device=dns:naughty.trial.test"], ["dns:naughty.trial.test"])
    with site.ca.client(*client) as c:
        assert c.request("GET", CACERTS).status == 200
        site.ca.admin("identity", "block", "naughty")
        answer = c.request("GET", CACERTS)
        assert answer.status == 403 and "blocked" in answer.text and "ask an operator" in answer.text
    assert "alert certificate unknown" in curl(site, client, CACERTS)
    logged(site, "alert=46", 'identity \\"naughty\\" is blocked')
    site.ca.admin("identity", "unblock", "naughty")
    assert "MII" in curl(site, client, CACERTS)


def test_strongswan_with_a_revoked_certificate(site):
    key, chain = site.identity("left", "device", ["device=dns:left.trial.test"], ["dns:left.trial.test"])
    site.ca.admin("offboard", "left")
    d = site.folder("left")
    refused("pki", "--est", "--url", site.url, "--in", request(d, "new", "left", "DNS:left.trial.test")[1], "--cacert", site.root,
            "--cacert", site.issuing, "--cert", chain, "--key", key, env=strongswan(d))
    logged(site, "alert=44", 'the client certificate of \\"left\\" is revoked')


# --- behind it: each client shows our sentence ---

def test_a_path_that_is_not_there(site, device):
    assert "GET / tells what is here" in curl(site, device, "/est/simpleenroll")
    assert "/acme/directory" in curl(site, device, "/")


def test_a_host_that_is_no_base_url(site, workload):
    text = curl(site, workload, "/acme/directory", "-H", "Host: ca.elsewhere.test")
    assert "malformed" in text and "ca.elsewhere.test" in text and site.url in text and "enroll.base_urls" in text


def test_est_for_a_name_without_a_grant(site, device):
    text = enroll(site, device, "device", "DNS:other.trial.test")
    assert text.startswith("name-not-allowed: ") and "ca-admin grant add device device dns:other.trial.test" in text
    site.ca.admin("grant", "add", "device", "device", "dns:other.trial.test")
    wait_for(lambda: "MII" in enroll(site, device, "device", "DNS:other.trial.test"), 20, "the remedy of the text works")


def test_est_under_a_profile_for_others(site, workload):
    text = enroll(site, workload, "workload", "DNS:workload.trial.test")
    assert text.startswith("requester-not-allowed: ") and 'only for "device"' in text and "label" in text
    assert "MII" in enroll(site, workload, "workload.trial.test", "DNS:workload.trial.test", label="meshes/")


def test_est_with_an_unknown_label(site, device):
    text = enroll(site, device, "device", "DNS:device.trial.test", label="nowhere/")
    assert text.startswith('unknown-label: there is no label "nowhere"; est.labels')


def test_est_with_curls_own_content_type(site, device):
    text = curl(site, device, "/.well-known/est/simpleenroll", "--data", "x")
    assert "unsupported-media-type" in text and 'send "application/pkcs10"' in text


def test_est_with_a_request_that_is_not_base64(site, device):
    csr = request(site.folder("request"), "new", "device", "DNS:device.trial.test")[1]
    run("openssl", "req", "-inform", "DER", "-in", csr, "-out", csr + ".pem")
    for path, advice in ((csr, "send it in base64"), (csr + ".pem", "without the BEGIN and END lines")):
        text = curl(site, device, "/.well-known/est/simpleenroll", "-H", "Content-Type: application/pkcs10", "--data-binary", "@" + path)
        assert text.startswith("bad-base64: ") and advice in text and text.count("RFC 8951") == 1


def order_refused(site, client, name, *more):
    folder = site.folder("dehydrated")
    config = dehydrated_config(site, folder, *client)
    run("dehydrated", "--config", config, "--register", "--accept-terms")
    return refused("dehydrated", "--config", config, "--cron", "--force", "--domain", name, *more)


def test_acme_as_an_identity_that_the_profile_is_not_for(site, device):
    text = order_refused(site, device, "device.trial.test")
    assert "invalidProfile" in text and 'only for \\"workload\\"' in text


def test_acme_for_a_name_nobody_answers_for(site, workload):
    text = order_refused(site, workload, "silent.trial.test")
    assert "acme:error:connection" in text and "at 127.0.0.1 port %d" % site.ca.http01_port in text and "needs no proof" in text


def test_acme_for_a_name_that_does_not_resolve(site, workload):
    text = order_refused(site, workload, "host.nowhere.example")
    assert "acme:error:dns" in text and 'host.nowhere.example' in text


def test_acme_for_a_wildcard(site, workload):
    text = order_refused(site, workload, "*.trial.test", "--alias", "wild")
    assert "rejectedIdentifier" in text and "wildcard-not-allowed" in text and 'profile \\"workload\\"' in text


# --- through a sidecar ---

def certbot_refused(site, directory):
    folder = site.folder("certbot")
    argv = certbot(site, folder, None, "any.trial.test")
    argv[argv.index("--server") + 1] = directory
    return refused(*argv, env={"REQUESTS_CA_BUNDLE": site.root})


def test_certbot_through_a_sidecar_whose_url_is_not_listed(site, sidecar_identity):
    port = free_port()
    with start_sidecar(site, sidecar_identity, "haproxy", port):
        printed = certbot_refused(site, "https://localhost:%d/acme/directory" % port)
        assert "localhost:%d" % port in printed and "enroll.base_urls" in printed


def test_certbot_through_a_sidecar_whose_identity_is_blocked(site, sidecar_identity):
    site.ca.admin("identity", "block", "sidecar")
    with start_sidecar(site, sidecar_identity, "nginx") as nginx:
        printed = certbot_refused(site, site.directory("nginx"))
        assert "alert certificate unknown" in nginx.printed()
        assert "502" in printed
    logged(site, "alert=46", 'identity \\"sidecar\\" is blocked')
    site.ca.admin("identity", "unblock", "sidecar")


# --- ca-admin ---

@pytest.mark.parametrize("words, texts", [
    (["identity"], ['unknown command "identity"', "identity add, identity list"]),
    (["frobnicate", "--json"], ['unknown command "frobnicate"\n', "ca-admin --help"]),
    (["identity", "add", "x"], ["needs --kind KIND", "ca-admin identity add --help"]),
    (["identity", "add", "x", "--kind", "robot"], ["workload, device, user, operator, service"]),
    (["identity", "add", "x", "--kind", "device", "--grant", "device=x.trial.test"], ["dns:www.example.org"]),
    (["identity", "add", "x", "--kind", "device", "--grant", "nope=dns:x.trial.test"], ["there are: workload, device"]),
    (["identity", "show", "nobody"], ['no identity "nobody"', "ca-admin identity list"]),
    (["cert", "show", "zz"], ["32 hexadecimal digits", "ca-admin cert list"]),
    (["status", "--server", "https://localhost:1"], ["cannot reach the server", "is --server right?"]),
    (["status", "--config", "/nonexistent"], ["run `ca-admin init`"]),
])
def test_ca_admin_says_what_to_do(site, words, texts):
    more = [] if "--config" in words else ["--config", os.path.join(site.ca.operator_directory, "admin.yaml")]
    done = site.ca.run([program("ca-admin"), *words, *more], check=False)
    assert done.returncode != 0
    for text in texts:
        assert text in done.stderr, done.stderr
