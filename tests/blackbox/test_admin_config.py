"""ca-admin config check: the token has the keys, the keys are those of the imported CAs, and these may certify the listeners' names;
what cannot be looked at from here is said and is no mistake."""

import json
import os
import re

import pytest
import yaml

from instance import Instance, program, write_yaml


@pytest.fixture(scope="module")
def site():
    """Everything is imported, nothing runs: an issuing CA without constraints, and one that may certify example.org only."""
    ca = Instance()
    try:
        ca.make_database()
        ca.make_keys()
        ca.write_config()
        ca.apply_schema()
        ca.import_issuer()
        subject = {"common_name": "Test Narrow CA", "organization": "Chancery tests"}
        ca.ceremony("request", "narrow-key", {
            "ceremony": "narrow key", "token": ca.token("issuing"), "key": {"label": "narrow", "type": "p256"},
            "request": {"subject": subject, "file": "narrow.csr"}, "evidence": "narrow-key.evidence.json"})
        ca.ceremony("sign", "narrow", {
            "ceremony": "narrow certificate", "token": ca.token("root"), "key": {"label": "root-1"}, "issuer_certificate": "root.pem",
            "sign": {"csr": "narrow.csr", "subject": subject, "days": 100, "certificate": "narrow.pem",
                     "name_constraints": {"permitted": ["dns:example.org"]}}, "evidence": "narrow.evidence.json"})
        ca.import_issuer("narrow")
        yield ca
    finally:
        ca.stop()


def check(site, tmp_path, changes, *options):
    path = site.write_config(str(tmp_path / "changed.yaml"), changes)
    return site.run([program("ca-admin"), "config", "check", "--config", path, *options], check=False)


ORG = {"base_urls": ["https://ca.example.org:8443"], "names": ["ca.example.org"]}
NARROW = [{"name": "narrow", "key": "narrow"}]
REFUSED = {
    "no such token": ({"hsm": {"token": "other"}}, r'hsm.*no token .*"other"'),
    "keys that are not made": (
        {"issuers": [{"name": "issuing-1", "key": "gone-1"}, {"name": "later", "key": "gone-2"}]}, '"issuing-1": .*gone-1.*"later": .*gone-2'),
    "the key of another issuing ca": ({"issuers": [{"name": "issuing-1", "key": "narrow"}]}, '"issuing-1": '),
    "a label's profile that is not there": ({"est": {"labels": [{"name": "devices", "profile": "nope"}]}}, 'est.labels.0.profile.*"nope"; there are: '),
    "a default profile that is not there": ({"acme": {"default_profile": "nope"}}, 'acme.default_profile.*"nope"; there are: '),
    "a responder's profile that is not there": ({"ocsp": {"profile": "nope"}}, 'ocsp.profile.*"nope"; there are: '),
    "names the ca may not certify": ({"issuers": NARROW, "admin": ORG}, r'"narrow" may not certify "enroll.names": .*localhost'),
    "operators' names the ca may not certify": ({"issuers": NARROW, "enroll": ORG}, r'"narrow" may not certify "admin.names": .*localhost'),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_config_check_refuses(site, tmp_path, case):
    changes, words = REFUSED[case]
    done = check(site, tmp_path, changes)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert re.search(r"changed\.yaml:\d+: ", done.stderr) and re.search(words, done.stderr), done.stderr


def test_config_check_refuses_a_profile_of_an_issuing_ca_that_is_not_configured(site, tmp_path):
    with open(site.path("profiles.yaml")) as f:
        profiles = yaml.safe_load(f)
    profiles["profiles"][0]["issuer"] = "nope"
    write_yaml(str(tmp_path / "profiles.yaml"), profiles)
    done = check(site, tmp_path, {"profiles": str(tmp_path / "profiles.yaml")})
    assert done.returncode == 1 and re.search('profile "workload" is certified by issuing CA "nope", which is not', done.stderr), done.stderr


def test_config_check_finds_all_well(site, tmp_path):
    for changes in ({}, {"issuers": NARROW, "enroll": ORG, "admin": ORG}):
        done = check(site, tmp_path, changes)
        assert done.returncode == 0 and "not looked at" not in done.stdout, (done.stdout, done.stderr)


def test_config_check_says_what_it_could_not_look_at(site, tmp_path):
    os.mkdir(str(tmp_path / "empty"))
    done = check(site, tmp_path, {"database": {"host": str(tmp_path / "empty")}})
    assert done.returncode == 0 and "not looked at: the issuing CAs' certificates: " in done.stdout, (done.stdout, done.stderr)
    done = check(site, tmp_path, {"issuers": [{"name": "issuing-1", "key": "issuing-1"}, {"name": "later", "key": "narrow"}]}, "--json")
    assert done.returncode == 0, done.stderr
    assert re.search("later: .*issuer import", json.loads(done.stdout)["not_looked_at"][0])
