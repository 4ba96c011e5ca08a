from __future__ import annotations

import io

import pytest

from agent.host.http.answers import MOST_FIELDS, Head, read_body, read_head
from agent.host.wires import NoAnswer

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MOST = 100


def answer(said: bytes, method: str = "GET", most: int = MOST) -> tuple[Head, bytes]:
    stream = io.BufferedReader(io.BytesIO(said))
    head = read_head(stream, method)
    return head, read_body(stream, head, most)


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabcdef", 200, b"abc"),
        (OK + b"Content-Length: 3, 3\r\n\r\nabc", 200, b"abc"),
        (OK + b"\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.0 404\n\nshort", 404, b"short"),
        (b"HTTP/1.1 204 \r\n\r\nno body", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\nabc", 101, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK + b"\r\na", 200, b"a"),
        (CHUNKED + b"3\r\nabc\r\n2;why=not\r\nde\r\n0\r\nA: b\r\n\r\n", 200, b"abcde"),
        (CHUNKED + b"0\r\n", 200, b""),
        (CHUNKED + b"64\r\n" + b"x" * MOST + b"\r\n0\r\n\r\n", 200, b"x" * MOST),
    ],
)
def test_answer_of_a_server_is_read_to_where_it_ends(said: bytes, status: int, body: bytes) -> None:
    head, found = answer(said)
    assert (head.status, found) == (status, body)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "it says nothing"),
        (b"HTTP/1.1 200 OK", "ends early"),
        (OK + b"Content-Length: 0\r\n", "ends early"),
        (b"HTTP/2 200\r\n\r\n", "it begins with 'HTTP/2 200'"),
        (b"HTTP/1.1 099 Low\r\n\r\n", "it begins with"),
        (b"ICY 200 OK\r\n\r\n", "it begins with"),
        (OK + b"no field\r\n\r\n", "is no field"),
        (OK + b"A: b\r\n" * (MOST_FIELDS + 1) + b"\r\n", "more than 100 fields"),
        (OK + b"A: " + b"b" * (1 << 17), "too long"),
        (OK + b"Content-Length: 4\r\n\r\nabc", "1 bytes are missing"),
        (OK + b"Content-Length: -1\r\n\r\n", "which is none"),
        (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "which is none"),
        (OK + b"Content-Length: 1\r\n 2\r\n\r\nab", "which is none"),
        (OK + b"Content-Length: 101\r\n\r\n" + b"x" * 101, "more than 100 bytes"),
        (OK + b"\r\n" + b"x" * 101, "more than 100 bytes"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n", "not certain"),
        (OK + b"Transfer-Encoding : chunked\r\nContent-Length: 1\r\n\r\n1", "not certain"),
        (CHUNKED + b"65\r\n" + b"x" * 101, "more than 100 bytes"),
        (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", "ends early"),
        (CHUNKED + b"3\r\nab", "ends early"),
        (CHUNKED + b"3\r\nabc\r\n", "ends early"),
        (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", "ends early"),
        (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", "ends early"),
    ],
)
def test_answer_that_is_none_is_refused(said: bytes, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        answer(said)


def test_answer_to_a_question_for_the_head_alone_has_no_body() -> None:
    head, body = answer(OK + b"Content-Length: 500\r\n\r\n", "HEAD")
    assert (head.fields["content-length"], body) == ("500", b"")


def test_fields_of_an_answer_that_come_twice_or_on_two_lines_are_joined() -> None:
    head, _ = answer(OK + b"Via: a\r\nvia:b\r\n c\r\n\r\n")
    assert head.fields == {"via": "a, b c"}
