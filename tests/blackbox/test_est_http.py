"""est/CHECKS.md 13 to 37: the HTTP layer of EST, its paths and labels."""

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import est
from est import Device, cert, certs, path, post, refused
from instance import program


@pytest.fixture(scope="module")
def device(ca):
    d = Device(ca)
    yield d
    d.close()


def der(csr):
    return csr.public_bytes(Encoding.DER)


@pytest.mark.parametrize("content_type", ["application/pkcs10", "application/pkcs10; charset=utf-8", "Application/PKCS10"])
def test_est_013_content_type_parameters_and_case(device, content_type):
    cert(post(device.client, device.csr(), content_type=content_type))


def test_est_013_header_names_in_any_case(device):
    body = base64.b64encode(der(device.csr()))
    device.client.send(b"POST %s HTTP/1.1\r\nhOST: localhost:%d\r\ncOnTeNt-tYpE: application/pkcs10\r\nCONTENT-LENGTH: %d\r\n\r\n%s" % (
        path("simpleenroll").encode(), device.ca.port, len(body), body))
    cert(device.client.receive("POST"))


def test_est_014_http_10_request_gets_http_10_answer_and_short_lines(device):
    with device.ca.client(*device.files) as c:
        r = c.request("GET", path("cacerts"), version="1.0")
        assert r.version == "HTTP/1.0" and r.status == 200
        assert max(len(line) for line in r.body.split(b"\n")) == 64
        assert c.at_end()
    assert len(certs(r)) == 2


def test_est_015_connection_close_is_honoured_at_once(device):
    with device.ca.client(*device.files) as c:
        assert c.request("GET", path("cacerts"), headers=["Connection: close"]).status == 200
        assert c.at_end()


def test_est_016_chunked_request_is_refused_with_the_remedy(device):
    with device.ca.client(*device.files) as c:
        r = c.request("POST", path("simpleenroll"), b"0\r\n\r\n", "application/pkcs10", ["Transfer-Encoding: chunked"])
        assert r.status == 411 and "Content-Length" in r.text
        assert c.at_end()


@pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
def test_est_017_answers_have_content_length_and_are_not_chunked(device, operation):
    r = device.client.request("GET", path("cacerts")) if operation == "cacerts" else post(device.client, device.csr())
    assert int(r.header("Content-Length")) == len(r.body) > 0
    assert r.header("Transfer-Encoding") is None
    assert len(r.body) < 16384 and sum(len(k) + len(v) + 4 for k, v in r.headers) < 1000


def test_est_018_bodies_are_base64_of_der(device):
    r = post(device.client, device.csr())
    assert b"\n" not in r.body and b"\r" not in r.body
    assert base64.b64decode(r.body, validate=True)[0] == 0x30


@pytest.mark.parametrize("value", [None, "base64", "binary", "7bit", "what-ever"])
def test_est_019_content_transfer_encoding_of_a_request_is_ignored(device, value):
    headers = [] if value is None else ["Content-Transfer-Encoding: " + value]
    cert(post(device.client, device.csr(), headers=headers))


def lines(text, width, end):
    return end.join(text[i:i + width] for i in range(0, len(text), width)) + end


@pytest.mark.parametrize("shape", ["one", "64", "76", "crlf", "newline", "blank", "tabs"])
def test_est_020_white_space_in_base64_is_tolerated(device, shape):
    one = base64.b64encode(der(device.csr()))
    body = {"one": one, "64": lines(one, 64, b"\n"), "76": lines(one, 76, b"\n"), "crlf": lines(one, 76, b"\r\n"),
            "newline": one + b"\n", "blank": b" \r\n" + one, "tabs": lines(one, 10, b" \t")}[shape]
    cert(post(device.client, None, body=body))


@pytest.mark.parametrize("kind,hint", [("letter", ""), ("padding", "padding"), ("pem", "PEM"), ("der", "DER"), ("empty", ""), ("url", "")])
def test_est_021_anything_but_base64_is_refused_by_name(device, kind, hint):
    csr = device.csr()
    one = base64.b64encode(der(csr))
    body = {"letter": one[:20] + b"*" + one[20:], "padding": one.rstrip(b"=") + b"=A",  # whatever length the CSR has
            "pem": csr.public_bytes(Encoding.PEM), "der": der(csr), "empty": b"", "url": b"-_" + one}[kind]
    text = refused(post(device.client, None, body=body), 400, "bad-csr" if kind == "empty" else "bad-base64")
    assert hint in text


def test_est_022_trailing_octets_are_refused(device):
    for more in (b"\0", b"\x30\0", der(device.csr())):
        refused(post(device.client, der(device.csr()) + more), 400, "bad-csr")


@pytest.mark.parametrize("method,operation,allow", [
    ("POST", "cacerts", "GET"), ("DELETE", "cacerts", "GET"), ("GET", "simpleenroll", "POST"), ("PUT", "simplereenroll", "POST")])
def test_est_023_wrong_method_is_405_with_allow(device, method, operation, allow):
    with device.ca.client(*device.files) as c:
        r = c.request(method, path(operation), b"" if method in ("POST", "PUT") else None)
        assert r.status == 405 and allow in r.header("Allow")
        assert r.text.count("\n") == 1


def test_est_023_head_works_on_cacerts(device):
    get, head = device.client.request("GET", path("cacerts")), device.client.request("HEAD", path("cacerts"))
    assert head.status == 200 and head.body == b""
    assert head.header("Content-Length") == get.header("Content-Length")


@pytest.mark.parametrize("content_type", ["application/x-pem-file", "text/plain", "application/pkcs7-mime", "application/pkcs10x"])
def test_est_024_other_media_type_is_415(device, content_type):
    with device.ca.client(*device.files) as c:
        assert post(c, device.csr(), content_type=content_type).status == 415


def test_est_024_body_over_the_limit_is_413(device):
    with device.ca.client(*device.files) as c:
        c.send(b"POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/pkcs10\r\nContent-Length: 10000000\r\n\r\n" % (
            path("simpleenroll").encode(), device.ca.port))
        assert c.receive("POST").status == 413


def test_est_025_026_refusals_are_one_line_with_word_and_request_id(device):
    text = refused(post(device.client, b"0\0"), 400, "bad-csr")
    request_id = text.rsplit("(request ", 1)[1][:-2]
    assert any(request_id in line and "simpleenroll" in line for line in device.ca.log_lines("chancery-gateway"))
    for leak in ("SELECT", "INSERT", "/tmp", ".c:", "chancery_gateway"):
        assert leak not in text


def test_est_026_no_other_device_is_named(device):
    other = Device(device.ca)
    text = refused(post(device.client, device.csr(names=other.names)), 403, "name-not-allowed")
    assert '"%s"' % other.name not in text
    other.close()


def test_est_027_there_is_no_401(device):
    r = post(device.client, device.csr(names=["dns:not-mine.example.org"]), headers=["Authorization: Basic eDp5"])
    refused(r, 403, "name-not-allowed")
    assert r.header("WWW-Authenticate") is None


def test_est_029_no_redirects(device):
    for p in (est.PREFIX, est.PREFIX + "/", path("cacerts") + "/"):
        r = device.client.request("GET", p)
        assert r.status == 404 and r.header("Location") is None


@pytest.mark.parametrize("operation", ["fullcmc", "serverkeygen", "csrattrs"])
def test_est_032_operations_that_are_off_answer_404(device, operation):
    with device.ca.client(*device.files) as c:
        assert c.request("GET", path(operation)).status == 404
        assert c.request("POST", path(operation), b"", "application/pkcs10").status == 404


def test_est_033_labels_select_a_profile_and_no_label_works_too(device):
    days = (cert(post(device.client, device.csr(), label="devices")), cert(post(device.client, device.csr())))
    assert days[0].not_valid_after - days[0].not_valid_before == days[1].not_valid_after - days[1].not_valid_before
    assert len(certs(device.client.request("GET", path("cacerts", "devices")))) == 2
    # The workload profile is not for devices: the label is known, the request is refused by policy.
    refused(post(device.client, device.csr(), label="meshes"), 403, "requester-not-allowed")


@pytest.mark.parametrize("name", ["cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs", "pal",
                                  "eecerts", "crls", "symmetrickeys", "firmware", "tamp", "requestvoucher", "voucher_status",
                                  "enrollstatus"])
def test_est_034_a_label_named_like_an_operation_is_refused(ca, name):
    config = ca.write_config(ca.path("label.yaml"), {"est": {"labels": [{"name": name, "profile": "device"}]}})
    done = ca.run([program("ca-admin"), "config", "check", "--config", config], check=False)
    assert done.returncode != 0
    assert name in done.stdout + done.stderr and "label.yaml:" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["a" * 65, "with space", "a/b", "ü"])
def test_est_035_label_form(ca, name):
    config = ca.write_config(ca.path("label.yaml"), {"est": {"labels": [{"name": name, "profile": "device"}]}})
    assert ca.run([program("ca-admin"), "config", "check", "--config", config], check=False).returncode != 0


@pytest.mark.parametrize("p", ["/nolabel/cacerts", "/devices/devices/cacerts", "//cacerts", "/devices//cacerts",
                               "/dev%2569ces/cacerts", "/devices%2Fcacerts", "/./cacerts", "/../est/cacerts", "/DEVICES/cacerts",
                               "/cacerts/cacerts"])
def test_est_036_unknown_and_odd_labels_are_404(device, p):
    with device.ca.client(*device.files) as c:
        assert c.request("GET", est.PREFIX + p).status == 404
