"""Requests and responses as bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.http.messages import (
    FIELDS_LIMIT,
    HEAD_LIMIT,
    Rejected,
    Response,
    head_of,
    parse,
    text,
    worth_parsing,
)


def request(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def test_request_is_parsed() -> None:
    raw = request("GET /metrics?x=1 HTTP/1.1", "Host: a:1", "Accept: text/plain", "ACCEPT: b;q=0.1", "Empty:")
    parsed = parse(raw + b"GET")
    assert parsed is not None
    found, taken = parsed
    assert taken == len(raw)
    assert (found.method, found.path, found.query, found.keep_alive) == ("GET", "/metrics", "x=1", True)
    assert found.headers == {"host": "a:1", "accept": "text/plain, b;q=0.1", "empty": ""}


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        (("GET / HTTP/1.1", "Host: a"), True),
        (("GET / HTTP/1.1", "Host: a", "Connection: Close"), False),
        (("GET / HTTP/1.1", "Host: a", "Connection: x, close"), False),
        (("GET / HTTP/1.0",), False),
        (("GET / HTTP/1.0", "Connection: keep-alive"), True),
        (("GET / HTTP/1.2", "Host: a"), True),
    ],
)
def test_connection_stays_open_as_the_client_asks(lines: tuple[str, ...], keep_alive: bool) -> None:
    parsed = parse(request(*lines))
    assert parsed is not None
    assert parsed[0].keep_alive is keep_alive


@pytest.mark.parametrize(
    ("target", "path"),
    [("/", "/"), ("/a%20b", "/a%20b"), ("http://host:1/metrics", "/metrics"), ("HTTP://h", "/"), ("//x", "//x")],
)
def test_path_is_taken_from_either_form_of_target(target: str, path: str) -> None:
    parsed = parse(request(f"GET {target} HTTP/1.1", "Host: a"))
    assert parsed is not None
    assert parsed[0].path == path


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\r\n\r\n\r\n", 400),
        (request("GET /"), 400),
        (request("GET  / HTTP/1.1", "Host: a"), 400),
        (request("GET / HTTP/1.1 ", "Host: a"), 400),
        (request("GET /\x7f HTTP/1.1", "Host: a"), 400),
        (request("G@T / HTTP/1.1", "Host: a"), 400),
        (request("GET / http/1.1", "Host: a"), 400),
        (request("GET / HTTP/2.0", "Host: a"), 505),
        (request("GET / HTTP/1.1"), 400),
        (request("GET / HTTP/1.1", "Host: a", "Host: b"), 400),
        (request("GET / HTTP/1.1", "Host : a"), 400),
        (request("GET / HTTP/1.1", "Host: a", " folded"), 400),
        (request("GET / HTTP/1.1", "Host: a", "no colon"), 400),
        (request("GET / HTTP/1.1", "Host: a", ": empty"), 400),
        (request("GET / HTTP/1.1", "Host: a", "X: \x01"), 400),
        (request("GET / HTTP/1.1", "Host: a", "Content-Length: 1"), 413),
        (request("POST / HTTP/1.1", "Host: a", "Content-Length: 99999999999"), 413),
        (request("GET / HTTP/1.1", "Host: a", "Content-Length: x"), 413),
        (request("GET / HTTP/1.1", "Host: a", "Content-Length: 0, 0"), 413),
        (request("GET / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), 413),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        (b"GET /\0 HTTP/1.1\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
        (b"x" * (HEAD_LIMIT + 1), 414),
        (b"GET / HTTP/1.1\r\nHost: " + b"x" * HEAD_LIMIT, 431),
        (request("GET / HTTP/1.1", "Host: a", *["X: y"] * FIELDS_LIMIT), 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (FIELDS_LIMIT + 1), 431),
    ],
)
def test_unacceptable_request_is_rejected(raw: bytes, status: int) -> None:
    with pytest.raises(Rejected) as rejected:
        parse(raw)
    assert rejected.value.status == status


def test_request_without_a_body_may_say_so() -> None:
    assert parse(request("GET / HTTP/1.1", "Host: a", "Content-Length: 0")) is not None


def test_largest_head_is_accepted() -> None:
    start = "GET / HTTP/1.1\r\nHost: "
    raw = (start + "x" * (HEAD_LIMIT - len(start))).encode() + b"\r\n\r\n"
    assert parse(raw) is not None


@given(st.binary(max_size=200) | st.text(alphabet="GET /:HTP1.\r\n ", max_size=200).map(str.encode))
def test_no_bytes_crash_the_parser(raw: bytes) -> None:
    with contextlib.suppress(Rejected):
        parse(raw)


@given(st.lists(st.integers(1, 40), max_size=20))
def test_request_in_pieces_is_the_same_request(sizes: list[int]) -> None:
    raw = request("GET /metrics HTTP/1.1", "Host: a", "Accept: */*")
    whole = parse(raw)
    received, seen = bytearray(), 0
    pieces = iter([*sizes, len(raw)])
    while len(received) < len(raw):
        received += raw[len(received) : len(received) + next(pieces)]
        found = parse(received) if worth_parsing(received, seen) else None
        assert found == (whole if len(received) >= len(raw) else None)
        seen = len(received)


def test_response_head_says_what_the_body_is() -> None:
    head = head_of(Response(200, b"abc", "text/x", (("Vary", "Accept"),)), "today", True)
    assert head == (
        b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: keep-alive\r\n"
        b"X-Content-Type-Options: nosniff\r\nVary: Accept\r\n\r\n"
    )
    assert b"\r\nConnection: close\r\n" in head_of(text(404), "today", False)


def test_text_without_a_sentence_says_what_the_status_means() -> None:
    assert text(404).body == b"Not Found\n"
    assert text(404, "nothing here").body == b"nothing here\n"
