"""Every input libmicrohttpd takes and this server refuses, on plain and TLS listeners alike."""
import pytest

HOST = "Host: localhost\r\n"

# name, request octets, status of the answer
REFUSED = [
    ("two Host fields", f"GET /pool HTTP/1.1\r\n{HOST}{HOST}\r\n", 400),
    ("no Host in HTTP/1.1", "GET /pool HTTP/1.1\r\n\r\n", 400),
    ("empty Host", "GET /pool HTTP/1.1\r\nHost: \r\n\r\n", 400),
    ("Host with a path", "GET /pool HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ("Host with user information", "GET /pool HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ("two different Content-Length", f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("the same Content-Length twice", f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("Content-Length and chunked", f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("chunked and Content-Length", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    ("two Transfer-Encoding", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("gzip, chunked", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("xchunked", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("identity", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: identity\r\n\r\nabc", 501),
    ("chunked in HTTP/1.0", "POST /any HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("space before the colon", f"POST /any HTTP/1.1\r\n{HOST}Content-Length : 5\r\n\r\nabcde", 400),
    ("name that is no token", f"GET /pool HTTP/1.1\r\n{HOST}X(y): 1\r\n\r\n", 400),
    ("empty name", f"GET /pool HTTP/1.1\r\n{HOST}: 1\r\n\r\n", 400),
    ("bare LF after a field", f"GET /pool HTTP/1.1\r\n{HOST}X: 1\n\r\n", 400),
    ("bare LF after the request line", f"GET /pool HTTP/1.1\n{HOST}\r\n", 400),
    ("bare LF at the end of the head", f"GET /pool HTTP/1.1\r\n{HOST}\n", 400),
    ("bare CR in a value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\rb\r\n\r\n", 400),
    ("NUL in a value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n", 400),
    ("NUL at the end of a value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\0\r\n\r\n", 400),
    ("NUL in a name", f"GET /pool HTTP/1.1\r\n{HOST}X\0Y: a\r\n\r\n", 400),
    ("folded value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\r\n  b\r\n\r\n", 400),
    ("folded last value", f"GET /pool HTTP/1.1\r\nX: a\r\n{HOST} b\r\n\r\n", 400),
    ("escape in a value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\x1b[2J\r\n\r\n", 400),
    ("DEL in a value", f"GET /pool HTTP/1.1\r\n{HOST}X: a\x7f\r\n\r\n", 400),
    ("NUL in the path", f"GET /pool\0x HTTP/1.1\r\n{HOST}\r\n", 400),
    ("NUL in the method", f"GET\0x /pool HTTP/1.1\r\n{HOST}\r\n", 400),
    ("raw octets above 127 in the path", f"GET /po\xc3\xb6l HTTP/1.1\r\n{HOST}\r\n".encode("latin-1"), 400),
    ("two spaces before the path", f"GET  /pool HTTP/1.1\r\n{HOST}\r\n", 400),
    ("two spaces before the version", f"GET /pool  HTTP/1.1\r\n{HOST}\r\n", 400),
    ("space in the path", f"GET /po ol HTTP/1.1\r\n{HOST}\r\n", 400),
    ("blank within Host", "GET /pool HTTP/1.1\r\nHost: local host\r\n\r\n", 400),
    ("escape of an escape", f"GET /poo%256c HTTP/1.1\r\n{HOST}\r\n", 404),
    ("escape made of an escape", f"GET /poo%%36c HTTP/1.1\r\n{HOST}\r\n", 404),
    ("cut escape", f"GET /poo%6 HTTP/1.1\r\n{HOST}\r\n", 404),
    ("escaped question mark", f"GET /pool%3fa HTTP/1.1\r\n{HOST}\r\n", 404),
    ("escaped dot segments", f"GET /x/%2e%2e/pool HTTP/1.1\r\n{HOST}\r\n", 404),
    ("escaped NUL in the path", f"GET /pool%00b HTTP/1.1\r\n{HOST}\r\n", 404),
    ("escaped slash", f"GET /item%2fa/part/b HTTP/1.1\r\n{HOST}\r\n", 404),
    ("dot segments", f"GET /x/../pool HTTP/1.1\r\n{HOST}\r\n", 404),
    ("doubled slash", f"GET //pool HTTP/1.1\r\n{HOST}\r\n", 404),
    ("absolute form with user information", f"GET http://u@localhost/pool HTTP/1.1\r\n{HOST}\r\n", 400),
    ("absolute form without a host", f"GET http:///pool HTTP/1.1\r\n{HOST}\r\n", 400),
    ("absolute form without a Host field", "GET http://localhost/pool HTTP/1.1\r\n\r\n", 400),
    ("absolute form of another scheme", f"GET ftp://localhost/pool HTTP/1.1\r\n{HOST}\r\n", 404),
    ("unknown method", f"BREW /pool HTTP/1.1\r\n{HOST}\r\n", 405),
    ("method in lower case", f"get /pool HTTP/1.1\r\n{HOST}\r\n", 405),
    ("CONNECT", f"CONNECT localhost:80 HTTP/1.1\r\n{HOST}\r\n", 404),
    ("TRACE", f"TRACE /pool HTTP/1.1\r\n{HOST}\r\n", 405),
    ("Content-Length of 10 GB", f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 10000000000\r\n\r\n", 413),
    ("body on a route without one", f"GET /pool HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nabcde", 413),
    ("chunked", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 411),
    ("chunked with bare LF", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 411),
    ("chunked with a NUL in its trailer", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\na: \0\r\n\r\n", 411),
    ("chunked with a long extension", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3;{'a' * 100000}\r\nabc\r\n0\r\n\r\n", 411),
    ("chunked and a blank", f"POST /any HTTP/1.1\r\n{HOST}Transfer-Encoding: Chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n", 411),
    ("HTTP/0.9", "GET /pool\r\n\r\n", 400),
    ("HTTP/2.0", f"GET /pool HTTP/2.0\r\n{HOST}\r\n", 505),
    ("unknown expectation", f"POST /any HTTP/1.1\r\n{HOST}Expect: miracle\r\nContent-Length: 1\r\n\r\na", 417),
    ("encoded body", f"POST /any HTTP/1.1\r\n{HOST}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", 415),
    ("two Authorization", f"GET /pool HTTP/1.1\r\n{HOST}Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    ("two Content-Type", f"POST /any HTTP/1.1\r\n{HOST}Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 1\r\n\r\na", 400),
]


def nothing_follows(c):
    """Nothing after an unreadable request is taken for another one, and nothing is answered twice."""
    try:
        c.send(f"GET /pool HTTP/1.1\r\n{HOST}\r\n")
        while c.read_some():
            pass
    except OSError:
        pass
    assert c.buffer == b""


@pytest.mark.parametrize("octets,status", [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_ambiguous_request_is_refused(either, octets, status):
    _, connect = either
    c = connect()
    c.send(octets)
    answer = c.response()
    assert answer.status == status, answer.body
    if status in (404, 405):
        return
    nothing_follows(c)


# Values of Content-Length as they are sent; the body is what a lax reader would take.
BAD_LENGTHS = ["", " ", "+5", "-1", "-0", "5x", "x5", "0x5", "5;5", "5, 5", "5,", "5 5", "5\t5", "5.0", "5e0", "\x0b5", "\xb2", "5\0", "\0005",
               "99999999999999999999999x", "+99999999999999999999999", "5\r", "\r5", "five"]
BAD_LENGTH_ANSWERS = [b"bad-request: Content-Length is not a decimal number (RFC 9110 section 8.6)\n",
                      b"bad-request: a header field value holds control characters (RFC 9110 section 5.5)\n",
                      b'bad-request: the request head is not lines of "name: value" ended by CR LF (RFC 9112 section 2.2)\n']


@pytest.mark.parametrize("value", BAD_LENGTHS, ids=repr)
def test_length_that_is_no_number_is_refused_once_and_ends_the_connection(either, value):
    for method, path in (("POST", "/any"), ("GET", "/pool"), ("HEAD", "/pool"), ("GET", "/nothing")):
        c = either[1]()
        assert c.get("/pool").status == 200  # the second request of a connection too
        c.send(f"{method} {path} HTTP/1.1\r\n{HOST}Content-Length:{value}\r\n\r\nabcde".encode("latin-1"))
        answer = c.response(head_only=method == "HEAD")
        assert answer.status == 400 and answer.header("Connection") == "close" and answer.header("X-Request-Id")
        if method != "HEAD":
            assert answer.body in BAD_LENGTH_ANSWERS, answer.body
        nothing_follows(c)


@pytest.mark.parametrize("first,second", [("5", "5"), ("5", "x"), ("x", "5"), ("x", "x"), ("5", ""), ("", "5"), ("5 ", "5")])
def test_two_lengths_are_refused_whatever_they_are(either, first, second):
    c = either[1]()
    answer = c.request(f"POST /any HTTP/1.1\r\n{HOST}Content-Length: {first}\r\nContent-Length: {second}\r\n\r\nabcde")
    assert answer.status == 400 and b"came twice" in answer.body
    nothing_follows(c)


@pytest.mark.parametrize("value", ["99999999999999999999", "18446744073709551616", "18446744073709551615", "9" * 1000], ids=len)
def test_length_beyond_any_body_is_too_large(either, value):
    c = either[1]()
    answer = c.request(f"POST /any HTTP/1.1\r\n{HOST}Content-Length: {value}\r\n\r\nabcde")
    assert answer.status == 413 and answer.body.startswith(b"too-large: ")
    nothing_follows(c)


@pytest.mark.parametrize("value", ["3", " 3", "\t3", " 3 ", "3\t", " \t3 \t ", "03", "0" * 100 + "3"], ids=repr)
def test_length_may_have_blanks_around_it_and_zeros_before_it(either, value):
    c = either[1]()
    for name in ("Content-Length", "content-LENGTH"):
        answer = c.request(f"POST /echo HTTP/1.1\r\n{HOST}Content-Type: application/x-test\r\n{name}:{value}\r\n\r\nabc")
        assert (answer.status, answer.body) == (200, b"abc")
    assert c.get("/pool").status == 200


def test_requests_sent_at_once_are_answered_up_to_the_bad_one(either):
    good = f"POST /echo HTTP/1.1\r\n{HOST}Content-Type: application/x-test\r\nContent-Length: 3 \r\n\r\nabc"
    c = either[1]()
    c.send(good + good + good.replace("3 ", "3x") + good)
    assert [c.response().status for _ in range(3)] == [200, 200, 400]
    nothing_follows(c)


def test_bad_length_in_single_octets_is_refused_once(either):
    c = either[1]()
    for octet in f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 3x\r\n\r\n":
        c.send(octet)
    assert c.response().status == 400
    nothing_follows(c)


def test_refusal_names_its_reason_and_is_logged(either):
    server, connect = either
    c = connect()
    answer = c.request(f"GET /pool HTTP/1.1\r\n{HOST}{HOST}\r\n")
    assert answer.body.startswith(b"bad-request: a header field that may come once came twice")
    assert answer.header("Connection") == "close"
    assert answer.header("Content-Type") == "text/plain"
    server.wait_log(rf'event=http.request .*status=400 .*reason="a header field .*id={answer.header("X-Request-Id")}')


ACCEPTED = [
    ("field names in any case", f"GET /pool HTTP/1.1\r\nhOsT: localhost\r\n\r\n"),
    ("no space after the colon", "GET /pool HTTP/1.1\r\nHost:localhost\r\n\r\n"),
    ("tab before a value", "GET /pool HTTP/1.1\r\nHost:\tlocalhost\r\n\r\n"),
    ("IPv6 Host with port", "GET /pool HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"),
    ("blanks behind values", "GET /pool HTTP/1.1\r\nHost: localhost \t \r\nX: y \r\nY: \t\r\n\r\n"),
    ("an empty value", f"GET /pool HTTP/1.1\r\n{HOST}X:\r\n\r\n"),
    ("obs-text in a value", f"GET /pool HTTP/1.1\r\n{HOST}X: \xe4\r\n\r\n".encode("latin-1")),
    ("cookies", f"GET /pool HTTP/1.1\r\n{HOST}Cookie: a=b; c=d\r\nX: y\r\n\r\n"),
    ("a cookie of two thirds of a head", f"GET /pool HTTP/1.1\r\n{HOST}Cookie: {'a' * 20000}\r\n\r\n"),
    ("a query", f"GET /pool?a=b&c=%20d HTTP/1.1\r\n{HOST}\r\n"),
    ("escaped letters of the path", f"GET /%70oo%6C HTTP/1.1\r\n{HOST}\r\n"),
    ("absolute form", f"GET http://localhost/pool HTTP/1.1\r\n{HOST}\r\n"),
    ("absolute form with port and query", f"GET HTTPS://localhost:8443/pool?a=b HTTP/1.1\r\nHost: other\r\n\r\n"),
    ("absolute form with an escape", f"GET http://localhost/p%6fol HTTP/1.1\r\n{HOST}\r\n"),
    ("an empty line before the request", f"\r\nGET /pool HTTP/1.1\r\n{HOST}\r\n"),
    ("a doubled list field", f"GET /pool HTTP/1.1\r\n{HOST}Accept: a/b\r\nAccept: c/d\r\n\r\n"),
    ("many fields", "GET /pool HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"X-{i}: {'v' * 40}\r\n" for i in range(100)) + "\r\n"),
]


@pytest.mark.parametrize("octets", [r[1] for r in ACCEPTED], ids=[r[0] for r in ACCEPTED])
def test_ordinary_request_is_served(either, octets):
    c = either[1]()
    assert c.request(octets).status == 200
    assert c.get("/pool").status == 200


def test_request_split_into_single_octets_is_served(either):
    c = either[1]()
    for octet in f"POST /echo HTTP/1.1\r\n{HOST}Content-Type: application/x-test\r\nContent-Length: 3\r\n\r\nabc":
        c.send(octet)
    assert c.response().body == b"abc"


def test_query_reaches_the_handler_raw(either):
    assert either[1]().get("/pool?a=b&c=%20d").body.endswith(b" a=b&c=%20d\n")


def test_target_in_absolute_form_says_which_host(either):
    answer = either[1]().request("GET http://there.example:99/whoami HTTP/1.1\r\nHost: here.example\r\n\r\n")
    assert b" host there.example:99 " in answer.body


def test_blanks_behind_a_value_are_not_its_part(either):
    answer = either[1]().request("GET /whoami HTTP/1.1\r\nHost: localhost \r\nUser-Agent: a b \t\r\n\r\n")
    assert b" host localhost agent a b peers" in answer.body


def test_escapes_of_unreserved_characters_alone_are_decoded(either):
    assert either[1]().get("/inline/%41%2e%7E%2F%2541%zz%41").body.startswith(b"A.~%2F%2541%zz%41|")


def test_head_larger_than_its_limit_is_refused(either):
    c = either[1]()
    c.send(f"GET /pool HTTP/1.1\r\n{HOST}X: {'a' * 40000}\r\n\r\n")
    assert c.response().status == 431


def test_target_larger_than_its_limit_is_refused(either):
    c = either[1]()
    c.send(f"GET /{'a' * 40000} HTTP/1.1\r\n{HOST}\r\n")
    assert c.response().status == 414
