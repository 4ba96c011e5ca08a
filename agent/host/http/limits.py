"""How much the server bears."""

from __future__ import annotations

import resource

from msgspec import Struct
from msgspec.structs import replace


class Limits(Struct, frozen=True):
    """Times are seconds; the deadlines are for a whole handshake, a whole request and a whole answer.

    While `handshakes_of_peer` of one peer wait to be gone on with, nobody else is let in. `checks_of_peer` is how many
    passwords of one peer may wait to be checked.
    """

    connections: int = 512
    connections_of_peer: int = 384
    requests_of_connection: int = 1000
    handshakes_of_peer: int = 32
    checks_of_peer: int = 64
    handshake: float = 10.0
    reading: float = 10.0
    checking: float = 30.0
    writing: float = 10.0
    idle: float = 120.0
    lingering: float = 1.0
    discarded_bytes: int = 1 << 20
    send_buffer_bytes: int = 1 << 18


def within_descriptors(limits: Limits) -> Limits:
    """Given limits, lower them so that connections take at most half of the descriptors this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(4, min(limits.connections, soft // 2))
    of_peer = max(3, min(limits.connections_of_peer, most * 3 // 4))
    return replace(limits, connections=most, connections_of_peer=of_peer)
