"""What carries the bytes of a connection: the socket as it is, or TLS over it (`agent.host.http.tls`)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

Buffer = bytes | memoryview


class Wire(Protocol):
    """Carries bytes without ever waiting: BlockingIOError means that the client has to do something first."""

    def receive(self, most: int) -> bytes:
        """Return what the client has said, b"" at its end."""

    def holds_more(self) -> bool:
        """Tell whether something was taken off the socket that `receive` has not returned yet."""

    def send(self, parts: Sequence[Buffer]) -> int:
        """Given what is to be said, return how many bytes of it are on their way."""

    def flush(self) -> bool:
        """Pass on what `send` has kept; true when it keeps nothing."""

    def finish(self) -> None:
        """Tell the client that nothing more will be said."""


class Plain:
    """The socket as it is."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def receive(self, most: int) -> bytes:
        """Return what the client has said, b"" at its end."""
        return self._sock.recv(most)

    def holds_more(self) -> bool:
        """Nothing is taken off the socket that is not returned."""
        return False

    def send(self, parts: Sequence[Buffer]) -> int:
        """Given what is to be said, return how many bytes of it are on their way."""
        return self._sock.sendmsg(parts)

    def flush(self) -> bool:
        """Nothing is kept."""
        return True

    def finish(self) -> None:
        """Tell the client that nothing more will be said."""
        self._sock.shutdown(socket.SHUT_WR)
