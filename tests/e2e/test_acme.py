"""ACME with the clients people have: those that present a client certificate, and those that need a sidecar (RFC 8555)."""

import os

from tools import attempt, run


def dehydrated_config(site, folder, key, chain, challenges=None):
    path = os.path.join(folder, "config")
    with open(path, "w") as f:
        f.write('CA="%s"\nCURL_OPTS="--tlsv1.3 --cacert %s --cert %s --key %s"\n' % (site.directory(), site.root, chain, key) +
                "BASEDIR=%s\nWELLKNOWN=%s\nCHALLENGETYPE=http-01\nKEY_ALGO=prime256v1\n" % (folder, challenges or folder))
    return path


def order_with_dehydrated(site, folder, key, chain, name, challenges=None):
    """Paths of the key and chain that dehydrated got."""
    config = dehydrated_config(site, folder, key, chain, challenges)
    if not os.path.exists(os.path.join(folder, "accounts")):
        run("dehydrated", "--config", config, "--register", "--accept-terms")
    run("dehydrated", "--config", config, "--cron", "--force", "--domain", name)
    got = os.path.join(folder, "certs", name)
    site.chain_holds(os.path.join(got, "cert.pem"))
    return os.path.join(got, "privkey.pem"), os.path.join(got, "fullchain.pem")


def challenges_of(site, name):
    """Types and states of the challenges that orders for this name led to."""
    return site.ca.sql('SELECT c.type, c.status FROM acme_challenge c JOIN acme_authorization z ON z.id = c."authorization" '
                       "WHERE z.identifier LIKE %s", "%" + name)


def test_dehydrated_with_a_grant_gets_a_certificate_without_a_challenge(site):
    name = "granted.trial.test"
    key, chain = site.identity("granted", grants=["workload=dns:" + name], names=["dns:" + name])
    _, got = order_with_dehydrated(site, site.folder("dehydrated"), key, chain, name)
    text = run("openssl", "x509", "-in", got, "-noout", "-text")
    assert "DNS:" + name in text and "OCSP - URI:" + site.public in text
    assert challenges_of(site, name) == []


def test_dehydrated_without_a_grant_proves_the_name_by_http_01(site, challenges):
    name = "proved.trial.test"
    key, chain = site.identity("prover", grants=["workload=dns:own.trial.test"], names=["dns:own.trial.test"])
    order_with_dehydrated(site, site.folder("dehydrated"), key, chain, name, challenges)
    assert ("http-01", "valid") in challenges_of(site, name)


def test_a_workload_certificate_orders_its_own_successors_with_dehydrated(site):
    name = "line.trial.test"
    key, chain = site.identity("line", grants=["workload=dns:" + name], names=["dns:" + name])
    folder, serials = site.folder("dehydrated"), [site.serial(chain)]
    for _ in range(2):
        key, chain = order_with_dehydrated(site, folder, key, chain, name)
        serials.append(site.serial(chain))
    assert len(set(serials)) == 3
    owners = site.ca.sql("SELECT DISTINCT i.name FROM certificate c JOIN identity i ON i.id = c.identity "
                         "WHERE encode(c.serial, 'hex') = ANY(%s)", serials)
    assert owners == [("line",)]


def test_an_account_does_not_follow_its_key_to_another_identity(site):
    name = "mine.trial.test"
    key, chain = site.identity("mine", grants=["workload=dns:" + name], names=["dns:" + name])
    folder = site.folder("dehydrated")
    order_with_dehydrated(site, folder, key, chain, name)
    key, chain = site.identity("thief", grants=["workload=dns:" + name], names=["dns:" + name])
    config = dehydrated_config(site, folder, key, chain)
    code, printed = attempt("dehydrated", "--config", config, "--cron", "--force", "--domain", name)
    assert code != 0 and "account" in printed and "identity" in printed


def certbot(site, folder, sidecar, name):
    return ["certbot", "certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email", "--force-renewal",
            "--config-dir", folder + "/config", "--work-dir", folder + "/work", "--logs-dir", folder + "/logs",
            "--server", site.directory(sidecar), "--standalone", "--preferred-challenges", "http",
            "--http-01-address", "127.0.0.1", "--http-01-port", str(site.ca.http01_port), "--cert-name", "it", "--domain", name]


def check_certbot(site, sidecar):
    name, folder = "certbot-%s.trial.test" % sidecar, site.folder("certbot")
    trust = {"REQUESTS_CA_BUNDLE": site.root}
    run(*certbot(site, folder, sidecar, name), env=trust)
    got = os.path.join(folder, "config/live/it/cert.pem")
    site.chain_holds(got)
    first = site.serial(got)
    run(*certbot(site, folder, sidecar, name), env=trust)
    assert site.serial(got) != first
    run("certbot", "revoke", "--non-interactive", "--config-dir", folder + "/config", "--work-dir", folder + "/work",
        "--logs-dir", folder + "/logs", "--server", site.directory(sidecar), "--cert-path", got, "--no-delete-after-revoke",
        "--reason", "superseded", env=trust)
    rows = site.ca.sql("SELECT reason FROM revocation WHERE encode(serial, 'hex') = %s", site.serial(got))
    assert rows == [(4,)]


def test_certbot_through_the_haproxy_sidecar_proves_renews_and_revokes(site, haproxy_sidecar):
    check_certbot(site, "haproxy")


def test_certbot_through_the_nginx_sidecar_proves_renews_and_revokes(site, nginx_sidecar):
    check_certbot(site, "nginx")


def test_certbot_through_the_stunnel_sidecar_proves_renews_and_revokes(site, stunnel_sidecar):
    check_certbot(site, "stunnel")


def test_lego_through_the_sidecar_proves_a_name(site, haproxy_sidecar):
    name, folder = "lego.trial.test", site.folder("lego")
    base = ["lego", "--path", folder, "--server", site.directory("haproxy"), "--accept-tos", "--email", "lego@trial.test", "--http",
            "--http.port", "127.0.0.1:%d" % site.ca.http01_port, "--domains", name]
    run(*base, "run", env={"LEGO_CA_CERTIFICATES": site.root})
    site.chain_holds(os.path.join(folder, "certificates", name + ".crt"))
    run(*base, "renew", "--days", "100", "--no-random-sleep", env={"LEGO_CA_CERTIFICATES": site.root})
    assert ("http-01", "valid") in challenges_of(site, name)


def uacme(site, folder, challenges, *command):
    """uacme trusts only the system's bundle: it gets a system of its own whose bundle is our root."""
    argv = ["uacme", "--confdir", folder, "--acme-url", site.directory("nginx"), "--type", "EC", "--bits", "256", "--yes", "--verbose",
            "--hook", "/usr/share/uacme/uacme.sh", *command]
    return run("unshare", "--mount", "--propagation", "private", "sh", "-e", "-c",
               'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt; shift; exec "$@"', "sh", site.root, *argv,
               env={"UACME_CHALLENGE_PATH": challenges})


def test_uacme_through_the_sidecar_proves_a_name(site, nginx_sidecar, challenges):
    name, folder = "uacme.trial.test", site.folder("uacme")
    uacme(site, folder, challenges, "new")
    uacme(site, folder, challenges, "issue", name)
    site.chain_holds(os.path.join(folder, name, "cert.pem"))
    assert ("http-01", "valid") in challenges_of(site, name)
