"""Revocation as relying parties see it: OCSP and CRLs with openssl and GnuTLS, nginx and HAProxy in front of a service."""

import os
import signal

import pytest
from tools import Server, attempt, free_port, join, refused, run, wait_for

NGINX = """
events {{ }}
http {{
	access_log off;
	client_body_temp_path {d}/tmp; proxy_temp_path {d}/tmp; fastcgi_temp_path {d}/tmp; uwsgi_temp_path {d}/tmp; scgi_temp_path {d}/tmp;
	ssl_certificate {chain};
	ssl_certificate_key {key};
	ssl_protocols TLSv1.3;
	ssl_verify_client on;
	ssl_verify_depth 2;
	ssl_client_certificate {anchors};
	{servers}
}}
"""
NGINX_SERVER = """
	server {{
		listen 127.0.0.1:{port} ssl;
		{judge}
		location / {{ return 200 "welcome\\n"; }}
	}}
"""
HAPROXY = """
global
	maxconn 64
defaults
	mode http
	timeout connect 5s
	timeout client 20s
	timeout server 20s
frontend service
	bind 127.0.0.1:{port} ssl crt {both} ca-file {anchors} crl-file {crls} verify required ssl-min-ver TLSv1.3
	http-request return status 200 content-type text/plain string welcome
"""


@pytest.fixture(scope="module")
def service(site):
    """Key and chain of the relying party's own certificate."""
    return site.identity("service", grants=["workload=dns:localhost"], names=["dns:localhost"])


@pytest.fixture
def leaver(site):
    name = "leaver-%d" % site.names
    key, chain = site.identity(name, "device", ["device=dns:%s.trial.test" % name], ["dns:%s.trial.test" % name])
    return name, key, chain, site.folder(name)


def fetch_bundle(site, into):
    run("curl", "-sS", "--fail-with-body", "-o", into, site.public + "/crl/bundle.pem")
    return into


def crl_lists(site, serial):
    printed = run("sh", "-c", 'curl -sS --fail-with-body "$1" | openssl crl -inform DER -noout -text', "sh", site.public + "/crl/issuing-1.crl")
    return serial in printed.lower()


def offboard_and_wait_for_the_crl(site, name, chain):
    site.ca.admin("offboard", name)
    serial = site.serial(chain)
    wait_for(lambda: crl_lists(site, serial), 30, "the CRL lists " + serial)


def openssl_ocsp(site, chain, *more):
    return run("openssl", "ocsp", "-issuer", site.issuing, "-cert", chain, "-url", site.public + "/ocsp", "-CAfile", site.root,
               "-verify_other", site.issuing, *more)


def test_openssl_ocsp_says_good_then_revoked_at_once(site, leaver):
    name, _, chain, _ = leaver
    printed = openssl_ocsp(site, chain, "-nonce")
    assert "Response verify OK" in printed and chain + ": good" in printed
    assert "WARNING: no nonce" not in printed and "Nonce Verify error" not in printed
    site.ca.admin("offboard", name)
    printed = openssl_ocsp(site, chain, "-nonce")
    assert "Response verify OK" in printed and chain + ": revoked" in printed and "WARNING: no nonce" not in printed


@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
def test_openssl_ocsp_may_name_the_certificate_by_either_hash(site, service, digest):
    """The digest must stand before what it is for."""
    printed = run("openssl", "ocsp", digest, "-issuer", site.issuing, "-cert", service[1], "-url", site.public + "/ocsp",
                  "-CAfile", site.root, "-verify_other", site.issuing)
    assert "Response verify OK" in printed and ": good" in printed


def test_an_ocsp_answer_does_not_verify_under_another_root(site, leaver):
    d = leaver[3]
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", d + "/other.key",
        "-subj", "/CN=Another Root", "-out", d + "/other.pem")
    printed = attempt("openssl", "ocsp", "-issuer", site.issuing, "-cert", leaver[2], "-url", site.public + "/ocsp", "-CAfile", d + "/other.pem",
                      "-verify_other", site.issuing)[1]
    assert "Response Verify Failure" in printed


def ocsptool(site, chain, d):
    run("sh", "-c", 'awk \'/BEGIN/ { n++ } n == 1\' "$1" >"$2"', "sh", chain, d + "/leaf.pem")
    return run("ocsptool", "--ask=" + site.public + "/ocsp", "--load-issuer", site.issuing, "--load-cert", d + "/leaf.pem",
               "--load-trust", site.issuing, "--nonce")


def test_ocsptool_says_good_then_revoked(site, leaver):
    name, _, chain, d = leaver
    printed = ocsptool(site, chain, d)
    assert "Certificate Status: good" in printed and "Verifying OCSP Response: Success" in printed
    site.ca.admin("offboard", name)
    printed = ocsptool(site, chain, d)
    assert "Certificate Status: revoked" in printed and "Verifying OCSP Response: Success" in printed


def test_openssl_verify_with_the_crl_bundle_accepts_then_refuses(site, leaver, service):
    name, _, chain, d = leaver
    verify = ["openssl", "verify", "-CAfile", site.root, "-untrusted", site.issuing, "-crl_check_all", "-CRLfile"]
    before = fetch_bundle(site, d + "/before.pem")
    run(*verify, before, chain)
    offboard_and_wait_for_the_crl(site, name, chain)
    after = fetch_bundle(site, d + "/after.pem")
    assert "certificate revoked" in refused(*verify, after, chain)
    run(*verify, after, service[1])


def test_openssl_verify_needs_every_crl_of_the_bundle(site, service):
    d = site.folder("one-crl")
    run("sh", "-c", 'awk \'/BEGIN/ { n++ } n == 1\' "$1" >"$2"', "sh", fetch_bundle(site, d + "/bundle.pem"), d + "/one.pem")
    printed = refused("openssl", "verify", "-CAfile", site.root, "-untrusted", site.issuing, "-crl_check_all", "-CRLfile", d + "/one.pem", service[1])
    assert "unable to get certificate CRL" in printed


def welcome(site, port, key, chain):
    """How a relying party answers this client: the HTTP status, or None when the handshake fails."""
    code, printed = attempt("curl", "-sS", "--cacert", site.root, "--cert", chain, "--key", key, "-w", "\n%{http_code}",
                            "https://localhost:%d/" % port)
    return int(printed.split()[-1]) if code == 0 else None


def start_nginx(site, service, judges):
    """One server for each judge; the running nginx and their ports."""
    d, ports = site.folder("nginx"), [free_port() for _ in judges]
    servers = "".join(NGINX_SERVER.format(port=p, judge=j) for p, j in zip(ports, judges))
    path = os.path.join(d, "nginx.conf")
    with open(path, "w") as f:
        f.write(NGINX.format(d=d, key=service[0], chain=service[1], anchors=site.anchors, servers=servers))
    argv = ["nginx", "-p", d, "-c", path, "-g", "daemon off; error_log stderr info; pid %s/nginx.pid;" % d]
    run(*argv, "-t")
    return Server(argv, os.path.join(d, "log"), ports), ports


def test_nginx_with_ssl_crl_accepts_then_refuses_after_a_reload(site, service, leaver):
    name, key, chain, d = leaver
    crls = fetch_bundle(site, d + "/crls.pem")
    nginx, (port,) = start_nginx(site, service, ["ssl_crl %s;" % crls])
    with nginx:
        assert welcome(site, port, key, chain) == 200
        offboard_and_wait_for_the_crl(site, name, chain)
        assert welcome(site, port, key, chain) == 200, "it has not read the new bundle yet"
        fetch_bundle(site, crls)
        nginx.signal(signal.SIGHUP)
        wait_for(lambda: welcome(site, port, key, chain) == 400, 20, "nginx refuses the leaver")
        assert welcome(site, port, *service) == 200
        assert "(23:certificate revoked)" in nginx.printed()


def test_nginx_with_ssl_ocsp_accepts_then_refuses_at_once(site, service, leaver):
    name, key, chain, _ = leaver
    nginx, (leaf,) = start_nginx(site, service, ["ssl_ocsp leaf;"])
    with nginx:
        assert welcome(site, leaf, key, chain) == 200
        site.ca.admin("offboard", name)
        assert welcome(site, leaf, key, chain) == 400
        assert welcome(site, leaf, *service) == 200


def test_nginx_with_ssl_ocsp_leaf_and_ssl_crl_judges_the_whole_chain(site, service, leaver):
    name, key, chain, d = leaver
    nginx, (both,) = start_nginx(site, service, ["ssl_ocsp leaf; ssl_crl %s;" % fetch_bundle(site, d + "/crls.pem")])
    with nginx:
        assert welcome(site, both, key, chain) == 200
        site.ca.admin("offboard", name)
        assert welcome(site, both, key, chain) == 400
        assert welcome(site, both, *service) == 200


def test_nginx_with_ssl_ocsp_on_refuses_all_as_the_offline_root_answers_no_ocsp(site, service):
    """Why the recipe is "leaf" with ssl_crl: "on" wants OCSP for the issuing CA too, and only CRLs speak of that one."""
    nginx, (on,) = start_nginx(site, service, ["ssl_ocsp on;"])
    with nginx:
        assert welcome(site, on, *service) == 400
        assert "no OCSP responder URL in certificate" in nginx.printed()


def test_haproxy_with_crl_file_accepts_then_refuses(site, service, leaver):
    name, key, chain, d = leaver
    crls = fetch_bundle(site, d + "/crls.pem")
    both = join(d + "/both.pem", service[1], service[0])
    for status, port in ((200, free_port()), (None, free_port())):
        with open(d + "/haproxy.cfg", "w") as f:
            f.write(HAPROXY.format(port=port, both=both, anchors=site.anchors, crls=crls))
        with Server(["haproxy", "-db", "-f", d + "/haproxy.cfg"], d + "/log", [port]):
            assert welcome(site, port, key, chain) == status
            assert welcome(site, port, *service) == 200
        if status == 200:
            offboard_and_wait_for_the_crl(site, name, chain)
            fetch_bundle(site, crls)


def test_offboarding_refuses_the_next_request_of_an_open_connection(site, leaver):
    name, key, chain, _ = leaver
    with site.ca.client(key, chain) as c:
        assert c.request("GET", "/.well-known/est/cacerts").status == 200
        site.ca.admin("offboard", name)
        answer = c.request("GET", "/.well-known/est/cacerts")
        assert answer.status == 403 and "revoked" in answer.text
        assert c.at_end()
    refused("curl", "-sS", "--fail-with-body", "--cacert", site.root, "--cert", chain, "--key", key, site.url + "/.well-known/est/cacerts")
