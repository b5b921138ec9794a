"""est/CHECKS.md 46 to 66: who may enrol, and what /simpleenroll gives."""

import base64
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

import der
from est import Device, cert, certs, post, public, refused, sans
from instance import make_csr, new_key


@pytest.fixture(scope="module")
def device(ca):
    d = Device(ca, names=2)
    yield d
    d.close()


def test_est_046_authentication_and_authorization_are_separate_and_logged(ca, device):
    """Who asked is the certificate's identity even where the answer is no."""
    text = refused(post(device.client, device.csr(names=["dns:foreign.example.org"])), 403, "name-not-allowed")
    request_id = text.rsplit("(request ", 1)[1][:-2]
    (line,) = [x for x in ca.log_lines("chancery-gateway") if request_id in x]
    assert "identity=" + device.name in line and "status=403" in line and "foreign.example.org" in line


def test_est_046_the_log_says_what_would_have_been_allowed(ca):
    """To operators alone: the nearest grant, and another profile."""
    d = Device(ca, grants=["device=dns:*.near.example.org", "brief=dns:a.b.near.example.org"])
    advice = ('the nearest grant is \\"dns:*.near.example.org\\"', 'profile \\"brief\\" would allow this request')
    text = refused(post(d.client, d.csr(names=["dns:a.b.near.example.org"])), 403, "name-not-allowed")
    assert "a.b.near.example.org" in text and "nearest" not in text and "brief" not in text
    request_id = text.rsplit("(request ", 1)[1][:-2]
    (line,) = [x for x in ca.log_lines("chancery-gateway") if request_id in x]
    assert all(a in line or a.replace("\\", "") in line for a in advice), line
    d.close()


def test_est_048_only_the_leaf_speaks(ca, device, tmp_path):
    """Another device's certificate stuffed into the chain changes nothing about who asks, or ends the handshake."""
    other = Device(ca)
    stuffed = tmp_path / "stuffed.pem"
    with open(device.files[1]) as mine, open(other.files[1]) as theirs:
        stuffed.write_text(mine.read() + theirs.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    c = ca.client(device.files[0], str(stuffed))
    try:
        with c:
            r = post(c, device.csr(names=other.names))
            refused(r, 403, "name-not-allowed")
            assert sans(cert(post(c, device.csr()))) == sorted(n[4:] for n in device.names)
    except OSError:
        pass
    other.close()


def test_est_050_no_header_says_who_asks(device):
    for header in ("X-SSL-Client-Cert", "X-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-SSL-Client-S-DN"):
        r = post(device.client, device.csr(names=["dns:operator.example.org"]), headers=[header + ": CN=operator"])
        refused(r, 403, "name-not-allowed")


def test_est_057_a_wrong_signature_is_refused(device):
    good = bytearray(der.csr(new_key(), attributes=[der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(
        device.names[0][4:])))]))
    good[-1] ^= 1
    refused(post(device.client, bytes(good)), 400, "bad-signature")
    mine, theirs = new_key(), new_key()
    info = der.seq(der.integer(0), der.name((der.COMMON_NAME, der.utf8(device.name))), der.spki(theirs), der.tlv(der.CONTEXT_0))
    refused(post(device.client, der.sign(mine, info)), 400, "bad-signature")


def test_est_058_success_is_exactly_the_issued_certificate(ca, device):
    key = new_key()
    (one,) = certs(post(device.client, device.csr(key)))
    assert public(one) == public(key)
    with open(ca.issuing, "rb") as f:
        issuer = x509.load_pem_x509_certificate(f.read())
    issuer.public_key().verify(one.signature, one.tbs_certificate_bytes, ec.ECDSA(one.signature_hash_algorithm))
    assert one.issuer == issuer.subject
    rows = ca.sql("SELECT protocol, state FROM issuance_request WHERE serial = %s", one.serial_number.to_bytes(16, "big"))
    assert rows == [("est", "done")]


def test_est_059_names_are_exactly_those_asked_for_and_authorized(device):
    assert sans(cert(post(device.client, device.csr(names=device.names[:1])))) == [device.names[0][4:]]
    text = refused(post(device.client, device.csr(names=device.names + ["dns:more.example.org"])), 403, "name-not-allowed")
    assert "more.example.org" in text and device.names[0] not in text


@pytest.mark.parametrize("name,word", [("ip:10.9.9.9", "name-not-allowed"), ("uri:spiffe://mesh/x", "name-not-allowed"),
                                       ("email:a@example.org", "name-not-allowed"), ("dns:*.example.org", "wildcard-not-allowed")])
def test_est_059_every_type_of_name_needs_a_grant(device, name, word):
    refused(post(device.client, device.csr(names=device.names + [name])), 403, word)


@pytest.mark.parametrize("profile,refused_names", [("device", []), ("refuse", ["somebody-else"]),
                                                  ("pin", ["somebody-else", "{dns}", "other.example.org"])])
def test_est_059_a_subject_beyond_the_profiles_own_means_what_the_profile_says(ca, profile, refused_names):
    d = Device(ca, profile=profile)
    label = None if profile == "device" else profile
    dns = d.names[0][4:]
    for name in (d.name, d.name.upper(), dns, "somebody-else", "other.example.org"):
        r = post(d.client, d.csr(common_name=name), label=label)
        if name in [n.format(dns=dns) for n in refused_names]:
            assert "csr_subject" in refused(r, 400, "bad-csr")
        elif name == "other.example.org":
            assert "other.example.org" in refused(r, 403, "name-not-allowed")
        else:
            one = cert(r)
            assert one.subject.rfc4514_string() == "CN=" + d.name and sans(one) == [dns]
    d.close()


def test_est_059_a_common_name_that_is_a_name_is_asked_for(ca):
    d = Device(ca, names=2, grants=["device=dns:*.pattern.example.org"])
    first, second = (n[4:] for n in d.names)
    for common_name, names, expected in ((second, d.names[:1], [first, second]), (first, d.names[:1], [first]),
                                         ("a.pattern.example.org", d.names[:1], ["a.pattern.example.org", first]),
                                         (second, [], [first, second]),
                                         ("a.pattern.example.org", [], ["a.pattern.example.org", first, second])):
        assert sans(cert(post(d.client, d.csr(common_name=common_name, names=names)))) == sorted(expected)
    d.close()


def device_requests(name, dns):
    """What devices and tools write: the subject, the subjectAltName's DNS names, the names of the certificate (None: refused)."""
    cn, org = der.COMMON_NAME, der.ORGANIZATION
    other = "other.example.org"
    return {
        "nothing but a serial number": (der.name(("2.5.4.5", der.printable("SN-0017"))), [], [dns]),
        "maker and serial number": (der.name((org, der.utf8("Maker Ltd.")), ("2.5.4.5", der.printable("SN-0017")), (cn, der.utf8(name))), [dns],
                                    [dns]),
        "maker's name as common name": (der.name((org, der.utf8("Maker")), (cn, der.utf8("Maker Thing 5"))), [dns], [dns]),
        "strongSwan pki": (der.name(("2.5.4.6", der.printable("CH")), (org, der.printable("strongSwan")), (cn, der.printable(name))), [dns], [dns]),
        "openssl req, defaults": (der.name(("2.5.4.6", der.printable("AU")), ("2.5.4.8", der.utf8("Some-State")),
                                           (org, der.utf8("Internet Widgits Pty Ltd"))), [], [dns]),
        "keytool, defaults": (der.name((cn, der.printable("Unknown")), ("2.5.4.11", der.printable("Unknown")), ("2.5.4.6", der.printable("Unknown"))),
                              [dns], None),  # a country is two letters
        "host in both": (der.name((cn, der.utf8(dns))), [dns], [dns]),
        "host as common name": (der.name((cn, der.utf8(dns))), [], [dns]),
        "mail address": (der.name(("1.2.840.113549.1.9.1", der.tlv(0x16, b"admin@example.org")), (cn, der.utf8(name))), [dns], [dns]),
        "IA5String": (der.name((cn, der.tlv(0x16, name.encode()))), [dns], [dns]),
        "another host as common name": (der.name((cn, der.utf8(other))), [dns], None),
        "another host": (der.name((cn, der.utf8(name))), [dns, other], None),
    }


@pytest.mark.parametrize("what", device_requests("", ""))
def test_est_059_and_069_a_device_enrolls_and_renews_with_one_request(ca, what):
    d = Device(ca)
    subject, names, expected = device_requests(d.name, d.names[0][4:])[what]
    attributes = [der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(*names)))] if names else []
    key = new_key()
    r = post(d.client, der.csr(key, subject, attributes))
    if expected is None:
        assert r.status in (400, 403), r
    else:
        one = cert(r)
        assert one.subject.rfc4514_string() == "CN=" + d.name and sans(one) == expected
        with ca.client(*ca.save(key, one)) as again:
            two = cert(post(again, der.csr(new_key(), subject, attributes), "simplereenroll"))
            assert two.subject == one.subject and sans(two) == expected
            assert cert(post(again, der.csr(key, subject, attributes), "simplereenroll")).subject == one.subject
    d.close()


def test_est_059_a_request_without_names_gets_the_granted_ones(ca):
    d = Device(ca, names=2, grants=["device=dns:*.pattern.example.org", "device=ip:10.4.0.0/16", "device=ip:10.5.0.1",
                                    "new-key=dns:other-profile.example.org"])
    got = sans(cert(post(d.client, d.csr(common_name=d.name, names=[]))))
    assert got == sorted([n[4:] for n in d.names] + ["10.5.0.1"])
    d.close()


def test_est_060_usages_come_from_the_profile(device):
    asked = [(x509.KeyUsage(True, True, True, True, True, True, True, False, False), True),
             (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.CODE_SIGNING]), False)]
    one = cert(post(device.client, device.csr(extensions=asked)))
    usage = one.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not (usage.key_cert_sign or usage.crl_sign or usage.key_agreement or usage.data_encipherment)
    assert set(one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert not [e for e in one.extensions if e.oid == ExtensionOID.BASIC_CONSTRAINTS and e.value.ca]


def test_est_060_a_ca_certificate_is_refused(device):
    asked = [(x509.BasicConstraints(ca=True, path_length=None), True)]
    assert "CA" in refused(post(device.client, device.csr(extensions=asked)), 400, "bad-csr")
    cert(post(device.client, device.csr(extensions=[(x509.BasicConstraints(ca=False, path_length=None), True)])))


@pytest.mark.parametrize("kind", ["rsa1024", "rsa-e3", "p521", "secp256k1", "explicit", "off-curve", "compressed", "dsa", "small-order"])
def test_est_062_weak_and_odd_keys_are_refused(device, kind):
    key = new_key()
    attributes = [der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names(device.names[0][4:])))]
    if kind == "rsa1024":
        csr = make_csr(rsa.generate_private_key(65537, 1024), None, device.names[:1])
    elif kind == "rsa-e3":
        csr = make_csr(rsa.generate_private_key(3, 2048), None, device.names[:1])
    elif kind == "small-order":
        identity = der.seq(der.seq(der.oid("1.3.101.112")), der.tlv(3, b"\0\1" + bytes(31)))
        csr = der.csr(key, attributes=attributes, public=identity)
    elif kind in ("p521", "secp256k1"):
        csr = make_csr(ec.generate_private_key(ec.SECP521R1() if kind == "p521" else ec.SECP256K1()), None, device.names[:1])
    else:
        point = der.spki(key)[-65:]
        curve = der.oid("1.2.840.10045.3.1.7")
        if kind == "explicit":
            curve = der.seq(der.integer(1), der.seq(der.oid("1.2.840.10045.1.1"), der.integer(23)))
        if kind == "off-curve":
            point = point[:-1] + bytes([point[-1] ^ 1])
        if kind == "compressed":
            point = bytes([2 + point[-1] % 2]) + point[1:33]
        algorithm = der.oid("1.2.840.10040.4.1" if kind == "dsa" else "1.2.840.10045.2.1")
        csr = der.csr(key, attributes=attributes, public=der.seq(der.seq(algorithm, curve), der.tlv(3, b"\0", point)))
    refused(post(device.client, csr), 400, "bad-key")


@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP384R1()), lambda: rsa.generate_private_key(65537, 2048),
                                  lambda: rsa.generate_private_key(65537, 3072), ed25519.Ed25519PrivateKey.generate],
                         ids=["p384", "rsa2048", "rsa3072", "ed25519"])
def test_est_062_the_other_allowed_keys_work(device, make):
    key = make()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        csr = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(device.names[0][4:])]), True).sign(key, None)
    else:
        csr = make_csr(key, None, device.names[:1])
    assert public(cert(post(device.client, csr))) == public(key)


def test_est_063_empty_subject_needs_names(device):
    assert sans(cert(post(device.client, device.csr(names=device.names[:1])))) == [device.names[0][4:]]
    assert "RFC 5280" in refused(post(device.client, der.csr(new_key())), 400, "bad-csr")


def test_est_064_the_presented_key_follows_renewal_rules(ca):
    d = Device(ca, names=2, certificate_names=None)
    # Same key, same subject and names: a renewal.
    renewal = make_csr(d.key, d.name, d.names)
    assert cert(post(d.client, renewal)).serial_number != d.certificate.serial_number
    # Same key, one granted name less: allowed to a new key, refused to this one.
    refused(post(d.client, make_csr(d.key, d.name, d.names[:1])), 400, "names-changed")
    refused(post(d.client, make_csr(d.key, "other.example.org", d.names)), 400, "names-changed")
    cert(post(d.client, make_csr(d.key, None, d.names)))
    cert(post(d.client, make_csr(new_key(), d.name, d.names[:1])))
    d.close()


def test_est_065_certificate_request_and_audit_are_there_before_the_answer(ca, device):
    one = cert(post(device.client, device.csr()))
    serial = one.serial_number.to_bytes(16, "big")
    assert ca.sql("SELECT count(*) FROM certificate c JOIN issuance_request r ON r.id = c.request AND r.serial = c.serial "
                  "WHERE c.serial = %s", serial) == [(1,)]
    assert ca.sql("SELECT operation, outcome FROM audit_event WHERE object = %s", serial.hex()) == [("certificate.issue", "ok")]


def test_est_066_the_same_key_again_gets_the_same_certificate(ca, device):
    key = new_key()
    first = cert(post(device.client, device.csr(key)))
    with ca.client(*device.files) as again:
        assert cert(post(again, device.csr(key))) == first
    # Other names with the same key are another wish.
    assert cert(post(device.client, device.csr(key, names=device.names[:1]))) != first


def test_est_066_two_at_once_get_certificates_for_their_own_keys(ca, device):
    keys, got = [new_key() for _ in range(8)], {}

    def enroll(i):
        with ca.client(*device.files) as c:
            got[i] = cert(post(c, device.csr(keys[i])))
    threads = [threading.Thread(target=enroll, args=(i,)) for i in range(len(keys))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [public(got[i]) for i in range(len(keys))] == [public(k) for k in keys]
    assert len({c.serial_number for c in got.values()}) == len(keys)


@pytest.mark.parametrize("twist", ["two-requests", "twice-listed", "version", "bad-name", "not-a-csr"])
def test_est_malformed_requests_are_refused(device, twist):
    key, san = new_key(), der.extension(der.SUBJECT_ALT_NAME, der.dns_names(device.names[0][4:]))
    csr = {
        "two-requests": lambda: der.csr(key, attributes=[der.extension_request(san), der.extension_request(san)]),
        "twice-listed": lambda: der.csr(key, attributes=[der.extension_request(san, san)]),
        "version": lambda: der.csr(key, attributes=[der.extension_request(san)], version=1),
        "bad-name": lambda: der.csr(key, attributes=[der.extension_request(der.extension(der.SUBJECT_ALT_NAME, der.dns_names("a b")))]),
        "not-a-csr": lambda: der.seq(der.integer(1)),
    }[twist]()
    r = post(device.client, csr)
    refused(r, 400, "bad-name" if twist == "bad-name" else "bad-csr")


def test_est_base64_of_an_answer_decodes_to_one_certificate(device):
    r = post(device.client, device.csr())
    assert len(base64.b64decode(r.body, validate=True)) < 4096
