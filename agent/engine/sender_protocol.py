"""What the agent tells the sender as it starts it, and what the sender tells when it ends; one JSON text each."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from agent.model.policies import Notifier


class Request(Struct, frozen=True, kw_only=True):
    """What to send for: the state directory, the host's name, what `local` means, the notifiers in force.

    With `alive` nothing is sent but that the agent is healthy, to the notifiers that it names.
    """

    directory: str
    host: str
    timezone: str
    notifiers: dict[str, Notifier]
    alive: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return it as bytes."""
        return msgspec.json.encode(self)


class Report(Struct, frozen=True, kw_only=True):
    """When to start the sender again, in seconds since the epoch (None: when there is a notice), and the last notice.

    `busy` is that another sender was at work.
    """

    wake: float | None
    seen: int
    busy: bool = False

    def encode(self) -> bytes:
        """Return it as bytes."""
        return msgspec.json.encode(self)


def load_request(data: bytes) -> Request:
    """Given the bytes of a request, return it."""
    return msgspec.json.decode(data, type=Request)


def load_report(data: bytes) -> Report | None:
    """Given what a sender has said, return its report; None when it has not come that far."""
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
