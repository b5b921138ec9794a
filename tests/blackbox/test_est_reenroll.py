"""est/CHECKS.md 67 to 74: renewal and rekey by /simplereenroll."""

import base64

import pytest

import der
from est import Device, cert, certs, path, post, public, refused, sans
from instance import make_csr, new_key

RE = "simplereenroll"


@pytest.fixture(scope="module")
def device(ca):
    d = Device(ca, names=2)
    yield d
    d.close()


def csr(d, key=None, subject=None, names=None):
    return make_csr(key or new_key(), d.name if subject is None else subject, d.names if names is None else names)


def test_est_067_authentication_is_the_certificate_alone(ca, device):
    with pytest.raises(OSError):
        with ca.client() as c:
            post(c, csr(device), RE, headers=["Authorization: Basic eDp5"])


def test_est_068_another_key_is_a_rekey_and_recorded_as_such(ca, device):
    key = new_key()
    one = cert(post(device.client, csr(device, key), RE))
    assert public(one) == public(key) and one.subject == device.certificate.subject and sans(one) == sans(device.certificate)
    rows = ca.sql("SELECT renewed_from, spki_hash <> (SELECT spki_hash FROM certificate o WHERE o.serial = c.renewed_from) "
                  "FROM certificate c WHERE serial = %s", one.serial_number.to_bytes(16, "big"))
    assert [(bytes(r[0]), r[1]) for r in rows] == [(device.certificate.serial_number.to_bytes(16, "big"), True)]


def test_est_068_the_same_key_is_a_renewal_and_recorded_as_such(ca):
    d = Device(ca)
    one = cert(post(d.client, csr(d, d.key), RE))
    assert public(one) == public(d.key) and one.serial_number != d.certificate.serial_number
    rows = ca.sql("SELECT spki_hash = (SELECT spki_hash FROM certificate o WHERE o.serial = c.renewed_from) "
                  "FROM certificate c WHERE serial = %s", one.serial_number.to_bytes(16, "big"))
    assert rows == [(True,)]
    d.close()


def test_est_068_a_profile_may_forbid_renewal_with_the_same_key(ca):
    d = Device(ca, profile="new-key")
    refused(post(d.client, csr(d, d.key), RE), 403, "same-key")
    refused(post(d.client, csr(d, d.key), label="new-keys"), 403, "same-key")
    cert(post(d.client, csr(d), RE))
    d.close()


def test_est_068_the_new_certificate_can_be_renewed_in_turn(ca, device):
    key = new_key()
    one = cert(post(device.client, csr(device, key), RE))
    with ca.client(*ca.save(key, one)) as c:
        two = cert(post(c, csr(device), RE))
        assert two.serial_number != one.serial_number


@pytest.mark.parametrize("twist", ["other", "more", "order", "multi"])
def test_est_069_070_another_subject_is_refused(ca, twist):
    """By a profile that judges subjects; and what stands for the certificate's own is accepted there."""
    d = Device(ca, profile="org", grants=[])
    cn, org = (der.COMMON_NAME, der.utf8(d.name)), (der.ORGANIZATION, der.utf8("Chancery tests"))
    san = der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(d.names[0][4:])))
    in_order = [org, cn] if d.certificate.subject.rdns[0].rfc4514_string().startswith("O=") else [cn, org]
    cert(post(d.client, der.csr(new_key(), der.name(*in_order), [san]), RE))
    for same in (der.name(), der.name(cn), der.name((der.COMMON_NAME, der.utf8(d.names[0][4:])))):
        assert cert(post(d.client, der.csr(new_key(), same, [san]), RE)).subject == d.certificate.subject
    subject = {"other": der.name(in_order[0], (der.COMMON_NAME, der.utf8("other"))), "order": der.name(*in_order[::-1]),
               "more": der.name(*in_order, ("2.5.4.11", der.utf8("Unit"))), "multi": der.name([cn, org])}[twist]
    refused(post(d.client, der.csr(new_key(), subject, [san]), RE), 400, "subject-changed")
    d.close()


@pytest.mark.parametrize("twist", ["added", "removed", "other"])
def test_est_069_070_other_names_are_refused(device, twist):
    names = {"added": device.names + ["dns:more.example.org"], "removed": device.names[:1],
             "other": [device.names[0], "dns:more.example.org"]}[twist]
    refused(post(device.client, csr(device, names=names), RE), 400, "names-changed")


def test_est_069_without_names_a_renewal_keeps_those_of_the_certificate(ca):
    """Also when there are fewer than are granted by now."""
    d = Device(ca, names=2, certificate_names=[])
    with ca.client(*ca.issue(d.name, "device", d.names[:1])) as c:
        for subject in (d.name, d.names[0][4:]):
            assert sans(cert(post(c, csr(d, subject=subject, names=[]), RE))) == [d.names[0][4:]]
        refused(post(c, csr(d, subject=d.names[1][4:], names=[]), RE), 400, "names-changed")
    d.close()


def test_est_069_names_are_a_set(device):
    cert(post(device.client, csr(device, names=device.names[::-1]), RE))
    cert(post(device.client, csr(device, names=device.names + device.names[:1]), RE))


def test_est_069_absent_names_equal_absent_names(ca):
    d = Device(ca, names=1, certificate_names=[])
    if sans(d.certificate) == []:
        cert(post(d.client, csr(d, names=[]), RE))
        refused(post(d.client, csr(d), RE), 400, "names-changed")
    else:
        cert(post(d.client, csr(d), RE))
    d.close()


@pytest.mark.parametrize("twist", ["second-request", "listed-twice"])
def test_est_070_names_may_not_hide_in_a_second_place(device, twist):
    subject = der.name((der.COMMON_NAME, der.utf8(device.name)))
    good = der.extension(der.SUBJECT_ALT_NAME, der.dns_names(*[n[4:] for n in device.names]))
    more = der.extension(der.SUBJECT_ALT_NAME, der.dns_names("more.example.org"))
    cert(post(device.client, der.csr(new_key(), subject, [der.extension_request(good)]), RE))
    attributes = [der.extension_request(good), der.extension_request(more)] if twist == "second-request" else [
        der.extension_request(good, more)]
    refused(post(device.client, der.csr(new_key(), subject, attributes), RE), 400, "bad-csr")


def test_est_070_case_spaces_and_string_types_make_no_other_subject(ca):
    """RFC 5280 section 7.1."""
    d = Device(ca, profile="org", grants=[])
    san = der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(d.names[0][4:])))
    for org, cn, good in ((der.printable("Chancery tests"), der.printable(d.name), True),
                          (der.utf8("chancery  TESTS "), der.tlv(0x16, d.name.upper().encode()), True),
                          (der.utf8("Chancerytests"), der.utf8(d.name), False), (der.utf8("Chancery tests"), der.utf8(d.name + "0"), False)):
        r = post(d.client, der.csr(new_key(), der.name((der.ORGANIZATION, org), (der.COMMON_NAME, cn)), [san]), RE)
        if good:
            assert cert(r).subject.public_bytes() == d.certificate.subject.public_bytes()
        else:
            refused(r, 400, "subject-changed")
    d.close()


def test_est_072_a_revoked_certificate_is_refused_on_an_open_connection(ca):
    d = Device(ca)
    cert(post(d.client, csr(d), RE))
    ca.admin("cert", "revoke", "%032x" % d.certificate.serial_number, "--reason", "keyCompromise")
    r = post(d.client, csr(d), RE)
    assert r.status == 403 and "revoked" in r.text, r
    with pytest.raises(OSError):
        with ca.client(*d.files) as c:
            post(c, csr(d), RE)


def test_est_072_a_blocked_identity_is_refused_and_comes_back(ca):
    d = Device(ca)
    cert(post(d.client, csr(d), RE))
    ca.admin("identity", "block", d.name)
    r = post(d.client, csr(d), RE)
    assert r.status == 403 and "blocked" in r.text, r
    with pytest.raises(OSError):
        with ca.client(*d.files) as c:
            post(c, csr(d), RE)
    ca.admin("identity", "unblock", d.name)
    with ca.client(*d.files) as c:
        cert(post(c, csr(d), RE))


def test_est_072_a_grant_taken_away_is_not_renewed(ca):
    d = Device(ca, names=2)
    cert(post(d.client, csr(d), RE))
    ca.admin("grant", "remove", d.name, "device", d.names[1])
    assert d.names[1] in refused(post(d.client, csr(d), RE), 403, "name-not-allowed")
    d.close()


def test_est_072_offboarding_ends_everything_at_once(ca):
    d = Device(ca)
    one_key = new_key()
    one = cert(post(d.client, csr(d, one_key), RE))
    c = ca.client(*ca.save(one_key, one)).connect()
    assert c.request("GET", path("cacerts")).status == 200
    ca.admin("offboard", d.name)
    for client in (d.client, c):
        assert post(client, csr(d), RE).status == 403
        client.close()
    assert ca.sql("SELECT count(*) FROM revocation WHERE serial IN (%s, %s)", one.serial_number.to_bytes(16, "big"),
                  d.certificate.serial_number.to_bytes(16, "big")) == [(2,)]


def test_est_074_the_answer_is_one_certificate_and_the_old_one_lives(ca, device):
    assert len(certs(post(device.client, csr(device), RE))) == 1
    assert ca.sql("SELECT count(*) FROM revocation WHERE serial = %s", device.certificate.serial_number.to_bytes(16, "big")) == [(0,)]
    with ca.client(*device.files) as c:
        assert c.request("GET", path("cacerts")).status == 200


def test_est_037_an_operator_is_certified_by_the_admin_program_only(ca):
    with ca.operator(ca.port) as c:
        refused(post(c, make_csr(new_key(), "operator", []), RE), 403, "protocol-not-allowed")


def test_est_037_the_label_of_a_renewal_may_differ(device):
    cert(post(device.client, csr(device), RE, label="devices"))
    refused(post(device.client, csr(device), RE, label="meshes"), 403, "requester-not-allowed")


def test_est_049_a_device_renews_without_names(ca):
    ca.add_identity("nameless", "device")
    with ca.client(*ca.issue("nameless", "device")) as c:
        r = post(c, make_csr(new_key(), "nameless", []), RE)
        assert cert(r).subject.rfc4514_string() == "CN=nameless"
        assert cert(post(c, make_csr(new_key(), "Nameless", []), RE)).subject.rfc4514_string() == "CN=nameless"
        assert base64.b64decode(r.body)
