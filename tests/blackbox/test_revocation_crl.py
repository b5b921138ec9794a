"""CRLs: their content (ocsp/CHECKS.md 64 to 87) and how they are served (92 to 100), with the CA certificates and bundles beside them."""

import datetime
import email.utils
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import revocation as rev
from instance import Instance
from pgcluster import wait_for
from revocation import crl, crl_number, elements, get

# A certificate that ends while the tests run; CRLs every few seconds, not backdated, so that an expired one leaves them soon.
PROFILES = [{"name": "moment", "requesters": ["device"], "protocols": ["est", "admin"], "keys": ["p256"], "lifetime": "10s", "backdate": "0s",
             "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "names": {"types": ["dns"]}}]
CONFIG = {"crl": {"lifetime": "1h", "refresh": "2s", "backdate": "1s"}}


@pytest.fixture(scope="module")
def ca():
    with Instance(profiles=PROFILES, config=CONFIG) as instance:
        yield instance


@pytest.fixture(scope="module")
def gone(ca):
    c = rev.new_cert(ca, "crl-gone")[0]
    rev.revoke(ca, c, "superseded")
    wait_for(lambda: listed(ca, c), 10, "the CRL lists the revoked certificate")
    return c


def listed(ca, cert):
    return crl(ca).get_revoked_certificate_by_serial_number(cert.serial_number)


def tbs(ca, name="issuing-1"):
    """The elements of tbsCertList, and of the CertificateList."""
    outer = elements(elements(get(ca, "/crl/%s.crl" % name).body)[0][1])
    return elements(outer[0][1]), outer


def now():
    return datetime.datetime.utcnow()


# --- content ---

@pytest.mark.parametrize("name", ["issuing-1", "root"])
def test_revocation_064_version_2_and_one_algorithm(ca, name):
    name = root_name(ca) if name == "root" else name
    t, outer = tbs(ca, name)
    assert t[0][2] == b"\x02\x01\x01" and t[1][2] == outer[1][2]


def root_name(ca):
    return ca.sql("SELECT name FROM issuer WHERE kind = 'root'")[0][0]


def test_revocation_065_the_issuer_is_the_cas_subject_octet_for_octet(ca):
    assert tbs(ca)[0][2][2] == rev.load(ca.issuing).subject.public_bytes()


def test_revocation_066_times_are_utctime_with_seconds(ca, gone):
    t, _ = tbs(ca)
    assert [(x[0], len(x[1]), x[1][-1:]) for x in t[3:5]] == [(0x17, 13, b"Z")] * 2
    entry = elements(elements(t[5][1])[0][1])
    assert entry[1][0] == 0x17 and len(entry[1][1]) == 13


def test_revocation_067_nothing_revoked_means_no_list(ca):
    t, _ = tbs(ca, root_name(ca))
    assert len(t) == 6 and t[5][0] == 0xA0  # extensions follow the times


def test_revocation_068_no_serial_twice_and_no_date_after_this_update(ca, gone):
    c = crl(ca)
    assert len({e.serial_number for e in c}) == len(list(c)) > 0
    assert all(e.revocation_date <= c.last_update for e in c)


def test_revocation_069_and_070_extensions(ca, gone):
    issuer, c = rev.load(ca.issuing), crl(ca)
    assert {e.oid for e in c.extensions} == {x509.AuthorityKeyIdentifier.oid, x509.CRLNumber.oid} and not any(e.critical for e in c.extensions)
    aki = c.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert aki.key_identifier == issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert aki.authority_cert_issuer is None and 0 < crl_number(c) < 2 ** 63


def test_revocation_070_numbers_only_grow(ca):
    seen = [crl_number(crl(ca))]
    for _ in range(3):
        ca.admin("crl", "publish")
        seen.append(wait_for(lambda: crl_number(crl(ca)) != seen[-1] and crl_number(crl(ca)), 10, "another CRL"))
    assert seen == sorted(set(seen))
    rows = [r[0] for r in ca.sql("SELECT number FROM crl WHERE issuer = (SELECT id FROM issuer WHERE name = 'issuing-1') ORDER BY created_at")]
    assert rows == sorted(set(rows))


def test_revocation_078_reasons_are_there_but_unspecified_is_not(ca, gone):
    plain = rev.new_cert(ca, "crl-plain")[0]
    rev.revoke(ca, plain)
    wait_for(lambda: listed(ca, plain), 10, "the CRL lists it")
    assert len(listed(ca, plain).extensions) == 0
    reason = listed(ca, gone).extensions.get_extension_for_class(x509.CRLReason)
    assert reason.value.reason == x509.ReasonFlags.superseded and not reason.critical


def test_revocation_079_what_is_revoked_stays_so(ca, gone):
    done = ca.admin("cert", "revoke", rev.serial(gone), "--reason", "cessationOfOperation", check=False)
    assert done.returncode != 0 and "revoked already" in done.stderr + done.stdout
    assert listed(ca, gone).extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.superseded


def test_revocation_079_the_reason_rises_to_key_compromise(ca):
    c, first = rev.new_cert(ca, "rises")[0], x509.ReasonFlags.superseded
    reason = lambda: listed(ca, c) and listed(ca, c).extensions.get_extension_for_class(x509.CRLReason).value.reason  # noqa: E731
    rev.revoke(ca, c, "superseded")
    wait_for(lambda: reason() == first, 10, "the CRL lists it")
    rev.revoke(ca, c, "keyCompromise")
    wait_for(lambda: reason() == x509.ReasonFlags.key_compromise, 10, "the CRL says why")


def test_revocation_081_an_expired_entry_stays_for_one_more_crl(ca):
    c = rev.new_cert(ca, "crl-moment", "moment")[0]
    rev.revoke(ca, c)
    wait_for(lambda: listed(ca, c), 10, "the CRL lists it")
    end, seen_after_end = c.not_valid_after, []

    def left():
        current = crl(ca)
        there = current.get_revoked_certificate_by_serial_number(c.serial_number) is not None
        if there and current.last_update > end:
            seen_after_end.append(crl_number(current))
        return not there
    wait_for(left, 60, "the expired certificate leaves the CRL")
    assert seen_after_end and crl(ca).last_update > end


def test_revocation_082_the_next_one_is_there_long_before(ca):
    c = crl(ca)
    assert c.next_update - c.last_update == datetime.timedelta(seconds=3599)
    assert c.last_update <= now() < c.last_update + (c.next_update - c.last_update) / 2


def test_revocation_083_reissued_on_schedule_without_a_change(ca):
    before = crl_number(crl(ca))
    dirty = ca.sql("SELECT count(*) FROM crl_dirty")[0][0]
    wait_for(lambda: crl_number(crl(ca)) > before, 20, "the CRL is renewed by itself")
    assert dirty == 0


def test_revocation_084_signed_by_the_issuers_own_key(ca):
    for name, path in (("issuing-1", ca.issuing), (root_name(ca), ca.trust)):
        assert crl(ca, name).is_signature_valid(rev.load(path).public_key())
        assert rev.load(path).extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign


def test_revocation_086_the_offline_roots_crl_is_served(ca):
    with open(ca.path("ceremony/root.crl"), "rb") as f:
        data = f.read()
    imported = (x509.load_pem_x509_crl if data.startswith(b"-----") else x509.load_der_x509_crl)(data)
    assert get(ca, "/crl/%s.crl" % root_name(ca)).body == imported.public_bytes(serialization.Encoding.DER)


def test_revocation_083_an_offboarded_identity_is_in_the_next_crl(ca):
    certs = [rev.new_cert(ca, "crl-leaver")[0] for _ in range(2)]
    assert ca.admin("offboard", "crl-leaver")["revoked"] == 2
    wait_for(lambda: all(listed(ca, c) for c in certs), 10, "the CRL lists the leaver's certificates")


def verify(ca, tmp_path, cert, bundle):
    for name, data in (("cert.pem", cert.public_bytes(serialization.Encoding.PEM)), ("bundle.pem", bundle)):
        (tmp_path / name).write_bytes(data)
    return rev.openssl("verify", "-crl_check_all", "-CAfile", ca.trust, "-untrusted", ca.issuing, "-CRLfile", str(tmp_path / "bundle.pem"),
                       str(tmp_path / "cert.pem"), check=False)


def test_revocation_092_openssl_checks_the_whole_chain_with_the_bundle(ca, gone, tmp_path):
    bundle = get(ca, "/crl/bundle.pem").body
    assert verify(ca, tmp_path, rev.new_cert(ca, "crl-fine")[0], bundle).endswith(": OK\n")
    assert "certificate revoked" in verify(ca, tmp_path, gone, bundle)
    issuing_only = get(ca, "/crl/issuing-1.pem").body
    assert "unable to get certificate CRL" in verify(ca, tmp_path, rev.new_cert(ca, "crl-fine")[0], issuing_only)


# --- HTTP ---

def test_revocation_093_der_where_certificates_point_pem_elsewhere(ca, gone):
    c = rev.new_cert(ca, "crl-http")[0]
    points = c.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name[0].value == "http://127.0.0.1:%d/crl/issuing-1.crl" % ca.public_port
    answer = get(ca, "/crl/issuing-1.crl")
    assert answer.header("Content-Type") == "application/pkix-crl" and answer.body[:1] == b"\x30"
    pem = get(ca, "/crl/issuing-1.pem")
    assert pem.header("Content-Type") == "application/x-pem-file" and x509.load_pem_x509_crl(pem.body)
    for wrong in ("/crl/issuing-1", "/crl/issuing-2.crl", "/crl/.crl", "/crl/issuing-1.cer", "/crl/ISSUING-1.crl", "/crl/"):
        assert get(ca, wrong).status == 404, wrong
    for path in ("/crl/%2E%2E/x.crl", "/crl/../../etc/passwd"):
        assert get(ca, path).status in (400, 404), path


def imf(value):
    assert value.endswith(" GMT")
    return email.utils.parsedate_to_datetime(value).replace(tzinfo=None)


def test_revocation_094_headers_and_conditional_requests(ca):
    with ca.public() as http:
        # The root's does not change under us.
        path = "/crl/%s.crl" % root_name(ca)
        answer = http.request("GET", path)
        c = x509.load_der_x509_crl(answer.body)
        assert answer.header("ETag") == '"%s"' % hashlib.sha256(answer.body).hexdigest()
        assert imf(answer.header("Last-Modified")) == c.last_update and imf(answer.header("Expires")) == c.next_update
        assert answer.header("Cache-Control") == "public, max-age=60"
        for header in ("If-None-Match: " + answer.header("ETag"), "If-Modified-Since: " + answer.header("Last-Modified")):
            same = http.request("GET", path, headers=[header])
            assert same.status == 304 and same.body == b"" and same.header("ETag") == answer.header("ETag")
        assert http.request("GET", path, headers=['If-None-Match: "other"']).status == 200


def test_revocation_095_no_coding_that_was_not_asked_for(ca):
    for headers in ([], ["Accept-Encoding: gzip"]):
        assert get(ca, "/crl/issuing-1.crl", headers=headers).header("Content-Encoding") is None


def test_revocation_096_head_and_other_methods(ca):
    path = "/crl/%s.crl" % root_name(ca)
    with ca.public() as http:
        full, head = http.request("GET", path), http.request("HEAD", path)
        assert head.status == 200 and head.body == b"" and head.header("Content-Length") == str(len(full.body))
        assert head.header("ETag") == full.header("ETag")
    with ca.public() as http:
        answer = http.request("POST", path, b"x", "text/plain")
        assert answer.status == 405 and answer.header("Allow") == "GET, HEAD"


def test_revocation_017_http_10_clients_get_crls_and_are_closed(ca):
    for path in ("/crl/%s.crl" % root_name(ca), "/crl/bundle.pem", "/ca/issuing-1.cer", "/crl/none.crl"):
        with ca.public() as http:
            http.send(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
            answer = http.receive()
            assert answer.version == "HTTP/1.0" and answer.status in (200, 404) and http.at_end()


def test_revocation_097_and_098_readers_see_whole_lists_that_never_go_back(ca):
    last = 0
    with ca.public() as http:
        for _ in range(10):
            ca.admin("crl", "publish")
            for _ in range(20):
                answer = http.request("GET", "/crl/issuing-1.crl")
                c = x509.load_der_x509_crl(answer.body)
                assert crl_number(c) >= last and answer.header("ETag") == '"%s"' % hashlib.sha256(answer.body).hexdigest()
                last = crl_number(c)


def test_revocation_097_a_crl_of_a_wrong_key_or_an_old_number_is_not_served(ca):
    """Put into the database behind the signer's back."""
    before = crl(ca)
    forged = x509.CertificateRevocationListBuilder().issuer_name(before.issuer).last_update(now()).next_update(
        now() + datetime.timedelta(days=1)).add_extension(x509.CRLNumber(2 ** 62), False).sign(
            ec.generate_private_key(ec.SECP256R1()), before.signature_hash_algorithm).public_bytes(serialization.Encoding.DER)
    ca.sql("INSERT INTO crl_part SELECT id, %s, 0, %s FROM issuer WHERE name = 'issuing-1'", 2 ** 62, forged, role=ca.pg.superuser)
    ca.sql("INSERT INTO crl (issuer, crl_shard, number, this_update, next_update, entries, octets, digest) SELECT id, 0, %s, now(), "
           "now() + interval '1 day', 0, %s, '' FROM issuer WHERE name = 'issuing-1'", 2 ** 62, len(forged), role=ca.pg.superuser)
    ca.sql("SELECT pg_notify('chancery_crl', '')")  # or the signer's next one may be there first
    try:
        wait_for(lambda: any("event=crl.feed" in line and str(2 ** 62) in line for line in ca.log_lines("chancery-status")), 10,
                 "the status program refuses it")
        assert crl_number(crl(ca)) < 2 ** 62 and crl(ca).is_signature_valid(rev.load(ca.issuing).public_key())
        assert get(ca, "/crl/%s.crl" % root_name(ca)).status == 200
    finally:
        ca.sql("DELETE FROM crl WHERE number >= %s", 2 ** 62, role=ca.pg.superuser)


# --- certificates ---

def test_revocation_ca_certificates_are_served_in_both_forms(ca):
    issuing, root = rev.load(ca.issuing), rev.load(ca.trust)
    for name, cert in (("issuing-1", issuing), (root_name(ca), root)):
        answer = get(ca, "/ca/%s.cer" % name)
        assert answer.header("Content-Type") == "application/pkix-cert" and answer.body == rev.der(cert)
        assert x509.load_pem_x509_certificate(get(ca, "/ca/%s.pem" % name).body) == cert
    bundle = get(ca, "/ca/bundle.pem").body
    assert [x509.load_pem_x509_certificate(b"-----BEGIN" + p) for p in bundle.split(b"-----BEGIN")[1:]] == [issuing, root]
    leaf = rev.new_cert(ca, "crl-aia")[0]
    urls = [d.access_location.value for d in leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
            if d.access_method == x509.AuthorityInformationAccessOID.CA_ISSUERS]
    assert urls == ["http://127.0.0.1:%d/ca/issuing-1.cer" % ca.public_port]
