"""The server with well-behaved clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.host.http import Dropped, HttpServer, Limits, Request, Response, address_of, listen, text
from tests.host.http.client import GET, Answer, closed, eventually

PAGE = b"a page\n"


def page(_: Request) -> Response:
    return Response(200, PAGE, "text/plain", (("Vary", "Accept"),))


def big_page(_: Request) -> Response:
    return Response(200, b"y" * 8_000_000)


def broken(_: Request) -> Response:
    raise LookupError("a bug")


def impossible(_: Request) -> Response:
    return Response(299, b"there is no such status")


class Running:
    """A server in this process, and the exceptions of its handlers."""

    def __init__(self, listener: socket.socket, limits: Limits) -> None:
        self.failures: list[tuple[str, str]] = []
        routes = {"/metrics": page, "/big": big_page, "/broken": broken, "/impossible": impossible}
        self.listener = listener
        self.address = listener.getsockname()
        self.server = HttpServer([listener], routes, self._failed, limits)

    def _failed(self, path: str, error: Exception) -> None:
        self.failures.append((path, str(error)))

    def connect(self) -> socket.socket:
        client = socket.socket(self.listener.family)
        client.settimeout(5)
        client.connect(self.address)
        return client

    def ask(self, *requests: bytes) -> list[Answer]:
        with self.connect() as client:
            client.sendall(b"".join(requests))
            return [Answer.read(client, request.startswith(b"HEAD")) for request in requests]


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    with ExitStack() as stack:

        @contextmanager
        def running(address: str, limits: Limits) -> Iterator[Running]:
            server = Running(listen(address), limits)
            server.server.start()
            yield server
            assert server.server.alive
            server.server.stop()

        def start(address: str = "127.0.0.1:0", **limits: float) -> Running:
            # The names and types of limits are those of `Limits`.
            return stack.enter_context(running(address, Limits(**limits)))  # type: ignore[arg-type]

        yield start


Start = Callable[..., Running]


def request(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, "Host: x", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (GET, 200, PAGE),
        (request("HEAD /metrics HTTP/1.1"), 200, b""),
        (request("GET /metrics?a=b HTTP/1.1"), 200, PAGE),
        (request("GET /nothing HTTP/1.1"), 404, b"there is /metrics /big /broken /impossible here\n"),
        (request("POST /metrics HTTP/1.1"), 405, b"only GET and HEAD are served\n"),
        (request("POST /nothing HTTP/1.1"), 404, b"there is /metrics /big /broken /impossible here\n"),
    ],
)
def test_request_is_answered(run: Start, raw: bytes, status: int, body: bytes) -> None:
    answer = run().ask(raw)[0]
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["connection"] == "keep-alive"
    assert answer.headers["date"].endswith("gmt")


def test_head_has_the_fields_of_get(run: Start) -> None:
    got, head = run().ask(GET, request("HEAD /metrics HTTP/1.1"))
    assert {**got.headers, "date": ""} == {**head.headers, "date": ""}
    assert head.headers["content-length"] == str(len(PAGE))


def test_method_not_allowed_tells_which_are(run: Start) -> None:
    assert run().ask(request("PUT /metrics HTTP/1.1"))[0].headers["allow"] == "get, head"


def test_exception_of_a_handler_is_told_and_ends_nothing(run: Start) -> None:
    server = run()
    first, second = server.ask(request("GET /broken HTTP/1.1"), GET)
    assert (first.status, second.status) == (500, 200)
    assert b"bug" not in first.body
    assert server.failures == [("/broken", "a bug")]


def test_answer_that_cannot_be_written_ends_only_its_own_connection(run: Start) -> None:
    server = run()
    with server.connect() as client:
        client.sendall(request("GET /impossible HTTP/1.1"))
        assert client.recv(1) == b""
    assert server.failures == [("a connection", "299")]
    assert server.ask(GET)[0].status == 200


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (request("GET /metrics HTTP/3.0"), 505),
        (request("POST /metrics HTTP/1.1", "Content-Length: 5") + b"hello", 413),
        (request("GET /metrics HTTP/1.1", "X: " + "y" * 9000), 431),
        (request("GET /" + "y" * 9000 + " HTTP/1.1"), 414),
    ],
)
def test_unacceptable_request_is_answered_and_the_connection_closed(run: Start, raw: bytes, status: int) -> None:
    with run().connect() as client:
        client.sendall(raw + GET)
        answer = Answer.read(client)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert client.recv(1) == b""


def test_connection_is_kept_for_the_next_request(run: Start) -> None:
    with run().connect() as client:
        for _ in range(5):
            client.sendall(GET)
            assert Answer.read(client).status == 200


@pytest.mark.parametrize(
    "raw", [request("GET /metrics HTTP/1.1", "Connection: close"), request("GET /metrics HTTP/1.0")]
)
def test_connection_is_closed_when_the_client_asks(run: Start, raw: bytes) -> None:
    with run().connect() as client:
        client.sendall(raw)
        assert Answer.read(client).headers["connection"] == "close"
        assert client.recv(1) == b""


def test_connection_is_closed_after_its_share_of_requests(run: Start) -> None:
    with run(requests_of_connection=3).connect() as client:
        client.sendall(GET * 3)
        kept = [Answer.read(client).headers["connection"] for _ in range(3)]
        assert kept == ["keep-alive", "keep-alive", "close"]
        assert client.recv(1) == b""


def test_pipelined_requests_are_answered_in_order(run: Start) -> None:
    raw = [request("GET /nothing HTTP/1.1") if n % 3 else GET for n in range(200)]
    assert [answer.status for answer in run().ask(*raw)] == [404 if n % 3 else 200 for n in range(200)]


def test_pipelined_big_pages_arrive_whole(run: Start) -> None:
    answers = run().ask(*[request("GET /big HTTP/1.1")] * 3, GET)
    assert [len(answer.body) for answer in answers] == [8_000_000] * 3 + [len(PAGE)]


def test_request_in_single_bytes_is_answered(run: Start) -> None:
    with run().connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in GET:
            client.sendall(bytes([byte]))
        assert Answer.read(client).status == 200


def test_client_that_has_said_all_is_still_answered(run: Start) -> None:
    with run().connect() as client:
        client.sendall(GET)
        client.shutdown(socket.SHUT_WR)
        assert Answer.read(client).body == PAGE
        assert client.recv(1) == b""


def test_incomplete_request_is_told_so_in_time(run: Start) -> None:
    server = run(reading=0.2)
    with server.connect() as client:
        client.sendall(GET[:20])
        assert Answer.read(client).status == 408
        assert client.recv(1) == b""
    assert server.server.counts.dropped[Dropped.TIMEOUT] == 1


def test_silent_connection_is_closed_in_time(run: Start) -> None:
    server = run(reading=0.2)
    with server.connect() as client:
        assert client.recv(1) == b""
    assert server.server.counts.dropped[Dropped.TIMEOUT] == 1


def test_kept_connection_is_closed_when_it_stays_idle(run: Start) -> None:
    server = run(reading=5, idle=0.2)
    with server.connect() as client:
        client.sendall(GET)
        assert Answer.read(client).status == 200
        assert client.recv(1) == b""
    assert server.server.counts.dropped[Dropped.TIMEOUT] == 0


def test_next_request_has_the_whole_time_again(run: Start) -> None:
    # Together they take longer than one may; each of them takes far less, even on a busy host.
    with run(reading=1.5).connect() as client:
        for _ in range(3):
            client.sendall(GET[:10])
            time.sleep(0.6)
            client.sendall(GET[10:] + GET[:5])
            assert Answer.read(client).status == 200
            client.sendall(GET[5:])
            assert Answer.read(client).status == 200


@pytest.mark.parametrize("address", ["[::1]:0", "unix:{}/metrics.sock"])
def test_every_kind_of_address_is_served(run: Start, tmp_path: Path, address: str) -> None:
    assert run(address.format(tmp_path)).ask(GET)[0].body == PAGE


def test_stopped_server_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sock"
    threads = threading.active_count()
    server = Running(listen(f"unix:{path}"), Limits())
    server.server.start()
    client = server.connect()
    client.sendall(GET)
    assert Answer.read(client).status == 200
    server.server.stop()
    assert closed(client)
    client.close()
    assert (threading.active_count(), path.exists(), server.server.alive) == (threads, False, False)


def test_requests_are_counted_by_known_path_and_status(run: Start) -> None:
    server = run()
    server.ask(GET, GET, request("GET /a HTTP/1.1"), request("GET /b HTTP/1.1"), request("PUT /metrics HTTP/1.1"))
    with server.connect() as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert Answer.read(client).status == 400
    counts = server.server.counts
    assert counts.requests == {("/metrics", 200): 2, ("other", 404): 2, ("/metrics", 405): 1, ("other", 400): 1}
    assert counts.connections == 2


def test_reset_connection_is_forgotten(run: Start) -> None:
    server = run()
    client = server.connect()
    client.sendall(request("GET /big HTTP/1.1"))
    assert client.recv(1000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    assert eventually(lambda: server.server.counts.dropped[Dropped.CLIENT_GONE] == 1)
    assert server.ask(GET)[0].status == 200


def test_text_is_not_taken_for_something_else_by_a_browser(run: Start) -> None:
    assert run().ask(GET)[0].headers["x-content-type-options"] == "nosniff"
    assert text(200).content_type == "text/plain; charset=utf-8"


def test_two_listeners_are_served_by_one_thread() -> None:
    listeners = [listen("127.0.0.1:0"), listen("[::1]:0")]
    server = HttpServer(listeners, {"/metrics": page}, lambda *_: None)
    server.start()
    for listener in listeners:
        with socket.socket(listener.family) as client:
            client.connect(listener.getsockname())
            client.sendall(GET)
            assert Answer.read(client).body == PAGE
    assert address_of(listeners[0]).startswith("127.")
    server.stop()
