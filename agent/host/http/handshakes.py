"""The beginning of a connection under TLS: hands are shaken by a crew, while others are served."""

from __future__ import annotations

import select
from collections.abc import Callable

from agent.host.http.connection import Connection, Phase
from agent.host.http.connections import Connections
from agent.host.http.counts import Dropped
from agent.host.http.crew import Crew, Outcome
from agent.host.http.messages import Rejected

_CHUNK = 1 << 14
_HANDSHAKE = 0x16
"""The first byte of every client under TLS."""


class Handshakes:
    """Leads connections from their first byte to where `ready` is told of them; for the server's thread.

    `reject` answers a client that does not speak TLS.
    """

    def __init__(
        self,
        connections: Connections,
        ushers: Crew,
        ready: Callable[[Connection, float], None],
        reject: Callable[[Connection, Rejected, float], None],
    ) -> None:
        self._connections = connections
        self._ushers = ushers
        self._ready = ready
        self._reject = reject

    def attend(self, connection: Connection, now: float) -> None:
        """Given a connection that can be read or written, go on with its handshake. Raises OSError."""
        if not connection.wire.flush():
            return
        self._connections.watch(connection, select.EPOLLIN)
        try:
            data = connection.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._connections.drop(connection, Dropped.HANDSHAKE)
        elif connection.tls is None and data[0] != _HANDSHAKE:
            self._reject(connection, Rejected(400, "this port speaks HTTPS"), now)
        else:
            tls = connection.tls or connection.encrypt()
            tls.feed(data)
            self._connections.watch(connection, 0)
            self._ushers.submit(connection, tls.shake_hands, self._shaken)

    def _shaken(self, outcome: Outcome, connection: Connection, now: float) -> None:
        tls = connection.tls
        assert tls is not None
        flushed = tls.flush()  # also what tells the client why it failed
        if isinstance(outcome, Exception):
            self._connections.drop(connection, Dropped.HANDSHAKE)
            return
        self._connections.watch(connection, select.EPOLLIN | (0 if flushed else select.EPOLLOUT))
        if outcome is not True:
            tls.acknowledge()
            return
        names = connection.security.names
        if names and not names & tls.names():
            self._reject(connection, Rejected(403, "the certificate bears no name that is let in"), now)
            return
        self._connections.crowd.move(connection, Phase.READING, now)
        self._ready(connection, now)
