"""What the server counts."""

from __future__ import annotations

from enum import StrEnum


class Dropped(StrEnum):
    """Why a connection was ended before its client was done."""

    TIMEOUT = "timeout"
    TOO_MANY = "too_many"
    TOO_MANY_OF_PEER = "too_many_of_peer"
    OUT_OF_DESCRIPTORS = "out_of_descriptors"
    CLIENT_GONE = "client_gone"
    HANDSHAKE = "handshake"
    NOT_SERVED = "not_served"


class Counts:
    """Counters since the start. Written by the server's thread alone; others read them at any time."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: dict[tuple[str, int], int] = {}
        self.dropped: dict[Dropped, int] = dict.fromkeys(Dropped, 0)

    def answered(self, route: str, status: int) -> None:
        """Given a known route (or `other`) and a status, count a response."""
        key = (route, status)
        self.requests[key] = self.requests.get(key, 0) + 1

    def drop(self, reason: Dropped) -> None:
        """Given a reason, count a connection."""
        self.dropped[reason] += 1
