"""One connection: what it has sent, what it still has to be sent, and where it stands."""

from __future__ import annotations

import socket
from enum import Enum
from typing import TYPE_CHECKING

from agent.host.http.messages import HEAD_LIMIT, Request
from agent.host.http.security import Security
from agent.host.http.wire import Plain, Wire

if TYPE_CHECKING:  # an agent that speaks plain HTTP loads no TLS
    from agent.host.http.tls import Secure

# Room for a full head and the line that ends it; what is pipelined behind it waits in the kernel.
_ROOM = HEAD_LIMIT + 8


class Phase(Enum):
    """What a connection is waiting for; each phase has its own deadline. Listed in the order of eviction."""

    LINGERING = "lingering"
    HANDSHAKING = "handshaking"
    READING = "reading"
    CHECKING = "checking"
    IDLE = "idle"
    WRITING = "writing"


class Connection:
    """A client's socket with bounded buffers. All methods are non-blocking; OSError means the client is gone.

    `security` is what was in force when it was accepted, `asked` the request whose sender is being checked. `events`
    is what epoll watches for, 0 while somebody else is at work for the connection.
    """

    __slots__ = (
        "answered",
        "asked",
        "closing",
        "deadline",
        "discarded",
        "events",
        "fd",
        "gone",
        "peer",
        "phase",
        "received",
        "security",
        "seen",
        "sock",
        "tls",
        "unsent",
        "wire",
    )

    def __init__(self, sock: socket.socket, peer: str, security: Security) -> None:
        self.sock = sock
        self.security = security
        self.wire: Wire = Plain(sock)
        self.tls: Secure | None = None
        self.events = 0
        self.gone = False
        self.asked: Request | None = None
        self.fd = sock.fileno()
        self.peer = peer
        self.phase = Phase.READING
        self.deadline = 0.0
        self.received = bytearray()
        self.seen = 0
        self.unsent: list[memoryview] = []
        self.answered = 0
        self.closing = False
        self.discarded = 0

    def encrypt(self) -> Secure:
        """Carry everything under TLS from here on, and return what does."""
        from agent.host.http.tls import Secure  # noqa: PLC0415 - loaded by whoever made the context

        assert self.security.context is not None
        self.tls = Secure(self.sock, self.security.context)
        self.wire = self.tls
        return self.tls

    def receive(self) -> bool | None:
        """Take in what the client has sent; None when it is nothing yet, false when it has ended its side."""
        try:
            data = self.wire.receive(_ROOM - len(self.received))
        except BlockingIOError:
            return None
        self.received += data
        return bool(data)

    def discard(self) -> int:
        """Throw away what the client has sent; return how many bytes that were, 0 at its end."""
        try:
            taken = len(self.sock.recv(65536))
        except BlockingIOError:
            return -1
        self.discarded += taken
        return taken

    def send(self) -> bool:
        """Send what is left to send; true when nothing is."""
        while self.wire.flush() and self.unsent:
            try:
                sent = self.wire.send(self.unsent)
            except BlockingIOError:
                return False
            while self.unsent and sent >= len(self.unsent[0]):
                sent -= len(self.unsent.pop(0))
            if sent:
                self.unsent[0] = self.unsent[0][sent:]
        return not self.unsent and self.wire.flush()
