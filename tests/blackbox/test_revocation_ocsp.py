"""OCSP through its socket: ocsp/CHECKS.md, requests (1 to 24), responses (25 to 46), nonces (47 to 52) and HTTP (53 to 63)."""

import datetime
import email.utils
import hashlib
import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

import revocation as rev
from der import integer, oid, seq, tlv
from revocation import NULL, Asker, cert_id, extension, get, get_path, nonce, parsed, post, request, status_of

UTC = datetime.timezone.utc


@pytest.fixture(scope="module")
def issuer(ca):
    return rev.load(ca.issuing)


@pytest.fixture(scope="module")
def cert(ca):
    return rev.new_cert(ca, "ocsp-good")[0]


@pytest.fixture(scope="module")
def gone(ca):
    """A certificate that is revoked for a reason."""
    c = rev.new_cert(ca, "ocsp-gone")[0]
    rev.revoke(ca, c, "keyCompromise")
    return c


@pytest.fixture
def req(cert, issuer):
    return request(cert_id(cert, issuer))


def malformed(ca, der):
    assert status_of(post(ca, der)) == "malformed_request"


# --- requests ---

def test_revocation_001_post_of_a_der_request_is_answered(ca, req):
    assert status_of(post(ca, req)) == "good"


def test_revocation_002_get_of_url_encoded_base64_is_answered(ca, req):
    assert status_of(get(ca, get_path(req))) == "good"


def test_revocation_003_get_is_decoded_once_and_slashes_are_kept(ca, issuer, cert):
    raw = next(r for r in (request(cert_id(cert, issuer), extensions=[extension("1.3.6.1.4.1.99999.1", bytes([n, 255, 255, 255, 255]))])
                           for n in range(256)) if "//" in get_path(r, False)[6:] and "+" in get_path(r, False))
    path, quoted = get_path(raw, False), get_path(raw)
    for form in (quoted, quoted.lower() if quoted.lower() == quoted else quoted.replace("%2F", "%2f"), path, "/ocsp//" + path[6:],
                 "/ocsp/////" + path[6:], "/ocsp/%2F" + quoted[6:], path.replace("+", "%20"), path.replace("=", "%3D")):
        assert status_of(get(ca, form)) == "good", form
    assert status_of(get(ca, quoted.replace("%", "%25"))) == "malformed_request"  # decoded once, not twice
    assert status_of(get(ca, path.replace("//", "/", 1))) == "malformed_request"  # a merged slash changes the request


def test_revocation_004_padding_may_be_missing_and_base64url_is_read(ca, req):
    path = get_path(req, False)
    assert status_of(get(ca, path.rstrip("="))) == "good"
    assert status_of(get(ca, path.replace("+", "-").replace("/ocsp/", "", 1).replace("/", "_").join(["/ocsp/", ""]))) == "good"
    for broken in (path[:10] + "%09" + path[10:], path[:10] + "*" + path[10:], path[:10] + "=" + path[10:], path[:10] + "%zz",
                   path[:10] + "%0A" + path[10:]):
        assert status_of(get(ca, broken)) == "malformed_request", broken


def test_revocation_005_urls_of_255_and_256_octets(ca, cert, issuer):
    base = "http://127.0.0.1:%d" % ca.public_port
    seen = set()
    for fill in range(1, 120):
        path = get_path(request(cert_id(cert, issuer), extensions=[extension("1.3.6.1.4.1.99999.1", bytes(fill))]), False).rstrip("=")
        if len(base + path) in (254, 255, 256, 257):
            assert status_of(get(ca, path)) == "good"
            seen.add(len(base + path))
    assert len(seen) >= 2 and max(seen) > 255


def test_revocation_006_too_long_is_refused(ca, req):
    with ca.public() as c:
        answer = c.request("POST", "/ocsp", req + bytes(20000), "application/ocsp-request")
        assert answer.status == 413
    with ca.public() as c:
        answer = c.request("GET", "/ocsp/" + "M" * 20000)
        assert answer.status in (413, 414, 431) or answer.body == rev.MALFORMED
    assert status_of(get(ca, "/ocsp/" + "MDMw" * 1500)) == "malformed_request"
    malformed(ca, seq(seq(seq(), tlv(0x04, bytes(3000)))))


def test_revocation_007_a_requestor_name_changes_nothing(ca, cert, issuer):
    name = tlv(0xA1, tlv(0xA4, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")]).public_bytes()))
    assert status_of(post(ca, request(cert_id(cert, issuer), requestor=name))) == "good"


def test_revocation_008_a_signature_is_not_judged(ca, cert, issuer):
    wrong = tlv(0xA0, seq(seq(oid("1.2.840.10045.4.3.2")), tlv(0x03, b"\0" + bytes(70))))
    assert status_of(post(ca, request(cert_id(cert, issuer), signature=wrong))) == "good"
    malformed(ca, request(cert_id(cert, issuer), signature=tlv(0xA1, seq())))


def test_revocation_009_other_versions_are_malformed(ca, cert, issuer):
    assert status_of(post(ca, request(cert_id(cert, issuer), version=tlv(0xA0, integer(0))))) == "good"
    malformed(ca, request(cert_id(cert, issuer), version=tlv(0xA0, integer(1))))


def test_revocation_010_an_empty_list_is_malformed(ca):
    malformed(ca, request())
    malformed(ca, b"")


def test_revocation_011_several_certificates_get_one_answer_each(ca, cert, gone, issuer):
    with Asker(ca) as a:
        answer = a.post(request(cert_id(gone, issuer), cert_id(cert, issuer, "sha256"), cert_id(cert, issuer)))
        assert answer.header("Cache-Control") == "no-store"
        data, _ = rev.response_parts(answer.body)
        singles = rev.elements(data[2][1])
        assert [rev.elements(s[1])[0][2] for s in singles] == [cert_id(gone, issuer), cert_id(cert, issuer, "sha256"), cert_id(cert, issuer)]
        assert [rev.elements(s[1])[1][0] for s in singles] == [0xA1, 0x80, 0x80]
        assert status_of(a.post(request(*[cert_id(cert, issuer)] * 17))) == "malformed_request"
        assert a.post(request(*[cert_id(cert, issuer)] * 16)).body[:1] == b"\x30"
        assert a.post(request(cert_id(cert, issuer), cert_id(cert, issuer, serial=1))).body == rev.UNAUTHORIZED


def test_revocation_012_unknown_critical_extensions_are_malformed(ca, cert, issuer):
    unknown = "1.3.6.1.4.1.99999.7"
    assert status_of(post(ca, request(cert_id(cert, issuer), extensions=[extension(unknown, NULL)]))) == "good"
    assert status_of(post(ca, request(rev.Single(cert_id(cert, issuer), extension(unknown, NULL))))) == "good"
    malformed(ca, request(cert_id(cert, issuer), extensions=[extension(unknown, NULL, True)]))
    malformed(ca, request(rev.Single(cert_id(cert, issuer), extension(unknown, NULL, True))))


def test_revocation_013_only_basic_responses_are_made(ca, cert, issuer):
    def ask(*types):
        return status_of(post(ca, request(cert_id(cert, issuer), extensions=[extension(rev.RESPONSE, seq(*map(oid, types)))])))
    assert ask(rev.BASIC) == "good" and ask("1.3.6.1.4.1.99999.8", rev.BASIC) == "good"
    assert ask("1.3.6.1.4.1.99999.8") == "malformed_request"


def test_revocation_014_preferred_algorithms_get_the_default(ca, cert, issuer):
    pref = seq(seq(seq(oid("1.2.840.113549.1.1.11"), NULL)))
    answer = post(ca, request(cert_id(cert, issuer), extensions=[extension("1.3.6.1.5.5.7.48.1.8", pref, True)]))
    assert parsed(answer).signature_algorithm_oid.dotted_string == "1.2.840.10045.4.3.2"


def test_revocation_015_a_service_locator_is_ignored(ca, cert, issuer):
    locator = extension("1.3.6.1.5.5.7.48.1.7", seq(issuer.subject.public_bytes()))
    assert status_of(post(ca, request(rev.Single(cert_id(cert, issuer), locator)))) == "good"


def test_revocation_016_only_der_is_read(ca, req, cert, issuer):
    body = req[2:] if req[1] < 0x80 else req[3:]
    for wrong in (req + b"\0", req[:-1], b"\x30\x80" + body + b"\0\0", b"\x30\x81" + bytes([len(body)]) + body if req[1] < 0x80 else req[1:],
                  request(cert_id(cert, issuer).replace(integer(cert.serial_number), tlv(0x02, b"\0\0" + integer(cert.serial_number)[2:]))),
                  request(cert_id(cert, issuer, parameters=b"\x05\x01\x00")), request(cert_id(cert, issuer, name=bytes(19)))):
        malformed(ca, wrong)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_revocation_017_http_10_is_answered_and_closed(ca, req, method):
    head = "GET %s HTTP/1.0\r\n\r\n" % get_path(req) if method == "GET" else (
        "POST /ocsp HTTP/1.0\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n" % len(req))
    for _ in range(2):  # the second answer is the kept one
        with ca.public() as c:
            c.send(head.encode() + (req if method == "POST" else b""))
            answer = c.receive()
            assert answer.version == "HTTP/1.0" and status_of(answer) == "good" and c.at_end()


def test_revocation_018_the_requests_content_type_does_not_matter(ca, req):
    for kind in ("application/x-www-form-urlencoded", "text/plain; charset=x", None):
        assert status_of(post(ca, req, content_type=kind)) == "good"


# --- CertID ---

def test_revocation_019_sha1_and_sha256_are_answered_others_unauthorized(ca, cert, issuer):
    assert status_of(post(ca, request(cert_id(cert, issuer, "sha1")))) == "good"
    assert status_of(post(ca, request(cert_id(cert, issuer, "sha256")))) == "good"
    for digest in ("sha384", "sha512"):
        assert post(ca, request(cert_id(cert, issuer, digest))).body == rev.UNAUTHORIZED


def test_revocation_020_hashes_are_of_name_and_key_bits(ca, cert, issuer):
    spki = issuer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    wrong = (dict(key=hashlib.sha1(spki).digest()), dict(name=hashlib.sha1(cert.subject.public_bytes()).digest()))
    for change in wrong:
        assert post(ca, request(cert_id(cert, issuer, **change))).body == rev.UNAUTHORIZED


def test_revocation_021_the_name_alone_does_not_route(ca, cert, issuer):
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    answer = post(ca, request(cert_id(cert, issuer, key=hashlib.sha1(other).digest())))
    assert answer.body == rev.UNAUTHORIZED


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_revocation_022_the_answer_names_the_certificate_as_asked(ca, cert, issuer, digest):
    for extensions in ([], [nonce(b"n" * 16)]):
        answer = post(ca, request(cert_id(cert, issuer, digest), extensions=extensions))
        data, _ = rev.response_parts(answer.body)
        singles = next(d[1] for d in data if d[0] == 0x30)
        assert rev.elements(rev.elements(singles)[0][1])[0][2] == cert_id(cert, issuer, digest)


def test_revocation_023_null_parameters_are_optional_and_answered(ca, cert, issuer):
    for digest in ("sha1", "sha256"):
        answer = post(ca, request(cert_id(cert, issuer, digest, parameters=b"")))
        assert status_of(answer) == "good" and cert_id(cert, issuer, digest) in answer.body


# --- responses ---

def responder(answer):
    return parsed(answer).certificates[0]


def test_revocation_025_and_041_basic_type_and_no_extensions(ca, req):
    data, basic = rev.response_parts(post(ca, req).body)
    assert [d[0] for d in data] == [0xA2, 0x18, 0x30]  # byKey, producedAt, responses; no version, no extensions
    assert len(basic) == 4


def test_revocation_026_the_responder_is_named_by_the_sha1_of_its_key(ca, req):
    answer = post(ca, req)
    assert parsed(answer).responder_key_hash == hashlib.sha1(rev.key_bits(responder(answer))).digest()


def test_revocation_027_and_028_the_responder_is_delegated_by_the_issuer(ca, req, issuer):
    c = responder(post(ca, req))
    assert c.issuer == issuer.subject and len(parsed(post(ca, req)).certificates) == 1
    issuer.public_key().verify(c.signature, c.tbs_certificate_bytes, ec.ECDSA(c.signature_hash_algorithm))
    assert list(c.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert c.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    c.extensions.get_extension_for_class(x509.OCSPNoCheck)
    for absent in (x509.CRLDistributionPoints, x509.AuthorityInformationAccess):
        with pytest.raises(x509.ExtensionNotFound):
            value = c.extensions.get_extension_for_class(absent).value
            if any(d.access_method == x509.AuthorityInformationAccessOID.OCSP for d in value):
                break
            raise x509.ExtensionNotFound("only CA issuers", None)
    assert (c.not_valid_after - c.not_valid_before).days <= 8


def test_revocation_029_error_responses_and_absent_fields(ca, cert, issuer):
    assert b"\xa0\x02\x30\x00" not in post(ca, request(cert_id(cert, issuer))).body  # no empty certs


def test_revocation_030_to_034_times_and_one_answer(ca, req, cert):
    body = post(ca, req).body
    data, _ = rev.response_parts(body)
    single = rev.elements(rev.elements(data[2][1])[0][1])
    assert len(rev.elements(data[2][1])) == 1
    times = [data[1], single[2], rev.elements(single[3][1])[0]]
    assert single[3][0] == 0xA0 and all(t[0] == 0x18 and len(t[1]) == 15 and t[1].endswith(b"Z") for t in times)
    produced, this, following = (datetime.datetime.strptime(t[1].decode(), "%Y%m%d%H%M%SZ") for t in times)
    now = datetime.datetime.now(UTC).replace(tzinfo=None)
    assert this <= produced <= now and following > now
    assert following <= cert.not_valid_after and following <= responder(post(ca, req)).not_valid_after


def test_revocation_033_never_outlives_the_certificate(ca, issuer):
    c = rev.new_cert(ca, "ocsp-brief", "brief")[0]
    assert (c.not_valid_after - datetime.datetime.utcnow()).seconds < 3600
    assert parsed(post(ca, request(cert_id(c, issuer)))).next_update <= c.not_valid_after


def test_revocation_035_good_only_for_what_was_issued(ca, cert, issuer):
    with Asker(ca) as a:
        for number in (1, cert.serial_number ^ 1, 0, cert.serial_number << 8, 2 ** 159):
            assert a.post(request(cert_id(cert, issuer, serial=number))).body == rev.UNAUTHORIZED


def test_revocation_035_good_at_once_after_issuance(ca, issuer):
    ca.add_identity("ocsp-fresh")
    with Asker(ca) as a:
        for _ in range(8):
            c = rev.load(ca.issue("ocsp-fresh")[1])
            assert status_of(a.post(request(cert_id(c, issuer)))) == "good"


def test_revocation_036_revoked_with_time_and_reason(ca, gone, issuer):
    r = parsed(post(ca, request(cert_id(gone, issuer))))
    assert r.certificate_status.name == "REVOKED" and r.revocation_reason == x509.ReasonFlags.key_compromise
    at = ca.sql("SELECT extract(epoch FROM date_trunc('second', revoked_at))::bigint FROM revocation WHERE serial = %s",
                bytes.fromhex(rev.serial(gone)))[0][0]
    assert r.revocation_time == datetime.datetime.utcfromtimestamp(at)


def test_revocation_036_an_unspecified_reason_is_left_out(ca, issuer):
    c = rev.new_cert(ca, "ocsp-unspecified")[0]
    rev.revoke(ca, c)
    r = parsed(post(ca, request(cert_id(c, issuer))))
    assert r.certificate_status.name == "REVOKED" and r.revocation_reason is None


def test_revocation_036_revoked_is_said_by_the_very_next_answer(ca, issuer):
    """Also where a signed "good" was ready, in both algorithms, over GET and POST."""
    with Asker(ca) as a:
        for n in range(5):
            c = rev.new_cert(ca, "ocsp-at-once")[0]
            ids = [cert_id(c, issuer, digest) for digest in ("sha1", "sha256")]
            assert [status_of(a.post(request(i))) for i in ids] == ["good", "good"]
            assert rev.revoke(ca, c)["status"] == "revoked"
            assert [status_of(a.post(request(i))) for i in ids] == ["revoked", "revoked"], n
            assert status_of(a.get(get_path(request(ids[0])))) == "revoked"


def test_revocation_036_offboarding_revokes_every_certificate_at_once(ca, issuer):
    certs = [rev.new_cert(ca, "ocsp-leaver")[0] for _ in range(3)]
    with Asker(ca) as a:
        assert [status_of(a.post(request(cert_id(c, issuer)))) for c in certs] == ["good"] * 3
        assert ca.admin("offboard", "ocsp-leaver")["revoked"] == 3
        assert [status_of(a.post(request(cert_id(c, issuer)))) for c in certs] == ["revoked"] * 3


def test_revocation_037_unknown_issuers_are_five_octets(ca, cert, issuer):
    answer = post(ca, request(cert_id(cert, issuer, name=bytes(20), key=bytes(20))))
    assert answer.body == rev.UNAUTHORIZED and answer.header("Content-Length") == "5"


def test_revocation_042_signed_with_sha256(ca, req):
    r = parsed(post(ca, req))
    assert isinstance(r.signature_hash_algorithm, hashes.SHA256)
    responder(post(ca, req)).public_key().verify(r.signature, r.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))


def test_revocation_043_and_045_errors_are_unsigned_with_http_200(ca, cert, issuer):
    for der, octets in ((b"x", rev.MALFORMED), (request(cert_id(cert, issuer, serial=5)), rev.UNAUTHORIZED)):
        assert post(ca, der).body == octets


def test_revocation_045_openssl_accepts_the_answers(ca, cert, gone, tmp_path):
    for c, said in ((cert, "good"), (gone, "revoked")):
        path = tmp_path / "cert.pem"
        path.write_bytes(c.public_bytes(serialization.Encoding.PEM))
        for more in ([], ["-sha256"], ["-no_nonce"]):
            text = rev.openssl("ocsp", *more, "-issuer", ca.issuing, "-cert", str(path), "-CAfile", ca.trust, "-verify_other", ca.issuing,
                               "-url", "http://127.0.0.1:%d/ocsp" % ca.public_port)
            assert "Response verify OK" in text and "%s: %s" % (path, said) in text, text


# --- nonces ---

@pytest.mark.parametrize("size", [1, 15, 16, 32, 33, 128])
def test_revocation_048_and_050_nonces_are_echoed_and_not_kept(ca, cert, issuer, size):
    value = os.urandom(size)
    answer = post(ca, request(cert_id(cert, issuer), extensions=[nonce(value)]))
    assert status_of(answer) == "good" and answer.header("Cache-Control") == "no-store"
    assert answer.header("ETag") is None and answer.header("Expires") is None
    data, _ = rev.response_parts(answer.body)
    assert data[3][0] == 0xA1 and data[3][1] == seq(extension(rev.NONCE, tlv(0x04, value)))
    assert value not in post(ca, request(cert_id(cert, issuer))).body or size == 1


@pytest.mark.parametrize("size", [0, 129, 500])
def test_revocation_047_nonces_of_other_lengths_are_malformed(ca, cert, issuer, size):
    malformed(ca, request(cert_id(cert, issuer), extensions=[nonce(bytes(size))]))
    malformed(ca, request(cert_id(cert, issuer), extensions=[extension(rev.NONCE, b"raw, no OCTET STRING")]))


def test_revocation_051_no_nonce_asked_none_answered(ca, req):
    assert not any(e.oid.dotted_string == rev.NONCE for e in parsed(post(ca, req)).extensions)


# --- HTTP ---

def imf(value):
    assert value.endswith(" GMT")
    return email.utils.parsedate_to_datetime(value).replace(tzinfo=None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_revocation_053_to_058_the_header_set(ca, req, method):
    with Asker(ca) as a:
        for _ in range(2):
            answer = a.get(get_path(req)) if method == "GET" else a.post(req)
            r = parsed(answer)
            assert answer.header("Content-Type") == rev.MEDIA and int(answer.header("Content-Length")) == len(answer.body) < 2000
            assert imf(answer.header("Last-Modified")) == r.produced_at and imf(answer.header("Expires")) == r.next_update
            assert abs(imf(answer.header("Date")) - datetime.datetime.utcnow()) < datetime.timedelta(seconds=5)
            assert answer.header("ETag") == '"%s"' % hashlib.sha256(answer.body).hexdigest()
            directives = answer.header("Cache-Control").split(", ")
            age = int(directives[0].split("=")[1])
            assert directives[1:] == ["public", "no-transform", "must-revalidate"] and directives[0].startswith("max-age=")
            assert r.this_update < datetime.datetime.utcnow() + datetime.timedelta(seconds=age) < r.next_update
            assert answer.header("Pragma") is None and answer.header("Content-Encoding") is None


def test_revocation_057_the_same_answer_is_served_again(ca, req):
    assert post(ca, req).body == post(ca, req).body == get(ca, get_path(req)).body


def test_revocation_058_errors_are_not_stored(ca, cert, issuer):
    for der in (b"x", request(cert_id(cert, issuer, serial=5))):
        answer = post(ca, der)
        assert answer.header("Cache-Control") == "no-store" and answer.header("ETag") is None


def test_revocation_059_conditional_requests_are_answered_304(ca, req):
    with Asker(ca) as a:
        path = get_path(req)
        full = a.get(path)
        tag, modified = full.header("ETag"), full.header("Last-Modified")
        for header in ("If-None-Match: " + tag, "If-None-Match: *", 'If-None-Match: "x", W/' + tag, "If-Modified-Since: " + modified):
            answer = a.get(path, headers=[header])
            assert answer.status == 304 and answer.body == b"", header
            assert answer.header("Content-Length") in (None, str(len(full.body)))
            for same in ("ETag", "Expires", "Last-Modified", "Cache-Control"):
                assert answer.header(same) == full.header(same)
        for header in (['If-None-Match: "%s"' % ("0" * 64)], ["If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"],
                       ['If-None-Match: "x"', "If-Modified-Since: " + modified], ["If-Modified-Since: yesterday"]):
            assert a.get(path, headers=header).status == 200, header
        assert a.post(req, headers=["If-None-Match: " + tag]).status == 200


def test_revocation_060_head_and_other_methods(ca, req):
    with Asker(ca) as a:
        full = a.get(get_path(req))
        head = a.http.request("HEAD", get_path(req))
        assert head.status == 200 and head.body == b""
        for name in ("Content-Type", "Content-Length", "ETag", "Expires", "Last-Modified", "Cache-Control"):
            assert head.header(name) == full.header(name)
    for method, path, allowed in (("PUT", "/ocsp", "POST"), ("DELETE", get_path(req), "GET, HEAD"), ("GET", "/ocsp", "POST")):
        with ca.public() as c:
            answer = c.request(method, path)
            assert answer.status == 405 and set(answer.header("Allow").split(", ")) >= set(allowed.split(", ")), (method, path)


def test_revocation_061_no_content_coding_even_when_offered(ca, req):
    answer = get(ca, get_path(req), headers=["Accept-Encoding: gzip, br"])
    assert answer.header("Content-Encoding") is None and answer.header("Vary") is None


def test_revocation_062_certificates_point_at_plain_http(ca, cert):
    urls = [d.access_location.value for d in cert.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
            if d.access_method == x509.AuthorityInformationAccessOID.OCSP]
    assert urls == ["http://127.0.0.1:%d/ocsp" % ca.public_port]
