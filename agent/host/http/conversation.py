"""What is said on a connection: requests, whether their sender is let in, answers."""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping
from functools import partial

from agent.host.http.connection import Connection, Phase
from agent.host.http.connections import Connections
from agent.host.http.crew import Crew, Outcome
from agent.host.http.date import http_date
from agent.host.http.limits import Limits
from agent.host.http.messages import Later, Rejected, Request, Response, head_of, parse, text, worth_parsing

Handler = Callable[[Request], Response]
"""Answers at once: it makes every other client wait."""

Route = Callable[[Request], Response | Later]
"""Answers at once or later."""

_WHO_ARE_YOU = text(
    401, "give the name and the password of a user", ("WWW-Authenticate", 'Basic realm="hostkeeper", charset="UTF-8"')
)
_TOO_MANY = text(503, "too many passwords wait to be checked; try again", ("Retry-After", "1"))
_TOO_BUSY = text(503, "too many pages wait to be made; try again", ("Retry-After", "2"))


class Conversation:
    """Hears requests and answers them by `routes` (path -> route). `guards` check passwords, `makers` make pages.

    `failed` is told of an exception in a handler; the client is answered 500. For the server's thread.
    """

    def __init__(
        self,
        connections: Connections,
        routes: Mapping[str, Route],
        guards: Crew,
        makers: Crew,
        failed: Callable[[str, Exception], None],
        limits: Limits,
    ) -> None:
        self._connections = connections
        self._crowd = connections.crowd
        self._routes = routes
        self._guards = guards
        self._makers = makers
        self._failed = failed
        self._limits = limits

    def hear(self, connection: Connection, now: float) -> None:
        """Take in what the client has sent, and answer the requests that are complete."""
        while (received := connection.receive()) is not None:
            if not received:
                self._connections.close(connection)
                return
            self._answer_all(connection, now)
            if connection.phase not in (Phase.READING, Phase.IDLE) or not connection.wire.holds_more():
                return

    def go_on(self, connection: Connection, now: float) -> None:
        """Send more of an answer, and hear further requests once it is sent."""
        if connection.send():
            self._after_answer(connection, now)

    def reject(self, connection: Connection, rejected: Rejected, now: float) -> None:
        """Say what is wrong with what the client sends, and hear no more of it."""
        connection.received.clear()
        connection.closing = True
        self._connections.counts.answered("other", rejected.status)
        self._send(connection, text(rejected.status, str(rejected)), False, now)

    def _answer_all(self, connection: Connection, now: float) -> None:
        """Answer the requests that have been received, one after the other, while the client takes the answers."""
        answered_before = connection.answered
        while connection.received and worth_parsing(connection.received, connection.seen):
            try:
                parsed = parse(connection.received)
            except Rejected as rejected:
                self.reject(connection, rejected, now)
                return
            if parsed is None:
                break
            request, taken = parsed
            del connection.received[:taken]
            connection.seen = 0
            if not self._consider(connection, request, now):
                return
        connection.seen = len(connection.received)
        if connection.answered > answered_before:
            self._crowd.restart(connection, Phase.READING if connection.received else Phase.IDLE, now)
        elif connection.received:
            self._crowd.move(connection, Phase.READING, now)

    def _consider(self, connection: Connection, request: Request, now: float) -> bool:
        """Answer a request, or have its sender checked first; true when the next may be heard."""
        passwords = connection.security.passwords
        judged = passwords is None or passwords.judged(request.headers.get("authorization", ""))
        if passwords is None or isinstance(judged, bool):
            return self._reply(connection, request, self._respond(request) if judged else _WHO_ARE_YOU, now)
        if self._guards.waiting(connection.peer) >= self._limits.checks_of_peer:
            return self._answer(connection, request, _TOO_MANY, now)
        self._put_off(connection, request, now)
        self._guards.submit(connection, partial(passwords.check, judged), self._checked)
        return False

    def _reply(self, connection: Connection, request: Request, found: Response | Later, now: float) -> bool:
        """Send the answer to a request, or have it made first; true when the next may be heard."""
        if isinstance(found, Response):
            return self._answer(connection, request, found, now)
        if self._makers.waiting(connection.peer) >= self._limits.checks_of_peer:
            return self._answer(connection, request, _TOO_BUSY, now)
        self._put_off(connection, request, now)
        self._makers.submit(connection, found.make, self._made)
        return False

    def _put_off(self, connection: Connection, request: Request, now: float) -> None:
        """Hear nothing until what a request waits for is done."""
        connection.asked = request
        self._connections.watch(connection, 0)
        self._crowd.restart(connection, Phase.CHECKING, now)

    def _taken_up(self, connection: Connection) -> Request:
        """Hear again; return the request that waited."""
        request, connection.asked = connection.asked, None
        assert request is not None
        self._connections.watch(connection, select.EPOLLIN)
        return request

    def _checked(self, outcome: Outcome, connection: Connection, now: float) -> None:
        """Answer the request whose sender has been checked."""
        request = self._taken_up(connection)
        found: Response | Later
        if isinstance(outcome, Exception):
            self._failed("a password", outcome)
            found = text(500)
        else:
            found = self._respond(request) if outcome is True else _WHO_ARE_YOU
        if self._reply(connection, request, found, now):
            self._after_answer(connection, now)

    def _made(self, outcome: Outcome, connection: Connection, now: float) -> None:
        """Send the answer that has been made."""
        request = self._taken_up(connection)
        if not isinstance(outcome, Response):
            self._failed(request.path, outcome if isinstance(outcome, Exception) else TypeError(f"made {outcome!r}"))
            outcome = text(500)
        if self._answer(connection, request, outcome, now):
            self._after_answer(connection, now)

    def _answer(self, connection: Connection, request: Request, response: Response, now: float) -> bool:
        """Send the answer to a request; true when the next may be heard."""
        connection.answered += 1
        # Who has to show who it is may take no place among those who have shown it.
        last = (
            response is _WHO_ARE_YOU
            or response is _TOO_MANY
            or connection.answered >= self._limits.requests_of_connection
        )
        connection.closing = connection.closing or last or not request.keep_alive
        path = request.path if request.path in self._routes else "other"
        self._connections.counts.answered(path, response.status)
        return self._send(connection, response, request.method == "HEAD", now)

    def _respond(self, request: Request) -> Response | Later:
        handler = self._routes.get(request.path)
        if handler is None:
            return text(404, f"there is {' '.join(self._routes)} here")
        if request.method not in ("GET", "HEAD"):
            return text(405, "only GET and HEAD are served", ("Allow", "GET, HEAD"))
        try:
            return handler(request)
        except Exception as error:  # a bug in one page is told, and must not end the server
            self._failed(request.path, error)
            return text(500)

    def _send(self, connection: Connection, response: Response, head_only: bool, now: float) -> bool:
        head = head_of(response, http_date(), not connection.closing, connection.security.headers)
        connection.unsent = [memoryview(head)]
        if response.body and not head_only:
            connection.unsent.append(memoryview(response.body))
        if connection.send():
            if connection.closing:
                self._linger(connection, now)
            return not connection.closing
        self._crowd.restart(connection, Phase.WRITING, now)
        self._connections.watch(connection, select.EPOLLOUT)
        return False

    def _after_answer(self, connection: Connection, now: float) -> None:
        if connection.closing:
            self._linger(connection, now)
            return
        self._connections.watch(connection, select.EPOLLIN)
        self._crowd.restart(connection, Phase.READING if connection.received else Phase.IDLE, now)
        self._answer_all(connection, now)
        if connection.phase in (Phase.READING, Phase.IDLE) and connection.wire.holds_more():
            self.hear(connection, now)

    def _linger(self, connection: Connection, now: float) -> None:
        """Say that this was the last answer, and let it arrive: closing over unread bytes would reset it away."""
        connection.wire.finish()
        connection.received.clear()
        self._connections.watch(connection, select.EPOLLIN)
        self._crowd.move(connection, Phase.LINGERING, now)
