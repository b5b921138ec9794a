"""Keys and tokens as an operator can get them wrong, and what the signer and the ceremony tool say and do then."""

import os
import re
import subprocess

import pytest

from conftest import MODULE, SIGNER, wait_for

LOGIN = ("--token-label", "test-issuing", "--login", "--pin", "user-issuing")


def objects(world, label):
    """What pkcs11-tool, somebody else's program, says about the private key."""
    text = world.pkcs11(*LOGIN, "--list-objects", "--type", "privkey")
    parts = [p for p in text.split("Private Key Object") if re.search(r"label:\s+%s\n" % label, p)]
    assert len(parts) == 1, text
    return parts[0]


def test_made_key_has_the_attributes_of_a_ca_key(done):
    text = objects(done, "issuing-1")
    for words in ("sensitive", "always sensitive", "never extractable", "local"):
        assert words in text, text
    assert re.search(r"Usage:\s+sign\n", text), text


def import_key(world, label, token=LOGIN):
    """A key made in software and put into the token: sensitive perhaps, local never."""
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-outform", "DER", "-out", world.path("soft.der")],
                   check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ec", "-inform", "DER", "-in", world.path("soft.der"), "-pubout", "-outform", "DER", "-out",
                    world.path("soft.pub")], check=True, stderr=subprocess.DEVNULL)
    for kind, name in (("privkey", "soft.der"), ("pubkey", "soft.pub")):
        world.pkcs11(*token, "--write-object", world.path(name), "--type", kind, "--label", label, "--id", "77", "--usage-sign")


def test_imported_key_is_refused_by_the_signer(site):
    import_key(site.world, "soft")
    site.configure(key="soft")
    site.import_issuers()
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "weak-key-attributes" in s.text() and "ca-ceremony" in s.text()


def test_extractable_key_is_refused_by_the_signer(site):
    site.world.pkcs11(*LOGIN, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "loose", "--id", "78", "--extractable", "--usage-sign")
    site.configure(key="loose")
    site.import_issuers()
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "weak-key-attributes" in s.text() and "EXTRACTABLE" in s.text()


def test_imported_key_is_refused_by_the_ceremony(done):
    import_key(done, "soft", ("--token-label", "test-root", "--login", "--pin", "user-root"))
    done.edit("crl.yaml", "label: root-1", "label: soft")
    done.edit("crl.yaml", "root-2.crl", "root-3.crl")
    done.edit("crl.yaml", "crl.evidence", "crl3.evidence")
    tried = done.ceremony("crl", "crl.yaml")
    assert tried.returncode == 1
    assert "CKA_ALWAYS_SENSITIVE false" in tried.stderr or "CKA_LOCAL false" in tried.stderr
    assert not os.path.exists(done.path("root-3.crl"))


def test_two_keys_with_one_label_are_refused(site):
    for number in ("11", "12"):
        site.world.pkcs11(*LOGIN, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "twin", "--id", number, "--sensitive")
    site.configure(key="twin")
    site.import_issuers()
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "2 private keys" in s.text() and "unique" in s.text()


def test_edwards_key_in_the_token_is_explained(site):
    site.world.pkcs11(*LOGIN, "--keypairgen", "--key-type", "EC:edwards25519", "--label", "ed", "--id", "13", "--sensitive")
    site.import_issuers()
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "Edwards" in s.text() and "test-issuing" in s.text()


def test_missing_key_is_waited_for_and_named(site):
    site.configure(key="not-yet")
    site.import_issuers()
    s = site.start(wait=False)
    s.wait_for("no private key with label")
    assert "not-yet" in s.text()
    assert s.stop() == 0


def flags(world):
    text = world.pkcs11("--list-slots")
    return text[text.index("test-issuing"):].split("token flags", 1)[1].split("\n", 1)[0]


def test_wrong_pin_is_told_counted_and_not_tried_again(site):
    site.import_issuers()
    assert "user PIN count low" not in flags(site.world)
    site.world.write("issuing.pin", "wrong-pin\n", 0o600)
    s = site.start(wait=False)
    assert s.ends() == 78, s.text()
    said = s.text()
    assert said.count("refuses the PIN") == 1 and "counts failed tries" in said and "test-issuing" in said
    assert "wrong-pin\n" not in said and "wrong-pin\"" not in said.replace('"word":"wrong-pin"', "")
    assert "user PIN count low" in flags(site.world)
    site.world.write("issuing.pin", "user-issuing\n", 0o600)
    again = site.start(2)
    assert "user PIN count low" not in flags(site.world)
    assert again.stop() == 0


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666])
def test_open_pin_file_is_refused_with_the_remedy(site, mode):
    site.import_issuers()
    os.chmod(site.world.path("issuing.pin"), mode)
    s = site.start(wait=False)
    assert s.ends() == 78
    assert "chmod 600" in s.text()
    assert "user PIN count low" not in flags(site.world)


@pytest.mark.parametrize("pin, words", [("", "holds no PIN"), ("one\ntwo\n", "more than one line"), ("one\rtwo", "more than one line"), ("x" * 300, "longer than a PIN")])
def test_bad_pin_file_is_refused(done, pin, words):
    done.write("root.pin", pin, 0o600)
    for name in ("root-2.crl", "crl.evidence.json", "crl.evidence.json.sig"):
        os.unlink(done.path(name))
    tried = done.ceremony("crl", "crl.yaml")
    assert tried.returncode == 3 and words in tried.stderr, tried.stderr


def test_pin_of_an_editor_that_ends_lines_with_cr_spends_no_try(site):
    site.world.write("issuing.pin", "user-issuing\r\n", 0o600)
    site.import_issuers()
    s = site.start()
    assert s.stop() == 0
    assert "count low" not in flags(site.world)
    site.world.write("issuing.pin", "user-issuing\n", 0o600)


def test_pin_may_come_from_a_descriptor(site):
    site.import_issuers()
    text = site.world.read("chancery.yaml").decode()
    site.world.write("chancery.yaml", text.replace("pin_file: %s" % site.world.path("issuing.pin"), "pin_fd: 7"))
    process = subprocess.Popen(["sh", "-c", 'exec "$0" --config "$1" 7<"$2"', SIGNER,
                                site.world.path("chancery.yaml"), site.world.path("issuing.pin")], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if '"event":"ready"' in line:
                break
        else:
            pytest.fail("the signer ended")
    finally:
        process.terminate()
        process.stderr.read()
        assert process.wait(20) == 0


def test_missing_module_names_the_remedy(site):
    text = site.world.read("chancery.yaml").decode()
    site.world.write("chancery.yaml", text.replace(MODULE, "/nowhere/module.so"))
    s = site.start(wait=False)
    assert s.ends() == 75
    assert "/nowhere/module.so" in s.text() and "hsm.module" in s.text()


def test_unknown_token_lists_the_ones_there_are(site):
    site.configure(token="elsewhere")
    s = site.start(wait=False)
    assert s.ends() == 75
    assert "elsewhere" in s.text() and "test-issuing" in s.text()


def test_token_gone_and_back(site):
    """The signer ends with 75 when the token goes, cannot start without it, and serves what waited when it is back."""
    site.import_issuers()
    who = site.identity("d")
    first = site.start()
    assert site.wait(site.request(who))[0] == "done"
    os.rename(site.world.path("tokens"), site.world.path("away"))
    waiting = site.request(who)
    assert first.ends() == 75, first.text()
    assert '"word":"hsm"' in first.text()
    assert site.result(waiting)[0] == "pending"
    os.mkdir(site.world.path("tokens"))
    second = site.start(2, wait=False)
    assert second.ends() == 75
    assert "no token with label" in second.text()
    assert site.result(waiting)[0] == "pending"
    os.rmdir(site.world.path("tokens"))
    os.rename(site.world.path("away"), site.world.path("tokens"))
    site.start(3)
    assert site.wait(waiting)[0] == "done"
    assert site.value("chancery_gateway", "SELECT count(*) FROM certificate") == 2


def test_token_that_goes_while_idle_is_noticed(site):
    site.import_issuers()
    s = site.start()
    wait_for(site.crl, 20, "the first CRL, so that nothing more is signed")
    os.rename(site.world.path("tokens"), site.world.path("away"))
    assert s.ends(30) == 75, s.text()
