"""A small HTTP/1.1 server for answers that are already rendered: one thread, bounded in everything.

It serves GET and HEAD of a few paths, takes no bodies, gives every connection a deadline for its request and another
for its answer, and ends the least deserving one when there are too many, so that a new client is always let in.
Handshakes, checks of passwords and answers that take time are done by a thread each, so that none of them makes
another client wait.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from agent.host.http.connection import Connection, Phase
from agent.host.http.connections import Connections
from agent.host.http.conversation import Conversation, Route
from agent.host.http.counts import Counts, Dropped
from agent.host.http.crew import Crew
from agent.host.http.crowd import Crowd
from agent.host.http.door import Door
from agent.host.http.handshakes import Handshakes
from agent.host.http.limits import Limits, within_descriptors
from agent.host.http.messages import Rejected
from agent.host.http.security import Security


class HttpServer:
    """Serves `routes` (path -> route) on listening sockets, in a thread of its own.

    `failed` is told, in that thread, of an exception in a handler; the client is answered 500. `security` says who is
    let in, until `secure` says otherwise.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        routes: Mapping[str, Route],
        failed: Callable[[str, Exception], None],
        limits: Limits | None = None,
        security: Security | None = None,
    ) -> None:
        self.counts = Counts()
        self._failed = failed
        self._limits = limits = within_descriptors(limits or Limits())
        self._security = self._parted_for = security or Security()
        self._stopping = False
        self._epoll = select.epoll()
        self._door = Door(listeners, self._epoll)
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._bell, select.EPOLLIN)
        self._crowd = Crowd(
            {
                Phase.HANDSHAKING: limits.handshake,
                Phase.READING: limits.reading,
                Phase.CHECKING: limits.checking,
                Phase.WRITING: limits.writing,
                Phase.IDLE: limits.idle,
                Phase.LINGERING: limits.lingering,
            }
        )
        self._connections = Connections(self._crowd, self._epoll, self.counts)
        self._ushers, self._guards = Crew("handshakes", self._ring), Crew("passwords", self._ring)
        self._makers = Crew("pages", self._ring)
        self._conversation = Conversation(self._connections, routes, self._guards, self._makers, failed, limits)
        self._handshakes = Handshakes(
            self._connections, self._ushers, self._conversation.hear, self._conversation.reject
        )
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread serves."""
        return self._thread.is_alive()

    def secure(self, security: Security) -> None:
        """Given who is let in from now on, part with the connections that were let in otherwise; for any thread."""
        self._security = security
        self._ring()

    def stop(self) -> None:
        """End every connection and the threads, and close the listening sockets."""
        self._stopping = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join()
        for connection in self._crowd:
            self._connections.close(connection)
        self._ushers.stop()
        self._guards.stop()
        self._makers.stop()
        self._door.close()
        self._epoll.close()
        os.close(self._bell)

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _serve(self) -> None:
        while not self._stopping:
            # If a peer came in faster than hands are shaken, each of its clients would soon have to go for the next.
            self._door.hold(self._ushers.is_behind(self._limits.handshakes_of_peer))
            now = time.monotonic()
            for fd, _ in self._epoll.poll(self._patience(now)):
                now = time.monotonic()
                if fd == self._bell:
                    self._answer_bell(now)
                elif self._door.is_listener(fd):
                    self._admit(fd, now)
                elif (connection := self._crowd.get(fd)) is not None:
                    self._attend(connection, now)
            self._end_late_ones(time.monotonic())

    def _answer_bell(self, now: float) -> None:
        os.eventfd_read(self._bell)
        for crew in (self._ushers, self._guards, self._makers):
            for connection, tell in crew.done():
                self._safely(connection, tell, now)
        if self._security is not self._parted_for:
            self._parted_for = self._security
            self._part()

    def _part(self) -> None:
        """End each connection that was let in by what is no longer in force, after the answer it waits for, if any."""
        for connection in self._crowd:
            if connection.security is not self._parted_for:
                connection.closing = True
                if self._parted_for.shut or connection.phase in (Phase.IDLE, Phase.LINGERING):
                    self._connections.close(connection)

    def _patience(self, now: float) -> float | None:
        deadlines = [d for d in (self._crowd.next_deadline(), self._door.opens_again) if d is not None]
        return max(0.0, min(deadlines) - now) if deadlines else None

    def _admit(self, fd: int, now: float) -> None:
        security = self._security
        for sock, peer in self._door.accept(fd, now, self._make_room):
            if security.shut:
                sock.close()
                self.counts.drop(Dropped.NOT_SERVED)
                continue
            if self._crowd.of_peer(peer) >= self._limits.connections_of_peer:
                self._connections.drop(self._crowd.least_deserving(peer), Dropped.TOO_MANY_OF_PEER)
            elif len(self._crowd) >= self._limits.connections:
                self._connections.drop(self._crowd.least_deserving(), Dropped.TOO_MANY)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._limits.send_buffer_bytes)
            connection = Connection(sock, peer, security)
            self._connections.open(connection, Phase.HANDSHAKING if security.context else Phase.READING, now)
            self._attend(connection, now)  # the request is usually there already

    def _make_room(self) -> bool:
        victim = self._crowd.least_deserving()
        self._connections.drop(victim, Dropped.OUT_OF_DESCRIPTORS)
        return victim is not None

    def _attend(self, connection: Connection, now: float) -> None:
        match connection.phase:
            case Phase.LINGERING:
                self._safely(connection, self._discard, now)
            case Phase.WRITING:
                self._safely(connection, self._conversation.go_on, now)
            case Phase.HANDSHAKING:
                self._safely(connection, self._handshakes.attend, now)
            case _:
                self._safely(connection, self._conversation.hear, now)

    def _safely(self, connection: Connection, step: Callable[[Connection, float], None], now: float) -> None:
        if connection.gone:
            return
        try:
            step(connection, now)
        except OSError:
            self._connections.drop(connection, Dropped.CLIENT_GONE)
        except Exception as error:  # a bug met by one client must not end the server for all
            self._failed("a connection", error)
            self._connections.close(connection)

    def _discard(self, connection: Connection, _now: float) -> None:
        if connection.discard() == 0 or connection.discarded > self._limits.discarded_bytes:
            self._connections.close(connection)

    def _end_late_ones(self, now: float) -> None:
        self._door.reopen(now)
        for connection in self._crowd.expired(now):
            if connection.phase in (Phase.IDLE, Phase.LINGERING):
                self._connections.close(connection)
            elif connection.phase is Phase.READING and connection.received and self._say_too_late(connection, now):
                self.counts.drop(Dropped.TIMEOUT)
            else:
                self._connections.drop(connection, Dropped.TIMEOUT)

    def _say_too_late(self, connection: Connection, now: float) -> bool:
        with contextlib.suppress(OSError):
            self._conversation.reject(connection, Rejected(408, "the request was not complete in time"), now)
        return connection.phase is Phase.LINGERING
