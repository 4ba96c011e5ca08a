"""A small HTTP/1.1 server for answers that are already rendered: one thread, bounded in everything.

It serves GET and HEAD of a few paths, takes no bodies, gives every connection a deadline for its request and another
for its answer, and ends the least deserving one when there are too many, so that a new client is always let in.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.host.http.connection import Connection, Phase
from agent.host.http.counts import Counts, Dropped
from agent.host.http.crowd import Crowd
from agent.host.http.door import Door
from agent.host.http.messages import Rejected, Request, Response, head_of, parse, text, worth_parsing

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the server bears. Times are seconds; the deadlines are for a whole request and a whole answer."""

    connections: int = 512
    connections_of_peer: int = 384
    requests_of_connection: int = 1000
    reading: float = 10.0
    writing: float = 10.0
    idle: float = 120.0
    lingering: float = 1.0
    discarded_bytes: int = 1 << 20
    send_buffer_bytes: int = 1 << 18


class HttpServer:
    """Serves `routes` (path -> handler) on listening sockets, in a thread of its own.

    `failed` is told, in that thread, of an exception in a handler; the client is answered 500.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        routes: Mapping[str, Handler],
        failed: Callable[[str, Exception], None],
        limits: Limits | None = None,
    ) -> None:
        self.counts = Counts()
        self._routes = routes
        self._failed = failed
        self._limits = _within_descriptors(limits or Limits())
        self._crowd = Crowd(
            {
                Phase.READING: self._limits.reading,
                Phase.WRITING: self._limits.writing,
                Phase.IDLE: self._limits.idle,
                Phase.LINGERING: self._limits.lingering,
            }
        )
        self._epoll = select.epoll()
        self._door = Door(listeners, self._epoll)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread serves."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End every connection and the thread, and close the listening sockets."""
        os.eventfd_write(self._bell, 1)
        if self._thread.is_alive():
            self._thread.join()
        for connection in self._crowd:
            self._close(connection)
        self._door.close()
        self._epoll.close()
        os.close(self._bell)

    def _serve(self) -> None:
        while True:
            now = time.monotonic()
            for fd, _ in self._epoll.poll(self._patience(now)):
                now = time.monotonic()
                if fd == self._bell:
                    return
                if self._door.is_listener(fd):
                    self._admit(fd, now)
                elif (connection := self._crowd.get(fd)) is not None:
                    self._attend(connection, now)
            self._end_late_ones(time.monotonic())

    def _patience(self, now: float) -> float | None:
        deadlines = [d for d in (self._crowd.next_deadline(), self._door.opens_again) if d is not None]
        return max(0.0, min(deadlines) - now) if deadlines else None

    def _admit(self, fd: int, now: float) -> None:
        for sock, peer in self._door.accept(fd, now, self._make_room):
            if self._crowd.of_peer(peer) >= self._limits.connections_of_peer:
                self._drop(self._crowd.least_deserving(peer), Dropped.TOO_MANY_OF_PEER)
            elif len(self._crowd) >= self._limits.connections:
                self._drop(self._crowd.least_deserving(), Dropped.TOO_MANY)
            connection = Connection(sock, peer)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer_bytes)
            self.counts.connections += 1
            self._crowd.add(connection, now)
            self._epoll.register(connection.fd, select.EPOLLIN)
            self._attend(connection, now)  # the request is usually there already

    def _make_room(self) -> bool:
        victim = self._crowd.least_deserving()
        self._drop(victim, Dropped.OUT_OF_DESCRIPTORS)
        return victim is not None

    def _attend(self, connection: Connection, now: float) -> None:
        try:
            if connection.phase is Phase.LINGERING:
                self._discard(connection)
            elif connection.phase is Phase.WRITING:
                if connection.send():
                    self._after_answer(connection, now)
            elif connection.receive():
                self._answer_all(connection, now)
            else:
                self._close(connection)
        except OSError:
            self._drop(connection, Dropped.CLIENT_GONE)
        except Exception as error:  # a bug met by one client must not end the server for all
            self._failed("a connection", error)
            self._close(connection)

    def _answer_all(self, connection: Connection, now: float) -> None:
        """Answer the requests that have been received, one after the other, while the client takes the answers."""
        answered_before = connection.answered
        while connection.received and worth_parsing(connection.received, connection.seen):
            try:
                parsed = parse(connection.received)
            except Rejected as rejected:
                self._reject(connection, rejected, now)
                return
            if parsed is None:
                break
            request, taken = parsed
            del connection.received[:taken]
            connection.seen = 0
            if not self._answer(connection, request, now):
                return
        connection.seen = len(connection.received)
        if connection.answered > answered_before:
            self._crowd.restart(connection, Phase.READING if connection.received else Phase.IDLE, now)
        elif connection.received:
            self._crowd.move(connection, Phase.READING, now)

    def _answer(self, connection: Connection, request: Request, now: float) -> bool:
        """Answer one request; true when the next may be answered."""
        response = self._respond(request)
        connection.answered += 1
        connection.closing = not request.keep_alive or connection.answered >= self._limits.requests_of_connection
        self.counts.answered(request.path if request.path in self._routes else "other", response.status)
        return self._send(connection, response, request.method == "HEAD", now)

    def _respond(self, request: Request) -> Response:
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

    def _reject(self, connection: Connection, rejected: Rejected, now: float) -> None:
        connection.received.clear()
        connection.closing = True
        self.counts.answered("other", rejected.status)
        self._send(connection, text(rejected.status, str(rejected)), False, now)

    def _send(self, connection: Connection, response: Response, head_only: bool, now: float) -> bool:
        head = head_of(response, http_date(), not connection.closing)
        connection.unsent = [memoryview(head)]
        if response.body and not head_only:
            connection.unsent.append(memoryview(response.body))
        if connection.send():
            if connection.closing:
                self._linger(connection, now)
            return not connection.closing
        self._crowd.restart(connection, Phase.WRITING, now)
        self._epoll.modify(connection.fd, select.EPOLLOUT)
        return False

    def _after_answer(self, connection: Connection, now: float) -> None:
        if connection.closing:
            self._linger(connection, now)
            return
        self._epoll.modify(connection.fd, select.EPOLLIN)
        self._crowd.restart(connection, Phase.READING if connection.received else Phase.IDLE, now)
        self._answer_all(connection, now)

    def _linger(self, connection: Connection, now: float) -> None:
        """Say that this was the last answer, and let it arrive: closing over unread bytes would reset it away."""
        connection.sock.shutdown(socket.SHUT_WR)
        connection.received.clear()
        self._epoll.modify(connection.fd, select.EPOLLIN)
        self._crowd.move(connection, Phase.LINGERING, now)

    def _discard(self, connection: Connection) -> None:
        if connection.discard() == 0 or connection.discarded > self._limits.discarded_bytes:
            self._close(connection)

    def _end_late_ones(self, now: float) -> None:
        self._door.reopen(now)
        for connection in self._crowd.expired(now):
            if connection.phase in (Phase.IDLE, Phase.LINGERING):
                self._close(connection)
            elif connection.phase is Phase.READING and connection.received and self._say_too_late(connection, now):
                self.counts.drop(Dropped.TIMEOUT)
            else:
                self._drop(connection, Dropped.TIMEOUT)

    def _say_too_late(self, connection: Connection, now: float) -> bool:
        with contextlib.suppress(OSError):
            self._reject(connection, Rejected(408, "the request was not complete in time"), now)
        return connection.phase is Phase.LINGERING

    def _drop(self, connection: Connection | None, reason: Dropped) -> None:
        if connection is not None:
            self.counts.drop(reason)
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        if self._crowd.get(connection.fd) is connection:
            self._crowd.remove(connection)
            connection.sock.close()


def _within_descriptors(limits: Limits) -> Limits:
    """Given limits, lower them so that connections take at most half of the descriptors this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(4, min(limits.connections, soft // 2))
    of_peer = max(3, min(limits.connections_of_peer, most * 3 // 4))
    changed = {name: getattr(limits, name) for name in limits.__slots__}
    return Limits(**changed | {"connections": most, "connections_of_peer": of_peer})


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date() -> str:
    """Return the present instant as HTTP writes it, whatever the locale says."""
    t = time.gmtime()
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
