"""What receivers of HTTP may say and do, and what is made of it."""

from __future__ import annotations

import socket

import pytest

from agent.drivers.notifiers._posting import request
from tests.drivers.notifiers.peers import Answering, answer, hang, ok, peer


def reset(connection: socket.socket) -> None:
    connection.close()


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly so much"
NONSENSE = b"220 mail.example ESMTP\r\n"
HUGE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * (2 << 20)


@pytest.mark.parametrize(
    ("peer_says", "permanent", "said"),
    [
        pytest.param(answer(500, "success"), False, "status 500: success", id="500"),
        pytest.param(answer(503), False, "status 503", id="503"),
        pytest.param(answer(429), False, "status 429", id="429"),
        pytest.param(answer(408), False, "status 408", id="408"),
        pytest.param(answer(400, "no\r\nsuch\x1b[2Jthing"), True, "status 400: no such [2Jthing", id="400"),
        pytest.param(answer(404), True, "status 404", id="404"),
        pytest.param(answer(301, Location="http://127.0.0.1:1/"), True, "it leads elsewhere", id="301"),
        pytest.param(CUT, False, "ends early", id="closes in its body"),
        pytest.param(NONSENSE, False, "not an answer", id="speaks something else"),
        pytest.param(reset, False, "not an answer", id="hangs up"),
        pytest.param(HUGE, False, "more than", id="says too much"),
    ],
)
def test_answer_that_is_none_of_success_is_told_for_what_it_is(
    peer_says: Answering | bytes, permanent: bool, said: str
) -> None:
    with peer(peer_says) as server:
        found = request(f"{server.url}/x", body=b"{}")
    assert not found.delivered
    assert found.permanent is permanent
    assert said in found.said


def test_answer_that_does_not_come_is_no_delivery() -> None:
    with peer(hang) as server:
        found = request(server.url, seconds=0.3)
    assert (found.delivered, found.permanent) == (False, False)
    assert "within 0.3 s" in found.said


def test_answer_of_nobody_is_no_delivery() -> None:
    with peer() as server:
        url = server.url
    found = request(url)
    assert (found.delivered, found.permanent) == (False, False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), ("Wed, 01 Jan 2025 00:01:00 GMT", 60.0), ("soon", None), ("-5", None), ("9" * 50, 999999.0)],
)
def test_answer_that_asks_for_patience_gets_it(text: str, seconds: float | None) -> None:
    with peer(answer(429, Retry_After=text)) as server:
        found = request(server.url, now=1735689600.0)
    assert found.retry_after == seconds


def test_answer_that_repeats_the_address_does_not_give_it_away() -> None:
    with peer(answer(400, "token S3cretToken of user hunter2 is unknown")) as server:
        found = request(f"{server.url}/S3cretToken", secrets={"S3cretToken", "hunter2"})
    assert found.said == "status 400: token [masked] of user [masked] is unknown"


def test_request_with_a_login_in_its_address_sends_it_as_a_header() -> None:
    with peer(ok()) as server:
        url = server.url.replace("://", "://ops:pass%20word@")
        assert request(url).delivered
    assert "Authorization: Basic b3BzOnBhc3Mgd29yZA==" in server.heads[0]
    assert "pass" not in server.heads[0].partition("\r\n")[0]
