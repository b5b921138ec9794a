"""ca-admin as a person or a script meets it: help, dry runs, exit codes, files, recovery."""

import json
import os
import re
import socket
import stat
import struct
import threading

import pytest
from cryptography.hazmat.primitives import serialization

from admin import load_cert, serial_of
from instance import SOURCE, make_csr, new_key, pem_key, program
from pgcluster import wait_for

def admin_yaml(ca):
    return os.path.join(ca.operator_directory, "admin.yaml")


def run(ca, *args, **kw):
    return ca.run([program("ca-admin"), *args], check=False, **kw)


def commands(ca):
    """Those of the overview."""
    overview = run(ca, "--help")
    assert overview.returncode == 0
    return re.findall(r"^  ([a-z]+(?: [a-z]+){0,2})  ", overview.stdout, re.MULTILINE)


def test_help_lists_every_command_and_each_has_an_example(ca):
    listed = commands(ca)
    assert {"schema apply", "issuer import", "init", "config check", "status", "cert revoke", "offboard"} <= set(listed)
    assert len(listed) == len(set(listed)) == 37
    for command in listed:
        help_text = run(ca, *command.split(), "--help")
        assert help_text.returncode == 0
        assert "Example:\n  ca-admin %s" % command in help_text.stdout
        assert "--json" in help_text.stdout


@pytest.mark.parametrize("args", [
    (), ("nonsense",), ("identity",), ("identity", "add", "x"), ("identity", "add", "x", "--kind"), ("identity", "show"),
    ("identity", "show", "a", "b"), ("status", "--unknown"), ("status", "--json=yes"), ("status", "--dry-run"),
    ("identity", "add", "x", "--kind", "device", "--kind", "device"), ("identity", "add", "x", "--kind", "device", "--grant", "nope"),
    ("cert", "show", "123"), ("identity", "list", "--limit", "0"), ("status", "--server", "http://localhost"),
    ("status", "--cert", "x"), ("--root", "x", "status")])
def test_wrong_usage_is_exit_code_2_and_points_to_help(ca, args):
    done = run(ca, *args, "--config", admin_yaml(ca))
    assert done.returncode == 2, (args, done.stdout, done.stderr)
    assert "--help" in done.stderr


def test_exit_codes_tell_why(ca):
    ca.add_identity("coded", "device")

    def code(*args):
        return ca.admin(*args, check=False).returncode
    assert code("identity", "show", "nobody-here") == 3
    assert code("identity", "add", "coded", "--kind", "device") == 4
    assert code("identity", "block", "operator") == 1
    assert run(ca, "status", "--config", admin_yaml(ca), "--server", "https://localhost:1").returncode == 5
    assert run(ca, "status", "--config", "/nonexistent/admin.yaml").returncode == 3


def test_a_failure_is_json_too_when_json_is_asked(ca):
    done = ca.admin("identity", "show", "nobody-here", check=False)
    error = json.loads(done.stdout)["error"]
    assert (error["class"], error["code"]) == ("not-found", "unknown-identity")
    assert "nobody-here" in error["reason"] and "request" in error["reason"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(ca):
    done = run(ca, "identity", "add", "ghost", "--kind", "device", "--dry-run", "--config", admin_yaml(ca))
    assert done.returncode == 0 and 'would register device "ghost"' in done.stdout
    done = run(ca, "offboard", "operator", "--dry-run", "--json", "--config", admin_yaml(ca))
    assert json.loads(done.stdout)["dry_run"] is True
    assert ca.admin("identity", "show", "ghost", check=False).returncode == 3


def test_text_and_json_agree(ca):
    ca.add_identity("texts", "device", ["device=dns:texts.example.org"])
    shown = run(ca, "identity", "show", "texts", "--config", admin_yaml(ca)).stdout
    assert "texts" in shown and "dns:texts.example.org" in shown
    listed = run(ca, "identity", "list", "--config", admin_yaml(ca)).stdout
    assert listed.splitlines()[0].split() == ["NAME", "KIND", "STATE", "OWNER", "CREATED"]
    assert any(line.split()[0] == "texts" for line in listed.splitlines())
    assert ca.admin("grant", "list", "texts")[0]["pattern"] == "dns:texts.example.org"
    assert [i["name"] for i in ca.admin("issuer", "list")] == ["root", "issuing-1"]


def test_names_that_need_escaping_travel_whole(ca):
    name = "user@example.org:x-1"
    ca.add_identity(name, "user")
    assert ca.admin("identity", "show", name)["name"] == name
    assert ca.admin("cert", "list", "--identity", name) == []
    assert ca.admin("offboard", name)["revoked"] == 0


def test_issue_writes_the_chain_to_a_file_or_to_standard_output(ca, tmp_path):
    ca.add_identity("filer", "device", ["device=dns:filer.example.org"])
    csr = tmp_path / "filer.csr"
    csr.write_bytes(make_csr(new_key(), "filer", ["dns:filer.example.org"]).public_bytes(serialization.Encoding.DER))
    common = ["issue", "filer", "--profile", "device", "--csr", str(csr), "--config", admin_yaml(ca)]
    done = run(ca, *common)
    assert done.returncode == 0 and done.stdout.startswith("-----BEGIN CERTIFICATE-----")
    assert done.stdout.count("BEGIN CERTIFICATE") == 2
    done = run(ca, *common, "--out", str(tmp_path / "filer.pem"))
    assert done.returncode == 0 and "will issue" in done.stdout
    assert (tmp_path / "filer.pem").read_text().count("BEGIN CERTIFICATE") == 2
    done = run(ca, "issue", "filer", "--profile", "device", "--csr", admin_yaml(ca), "--config", admin_yaml(ca))
    assert done.returncode == 1 and "no certificate request" in done.stderr


def test_the_operators_files_are_private_and_complete(ca):
    d = ca.operator_directory
    assert sorted(os.listdir(d)) == ["admin.yaml", "operator.key", "operator.pem", "root.pem"]
    assert stat.S_IMODE(os.stat(os.path.join(d, "operator.key")).st_mode) == 0o600
    assert load_cert(os.path.join(d, "root.pem")) == load_cert(ca.trust)


def second_operator(ca, tmp_path, name):
    d = str(tmp_path / "op")
    ca.local("init", "--operator", name, "--directory", d, "--wait", "30")
    return d, os.path.join(d, "admin.yaml")


def test_renew_replaces_key_and_certificate(ca, tmp_path):
    d, config = second_operator(ca, tmp_path, "renewing")
    before, key = serial_of(d + "/operator.pem"), open(d + "/operator.key").read()
    assert run(ca, "renew", "--config", config).returncode == 0
    assert serial_of(d + "/operator.pem") != before and open(d + "/operator.key").read() != key
    assert run(ca, "identity", "list", "--config", config).returncode == 0
    assert sorted(os.listdir(d)) == ["admin.yaml", "operator.key", "operator.pem", "root.pem"]


def test_an_interrupted_replacement_is_finished(ca, tmp_path):
    d, config = second_operator(ca, tmp_path, "interrupted")
    os.rename(d + "/operator.key", d + "/operator.key.new")
    with open(os.open(d + "/operator.key", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(pem_key(new_key()))
    assert run(ca, "identity", "list", "--config", config).returncode == 0
    assert not os.path.exists(d + "/operator.key.new")


def test_a_key_open_to_others_or_of_another_certificate_is_refused(ca, tmp_path):
    d, config = second_operator(ca, tmp_path, "careless")
    os.chmod(d + "/operator.key", 0o644)
    done = run(ca, "status", "--config", config)
    assert done.returncode == 1 and "chmod 600" in done.stderr
    os.chmod(d + "/operator.key", 0o600)
    with open(d + "/operator.key", "w") as f:
        f.write(pem_key(new_key()))
    done = run(ca, "status", "--config", config)
    assert done.returncode == 1 and "does not belong" in done.stderr and "ca-admin init" in done.stderr


def test_init_again_keeps_a_good_certificate_and_replaces_a_lost_or_revoked_one(ca, tmp_path):
    d, config = second_operator(ca, tmp_path, "recovering")

    def again():
        return json.loads(ca.local("init", "--operator", "recovering", "--directory", d, "--json").stdout)
    first = serial_of(d + "/operator.pem")
    assert again()["renewed"] is False and serial_of(d + "/operator.pem") == first
    os.remove(d + "/operator.key")
    assert again()["renewed"] is True
    second = serial_of(d + "/operator.pem")
    ca.admin("cert", "revoke", second)
    done = run(ca, "status", "--config", config)
    assert done.returncode == 1 and "revoked" in done.stderr
    assert again()["renewed"] is True and serial_of(d + "/operator.pem") != second
    assert run(ca, "identity", "list", "--config", config).returncode == 0


def test_init_refuses_a_blocked_operator_and_another_kind(ca, tmp_path):
    second_operator(ca, tmp_path, "shut-out")
    ca.admin("identity", "block", "shut-out")
    done = ca.local("init", "--operator", "shut-out", "--directory", str(tmp_path / "x"), check=False)
    assert done.returncode == 1 and "blocked" in done.stderr and "unblock" in done.stderr
    ca.add_identity("not-a-person", "device")
    done = ca.local("init", "--operator", "not-a-person", "--directory", str(tmp_path / "x"), check=False)
    assert done.returncode == 4 and "device" in done.stderr


def test_the_servers_certificate_is_checked(ca, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    import datetime
    key, now = new_key(), datetime.datetime.utcnow()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other root")])
    other = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7) \
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1)) \
        .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    path = tmp_path / "other.pem"
    path.write_bytes(other.public_bytes(serialization.Encoding.PEM))
    done = run(ca, "status", "--config", admin_yaml(ca), "--ca", str(path))
    assert done.returncode == 1 and "does not chain" in done.stderr


def test_config_check_names_line_and_remedy(ca, tmp_path):
    assert ca.local("config", "check").returncode == 0
    path = tmp_path / "bad.yaml"
    path.write_text(open(ca.config_path).read() + "surprise: 1\n")
    done = run(ca, "config", "check", "--config", str(path))
    assert done.returncode == 1 and re.search(r"bad\.yaml:\d+: .*surprise", done.stderr)


def given_credential(ca, tmp_path, name, lifetime):
    """An operator's directory with a certificate that another operator issued for a short life."""
    ca.add_identity(name, "operator")
    ca.admin("operator", "role", "add", name, "auditor")
    key = new_key()
    d = tmp_path / name
    d.mkdir()
    with open(os.open(str(d / "operator.key"), os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(pem_key(key))
    ca.admin("issue", name, "--profile", "operator", "--csr", "-", "--lifetime", lifetime, "--out", str(d / "operator.pem"),
             stdin=make_csr(key, name).public_bytes(serialization.Encoding.PEM).decode())
    (d / "root.pem").write_bytes(open(ca.trust, "rb").read())
    (d / "admin.yaml").write_text("server: https://localhost:%d\ncertificate: operator.pem\nkey: operator.key\ntrust: root.pem\n" % ca.admin_port)
    return d


def test_a_certificate_is_replaced_by_itself_when_three_fifths_of_its_life_are_over(ca, tmp_path):
    d = given_credential(ca, tmp_path, "ageing", "20s")
    before = serial_of(str(d / "operator.pem"))
    listings = []

    def listed():
        listings.append(run(ca, "identity", "list", "--json", "--config", str(d / "admin.yaml")))
        assert listings[-1].returncode == 0 and json.loads(listings[-1].stdout)
        return listings[-1].stderr
    assert listed() == "" and serial_of(str(d / "operator.pem")) == before
    wait_for(lambda: "renewed your certificate" in listed(), 20, "the certificate has been renewed")
    after = serial_of(str(d / "operator.pem"))
    assert after != before
    assert listed() == "" and serial_of(str(d / "operator.pem")) == after


def test_a_certificate_given_by_hand_is_never_replaced_and_its_end_is_told_with_the_way_out(ca, tmp_path):
    d = given_credential(ca, tmp_path, "expiring", "3s")
    before = (d / "operator.pem").read_text()

    def listed():
        return run(ca, "identity", "list", "--server", "https://localhost:%d" % ca.admin_port, "--cert", str(d / "operator.pem"),
                   "--key", str(d / "operator.key"), "--ca", ca.trust)
    wait_for(lambda: "expired at" in listed().stderr, 15, "the certificate has expired")
    done = listed()
    assert done.returncode == 1 and "ca-admin init" in done.stderr
    assert (d / "operator.pem").read_text() == before


def manual_headers():
    """The headers of the manual's commands, as they are read: "identity list [--limit N], identity show NAME"."""
    with open(os.path.join(SOURCE, "man", "ca-admin.1")) as f:
        page = f.read()
    page = page[page.index(".SH LOCAL COMMANDS"):page.index(".SH ROLES")]
    headers = re.findall(r"^\.TP\n\.B (.*)", page, re.MULTILINE)
    return [re.sub(r"\\f[A-Z]", "", h).replace("\\-", "-") for h in headers]


def test_the_manual_page_has_every_command_with_its_arguments_and_options_and_no_other(ca):
    headers = manual_headers()
    known = {}
    for command in commands(ca):
        text = run(ca, *command.split(), "--help").stdout
        usage, own = re.search(r"^usage: ca-admin (.*) \[options\]\n\n((?:  .*\n)*)", text, re.MULTILINE).groups()
        if "  --config" in own:
            own = ""  # none of its own: these are the common ones
        options = re.findall(r"^  --(\S+(?: [A-Z][A-Z:=]*)?)", own, re.MULTILINE)
        header = [h for h in headers if re.search(r"(^|, )%s\b" % usage, h)]
        assert len(header) == 1, (command, usage)
        for option in options:
            assert "--" + option in header[0], (command, option)
        known.setdefault(header[0], []).extend(o.split()[0] for o in options)
    assert sorted(known) == sorted(headers)
    for header, options in known.items():
        assert set(re.findall(r"--([a-z-]+)", header)) == set(options), header
    listed = [c for h in headers for c in re.findall(r"(?:^|, )([a-z]+(?: [a-z]+){0,2})", h)]
    assert sorted(listed) == sorted(commands(ca))


def test_what_was_done_is_told_in_words(ca):
    def told(*args):
        done = run(ca, *args, "--config", admin_yaml(ca))
        assert done.returncode == 0, done.stderr
        return done.stdout
    assert told("identity", "add", "worded", "--kind", "device") == (
        'will register device "worded" with 0 grants\n'
        'registered "worded"; next: `ca-admin issue worded --profile PROFILE --csr FILE` for its first certificate\n')
    assert told("identity", "block", "worded").endswith('"worded" is blocked now\n')
    assert told("identity", "block", "worded").endswith('"worded" is blocked already\n')
    assert told("crl", "publish", "--dry-run") == "would have the CRL of every issuing CA published anew\n"
    assert told("crl", "publish", "--issuer", "issuing-1").startswith("will have the CRL of issuing-1 published anew\nasked for: issuing-1;")
    assert told("offboard", "worded").splitlines() == [
        'will block identity "worded", revoke all its live certificates, close its ACME accounts and refuse its waiting requests '
        "(reason privilegeWithdrawn)",
        'offboarded "worded": 0 certificates revoked, 0 ACME accounts closed, 0 requests refused; every listener refuses and OCSP tells it now']
    assert told("cert", "list", "--identity", "worded") == "no certificates; --all shows expired and revoked ones too\n"
    assert "\n\nno grants\n\nno live certificates\n" in told("identity", "show", "worded")
    serial = ca.admin("cert", "list", "--identity", "operator")[0]["serial"]
    for spelling in (serial.upper(), ":".join(serial[i:i + 2] for i in range(0, 32, 2))):
        shown = told("cert", "show", spelling).splitlines()
        assert shown[0].split() == ["serial:", serial] and shown[-1] == "-----END CERTIFICATE-----"
    assert "such as keyCompromise," in run(ca, "cert", "revoke", serial, "--reason", "stolen", "--config", admin_yaml(ca)).stderr


def test_a_long_list_is_read_to_its_end_or_its_limit(ca):
    ca.add_identity("wide", "device", ["device=dns:w%03d.example.org" % n for n in range(100)])
    ca.admin("grant", "add", "wide", "device", "dns:one-more.example.org")
    assert len(ca.admin("grant", "list", "wide")) == 101
    done = run(ca, "grant", "list", "wide", "--limit", "3", "--json", "--config", admin_yaml(ca))
    assert len(json.loads(done.stdout)) == 3 and "raise --limit" in done.stderr


def test_a_connection_that_is_reset_in_the_handshake_is_no_refusal(ca):
    """Too many connections, a program that ends: nothing was said of the certificate."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(20)

        def reset_first():
            peer, _ = listener.accept()
            peer.recv(1)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        thread = threading.Thread(target=reset_first)
        thread.start()
        done = run(ca, "status", "--config", admin_yaml(ca), "--server", "https://localhost:%d" % listener.getsockname()[1])
        thread.join()
    assert done.returncode == 5 and "broke the connection off" in done.stderr, done.stderr
    assert "revoked" not in done.stderr
