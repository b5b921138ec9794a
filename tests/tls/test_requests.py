"""What well-formed requests get: routes, bodies, HTTP/1.0, HEAD, keep-alive, pipelining, request ids."""
import re

import pytest

HOST = "Host: localhost\r\n"


def test_prepared_inline_and_pool_answers_share_a_connection(either):
    c = either[1]()
    for path, body in [("/hello", b"hello\n"), ("/pool", None), ("/tagged", b"tagged\n"), ("/hello", b"hello\n")]:
        answer = c.get(path)
        assert answer.status == 200 and answer.version == "HTTP/1.1"
        assert answer.header("Date") and answer.header("Connection") is None
        assert body is None or answer.body == body


def test_request_id_is_in_answer_handler_and_log(either):
    server, connect = either
    answer = connect().get("/pool")
    rid = answer.header("X-Request-Id")
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", rid)
    assert rid.encode() in answer.body
    server.wait_log(rf"event=http.request operation=test.pool listener=test method=GET path=/pool status=200 peer=127.0.0.1 .*outcome=ok us=\d+ id={rid}")


def test_inline_answers_carry_an_id(either):
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", either[1]().get("/inline/a").header("X-Request-Id"))


def test_prepared_answers_carry_no_request_id(either):
    assert either[1]().get("/hello").header("X-Request-Id") is None


def test_successes_of_inline_routes_are_not_logged(either):
    server, connect = either
    c = connect()
    c.get("/hello")
    c.get("/pool")
    server.wait_log("operation=test.pool")
    assert "operation=test.hello" not in server.log()


def test_two_requests_have_two_ids(either):
    c = either[1]()
    assert c.get("/pool").header("X-Request-Id") != c.get("/pool").header("X-Request-Id")


@pytest.mark.parametrize("path,body", [
    ("/item/a/part/b-1.2_~", b"a|b-1.2_~\n"),
    ("/inline/a%2Fb//c+d=", b"a%2Fb//c+d=|-\n"),
    ("/inline/", b"|-\n"),
])
def test_parameters_are_taken_raw(either, path, body):
    assert either[1]().get(path).body == body


@pytest.mark.parametrize("path", ["/item//part/b", "/item/a/part/", "/item/a/part/b/", "/item/a%2a/part/b", "/inline", "/Hello", "/hello/", "/", "*"])
def test_path_outside_the_table_is_not_found(either, path):
    c = either[1]()
    answer = c.get(path)
    assert answer.status == 404 and answer.body.startswith(b"not-found: ")
    assert c.get("/pool").status == 200, "a readable refusal keeps the connection"


@pytest.mark.parametrize("path,allow", [("/pool", "GET, HEAD"), ("/echo", "POST"), ("/any", "POST, PUT")])
def test_wrong_method_names_the_right_ones(either, path, allow):
    c = either[1]()
    answer = c.request(f"DELETE {path} HTTP/1.1\r\n{HOST}\r\n")
    assert answer.status == 405 and answer.header("Allow") == allow


def test_head_has_the_length_and_no_body(either):
    c = either[1]()
    full = c.get("/hello")
    head = c.request(f"HEAD /hello HTTP/1.1\r\n{HOST}\r\n", head_only=True)
    assert head.status == 200 and head.header("Content-Length") == full.header("Content-Length") == "6"
    pool = c.request(f"HEAD /pool HTTP/1.1\r\n{HOST}\r\n", head_only=True)
    assert int(pool.header("Content-Length")) > 0
    missing = c.request(f"HEAD /nowhere HTTP/1.1\r\n{HOST}\r\n", head_only=True)
    assert missing.status == 404
    assert c.get("/hello").body == b"hello\n", "nothing was left on the wire"


def test_http10_gets_an_http10_status_line_and_the_end(either):
    for path in ("/hello", "/pool", "/tagged", "/nowhere"):
        c = either[1]()
        answer = c.request(f"GET {path} HTTP/1.0\r\n\r\n")
        assert answer.version == "HTTP/1.0" and answer.header("Content-Length") == str(len(answer.body))
        assert answer.header("Connection").lower() == "close"
        assert c.ended()


def test_http10_post_is_served(either):
    c = either[1]()
    assert c.request("POST /any HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc").body == b"abc"


def test_connection_close_is_honoured_at_once(either):
    for path in ("/hello", "/pool"):
        c = either[1]()
        assert c.get(path, "Connection: close\r\n").header("Connection").lower() == "close"
        assert c.ended()


def test_handler_can_close(either):
    c = either[1]()
    assert c.get("/close").header("Connection") == "close"
    assert c.ended()


def test_pipelined_requests_are_answered_in_order(either):
    c = either[1]()
    c.send("".join(f"GET {p} HTTP/1.1\r\n{HOST}\r\n" for p in ("/hello", "/item/1/part/x", "/tagged", "/item/2/part/y", "/nowhere", "/hello")))
    bodies = [c.response().body for _ in range(6)]
    assert bodies[:4] == [b"hello\n", b"1|x\n", b"tagged\n", b"2|y\n"]
    assert bodies[4].startswith(b"not-found") and bodies[5] == b"hello\n"


def test_pipelined_post_does_not_eat_the_next_request(either):
    c = either[1]()
    c.send(f"POST /any HTTP/1.1\r\n{HOST}Content-Length: 3\r\n\r\nabcGET /hello HTTP/1.1\r\n{HOST}\r\n")
    assert c.response().body == b"abc" and c.response().body == b"hello\n"


def test_chunked_body_is_refused_with_the_remedy(either):
    server, connect = either
    c = connect()
    answer = c.request(f"POST /echo HTTP/1.1\r\n{HOST}Content-Type: application/x-test\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert answer.status == 411, "before a single octet of the body"
    assert answer.body.startswith(b"length-required: a request with a body needs a Content-Length")
    assert c.ended()
    server.wait_log('status=411 .*reason="a request with a body needs')


def test_body_of_exactly_the_limit_is_taken_and_one_more_is_not(either):
    c = either[1]()
    head = "POST /echo HTTP/1.1\r\n" + HOST + "Content-Type: application/x-test\r\nContent-Length: %d\r\n\r\n"
    assert c.request(head % 4096 + "a" * 4096).body == b"a" * 4096
    assert c.request(head % 4097).status == 413, "before a single octet of the body"
    assert c.ended()


def test_refusal_survives_a_client_that_keeps_sending(either):
    """The answer must not be lost to a reset although megabytes were never read."""
    c = either[1]()
    c.send(f"POST /echo HTTP/1.1\r\n{HOST}Content-Type: application/x-test\r\nContent-Length: 2000000\r\n\r\n")
    try:
        c.send("a" * 300000)
    except OSError:
        pass
    assert c.response().status == 413


@pytest.mark.parametrize("kind,status", [
    ("application/x-test", 200), ("Application/X-Test", 200), ("application/x-test; charset=utf-8", 200), ("application/x-test ;a=b", 200),
    ("application/x-tes", 415), ("application/x-test2", 415), ("text/plain", 415), ("", 415), (None, 415),
])
def test_media_type_must_be_on_the_list(either, kind, status):
    field = f"Content-Type: {kind}\r\n" if kind is not None else ""
    c = either[1]()
    assert c.request(f"POST /echo HTTP/1.1\r\n{HOST}{field}Content-Length: 3\r\n\r\nabc").status == status


def test_expect_continue_is_answered_before_the_body(either):
    c = either[1]()
    c.send(f"POST /any HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert c.read_head() == b"HTTP/1.1 100 Continue"
    c.send("abc")
    assert c.response().body == b"abc"


def test_expect_continue_of_a_refused_request_gets_the_refusal(either):
    c = either[1]()
    c.send(f"POST /echo HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n")
    assert c.read_head().startswith(b"HTTP/1.1 415 ")


def test_handler_that_answers_nothing_is_an_internal_error(either):
    server, connect = either
    answer = connect().get("/nothing")
    assert answer.status == 500 and answer.body.startswith(b"internal: ")
    server.wait_log(r"level=error .*operation=test.nothing .*status=500")


def test_header_lookup_ignores_case(either):
    assert b"agent Tester/1" in either[1]().get("/whoami", "USER-AGENT: Tester/1\r\n").body


@pytest.mark.parametrize("fields,status", [
    ('If-None-Match: "v1"\r\n', 304),
    ('If-None-Match: W/"v1"\r\n', 304),
    ('If-None-Match: "v0", "v1", "v2"\r\n', 304),
    ("If-None-Match: *\r\n", 304),
    ("If-Modified-Since: Sat, 21 Nov 2026 12:00:00 GMT\r\n", 304),
    ("If-Modified-Since: Sun, 22 Nov 2026 12:00:00 GMT\r\n", 304),
    ('If-None-Match: "v1x"\r\n', 200),
    ("If-None-Match: v1\r\n", 200),
    ("If-Modified-Since: Fri, 20 Nov 2026 12:00:00 GMT\r\n", 200),
    ("If-Modified-Since: yesterday\r\n", 200),
    ('If-None-Match: "v0"\r\nIf-Modified-Since: Sun, 22 Nov 2026 12:00:00 GMT\r\n', 200),
])
def test_prepared_answer_the_client_has_is_304(either, fields, status):
    c = either[1]()
    answer = c.get("/tagged", fields)
    assert answer.status == status and answer.header("ETag") == '"v1"'
    assert answer.body == (b"" if status == 304 else b"tagged\n")
    assert answer.header("Content-Length") in ("7", None if status == 304 else "7")
    assert c.get("/hello").body == b"hello\n", "nothing was left on the wire"


def test_body_made_while_it_is_sent_is_whole(either):
    """On two connections at a time, one block here and one there; then without it: the connection goes on."""
    whole = (bytes(range(97, 120)) * 43479)[:1000003]
    one, other = either[1](), either[1]()
    for c in (one, other):
        c.send(f"GET /letters HTTP/1.1\r\n{HOST}\r\n")
    for c in (one, other):
        assert c.response().body == whole
        assert c.get("/letters", 'If-None-Match: "v1"\r\n').status == 304
        assert c.request(f"HEAD /letters HTTP/1.1\r\n{HOST}\r\n", head_only=True).header("Content-Length") == "1000003"
        assert c.get("/hello").body == b"hello\n"
    assert one.request("GET /letters HTTP/1.0\r\n\r\n").body == whole and one.ended()


def test_conditional_http10_request_gets_304_and_the_end(either):
    c = either[1]()
    answer = c.request('GET /tagged HTTP/1.0\r\nIf-None-Match: "v1"\r\n\r\n')
    assert answer.status == 304 and answer.version == "HTTP/1.0"
    assert c.ended()


def test_conditional_head_is_304(either):
    c = either[1]()
    assert c.request(f'HEAD /tagged HTTP/1.1\r\n{HOST}If-None-Match: "v1"\r\n\r\n').status == 304
    assert c.get("/hello").body == b"hello\n"
