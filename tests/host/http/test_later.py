"""Answers that take time: another thread makes them, and nobody else waits."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import bcrypt

from agent.host.http import HttpServer, Later, Limits, Response, Route, Security, listen, text
from agent.host.http.passwords import Passwords
from tests.host.http.client import GET, Answer, authorized, basic, closed, eventually

SLOW = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"


class Site:
    """A server with a quick page and a slow one, which is made by what the test puts in `make`."""

    def __init__(self, make: Callable[[], Response], limits: Limits, guard: Security | None = None) -> None:
        self.failures: list[tuple[str, str]] = []
        self.made = 0
        self._make = make
        listener = listen("127.0.0.1:0")
        self.address = listener.getsockname()
        routes: dict[str, Route] = {"/metrics": lambda _: text(200, "quick"), "/slow": lambda _: Later(self._slow)}
        self.server = HttpServer([listener], routes, self._failed, limits, guard)

    def _failed(self, path: str, error: Exception) -> None:
        self.failures.append((path, str(error)))

    def _slow(self) -> Response:
        self.made += 1
        return self._make()

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.address)
        client.settimeout(5)
        return client

    def ask(self, request: bytes) -> Answer:
        with self.connect() as client:
            client.sendall(request)
            return Answer.read(client, request.startswith(b"HEAD"))


@contextmanager
def site(make: Callable[[], Response], limits: Limits | None = None, guard: Security | None = None) -> Iterator[Site]:
    made = Site(make, limits or Limits(), guard)
    made.server.start()
    try:
        yield made
    finally:
        made.server.stop()


def test_answer_that_takes_time_makes_nobody_else_wait() -> None:
    go_on = threading.Event()

    def make() -> Response:
        assert go_on.wait(10)
        return text(200, "slow")

    with site(make) as served, served.connect() as slow:
        slow.sendall(SLOW + GET)
        assert eventually(lambda: served.made == 1)
        assert served.ask(GET).body == b"quick\n"
        go_on.set()
        assert [Answer.read(slow).body, Answer.read(slow).body] == [b"slow\n", b"quick\n"]
    assert served.server.counts.requests["/slow", 200] == 1


def test_answer_to_head_has_no_body() -> None:
    with site(lambda: text(200, "slow")) as served:
        answer = served.ask(SLOW.replace(b"GET", b"HEAD"))
        assert (answer.status, answer.headers["content-length"]) == (200, "5")


def test_answer_that_could_not_be_made_is_told() -> None:
    def make() -> Response:
        raise LookupError("a bug")

    with site(make) as served:
        assert served.ask(SLOW).status == 500
        assert served.failures == [("/slow", "a bug")]
        assert served.ask(GET).status == 200


def test_answer_for_a_client_that_has_gone_is_not_made() -> None:
    go_on = threading.Event()

    def make() -> Response:
        assert go_on.wait(10)
        return text(200, "slow")

    with site(make, Limits(checking=0.1)) as served:
        with served.connect() as first, served.connect() as second:
            first.sendall(SLOW)
            assert eventually(lambda: served.made == 1)
            second.sendall(SLOW)
            assert closed(second)
        go_on.set()
        assert served.ask(SLOW).status == 200
        assert served.made == 2


def test_crowd_that_waits_for_pages_is_turned_away() -> None:
    go_on = threading.Event()

    def make() -> Response:
        assert go_on.wait(10)
        return text(200, "slow")

    with site(make, Limits(checks_of_peer=2)) as served:
        clients = [served.connect() for _ in range(3)]
        clients[0].sendall(SLOW)
        assert eventually(lambda: served.made == 1)
        for client in clients[1:]:
            client.sendall(SLOW)
        # Those that wait are counted once the server has heard them; it hears in order.
        assert eventually(lambda: served.ask(SLOW).status == 503)
        go_on.set()
        assert [Answer.read(client).status for client in clients] == [200, 200, 200]
        for client in clients:
            client.close()


def test_answer_not_modified_has_no_length() -> None:
    with site(lambda: Response(304, b"", headers=(("ETag", 'W/"1"'),))) as served, served.connect() as client:
        client.sendall(SLOW.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        head = b"".join(iter(lambda: client.recv(65536), b""))
    assert head.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert b"content-length" not in head.lower()


def test_answer_is_made_only_for_whom_a_password_lets_in() -> None:
    users = {"prometheus": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}
    with site(lambda: text(200, "slow"), guard=Security(passwords=Passwords(users))) as served:
        assert served.ask(SLOW).status == 401
        assert served.ask(authorized(basic("prometheus", "wrong")).replace(b"/metrics", b"/slow")).status == 401
        assert served.made == 0
        quick = authorized(basic("prometheus", "secret"))
        slow = quick.replace(b"/metrics", b"/slow")
        with served.connect() as client:
            client.sendall(slow + quick + slow)
            assert [Answer.read(client).body for _ in range(3)] == [b"slow\n", b"quick\n", b"slow\n"]
