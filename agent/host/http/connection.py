"""One connection: what it has sent, what it still has to be sent, and where it stands."""

from __future__ import annotations

import socket
from enum import Enum

from agent.host.http.messages import HEAD_LIMIT

# Room for a full head and the line that ends it; what is pipelined behind it waits in the kernel.
_ROOM = HEAD_LIMIT + 8


class Phase(Enum):
    """What a connection is waiting for; each phase has its own deadline. Listed in the order of eviction."""

    LINGERING = "lingering"
    READING = "reading"
    IDLE = "idle"
    WRITING = "writing"


class Connection:
    """A client's socket with bounded buffers. All methods are non-blocking; OSError means the client is gone."""

    __slots__ = (
        "answered",
        "closing",
        "deadline",
        "discarded",
        "fd",
        "peer",
        "phase",
        "received",
        "seen",
        "sock",
        "unsent",
    )

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.sock = sock
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

    def receive(self) -> bool:
        """Take in what the client has sent; false when it has ended its side."""
        try:
            data = self.sock.recv(_ROOM - len(self.received))
        except BlockingIOError:
            return True
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
        while self.unsent:
            try:
                sent = self.sock.sendmsg(self.unsent)
            except BlockingIOError:
                return False
            while self.unsent and sent >= len(self.unsent[0]):
                sent -= len(self.unsent.pop(0))
            if sent:
                self.unsent[0] = self.unsent[0][sent:]
        return True
