"""What the agent and its prober tell one another: a line of JSON each, bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

LONGEST = 1 << 24
"""Bytes that a line may have; a prober that writes more has gone wrong."""

BEAT_SECONDS = 5.0
"""How often the prober tells something, if only that it is there."""


class Order(Struct, frozen=True, array_like=True):
    """A probe as it is to be measured. `serial` names this definition of it, `delay` is its stable jitter in seconds.

    `settings` are those of `agent.probes.kind.Settings`.
    """

    serial: int
    name: str
    kind: str
    settings: Mapping[str, Any]
    every: float
    timeout: float
    delay: float


class Orders(Struct, frozen=True, array_like=True):
    """All probes that are to be measured from now on. `scratch` is a directory that the prober may use."""

    probes: tuple[Order, ...]
    scratch: str


class Result(Struct, frozen=True, array_like=True):
    """One measurement: begun `at` (seconds since the epoch), `late` by so many seconds, taking `seconds`.

    `samples` are what, labels and value; `error` is a sentence, or "". `hung` says that it never came back.
    """

    serial: int
    at: float
    late: float
    seconds: float
    samples: tuple[tuple[str, tuple[tuple[str, str], ...], float], ...]
    error: str
    hung: bool = False


class Report(Struct, frozen=True, array_like=True):
    """What was measured since the last report, how many measurements hang now, and what the prober itself takes."""

    results: tuple[Result, ...]
    hung: int
    cpu_seconds: float
    resident_bytes: int


_encoder = msgspec.json.Encoder()
_reports = msgspec.json.Decoder(Report)
_orders = msgspec.json.Decoder(Orders)


def encode(frame: Orders | Report) -> bytes:
    """Return a frame as a line."""
    return _encoder.encode(frame) + b"\n"


def decode_orders(line: bytes) -> Orders:
    """Given a line, return the orders. Raises ValueError."""
    return _orders.decode(line)


class Lines:
    """Cuts a stream into lines."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._rest = bytearray()
        self._longest = longest

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Given the next bytes, yield the lines that are complete. Raises ValueError for one that is too long."""
        if b"\n" not in data:
            self._rest += data
            lines = []
        else:
            *lines, rest = (self._rest + data).split(b"\n")
            self._rest = bytearray(rest)
        if len(self._rest) > self._longest:
            raise ValueError(f"a line of more than {self._longest} bytes")
        yield from map(bytes, lines)


def decode_report(line: bytes) -> Report:
    """Given a line, return the report. Raises ValueError."""
    return _reports.decode(line)
