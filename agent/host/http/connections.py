"""The open connections: in the crowd, watched by epoll, counted when they are ended before their time."""

from __future__ import annotations

import select

from agent.host.http.connection import Connection, Phase
from agent.host.http.counts import Counts, Dropped
from agent.host.http.crowd import Crowd


class Connections:
    """Opens, watches and closes connections; for the server's thread."""

    def __init__(self, crowd: Crowd, epoll: select.epoll, counts: Counts) -> None:
        self.crowd = crowd
        self.counts = counts
        self._epoll = epoll

    def open(self, connection: Connection, phase: Phase, now: float) -> None:
        """Given an accepted connection, let it begin with a phase."""
        self.counts.connections += 1
        self.crowd.add(connection, phase, now)
        self.watch(connection, select.EPOLLIN)

    def watch(self, connection: Connection, events: int) -> None:
        """Given a connection, be woken when it can be read, written or both; with 0, not at all."""
        if events == connection.events:
            return
        if not connection.events:
            self._epoll.register(connection.fd, events)
        elif events:
            self._epoll.modify(connection.fd, events)
        else:
            # Even a descriptor that is watched for nothing would wake the server once its client hangs up.
            self._epoll.unregister(connection.fd)
        connection.events = events

    def drop(self, connection: Connection | None, reason: Dropped) -> None:
        """Given a connection, if any, end it before its client is done."""
        if connection is not None:
            self.counts.drop(reason)
            self.close(connection)

    def close(self, connection: Connection) -> None:
        """Given a connection, end it if it has not ended."""
        if not connection.gone:
            connection.gone = True
            self.crowd.remove(connection)
            connection.sock.close()
