"""What the groups of signals have in common: what a pass returns, rates between passes, names fit for labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct, field

from agent.model.signals import Sample

MOST_SERIES = 64
"""How many mount points, devices, interfaces or sensors a pass measures at most; those asked for by name go first."""

_AT_ONCE = 1 << 16

Key = TypeVar("Key", bound=Hashable)


class Measured(Struct):
    """What a pass over one group found; `error` is a sentence about what of it could not be measured, or ""."""

    samples: list[Sample] = field(default_factory=list)
    error: str = ""


Read = Callable[[float], Measured]
"""Measure one group, given the monotonic instant of the pass. Whatever it raises becomes the group's error."""


class Rates(Generic[Key]):
    """Turns counters into rates per second by remembering those of the previous pass."""

    def __init__(self) -> None:
        self._at = 0.0
        self._before: Mapping[Key, tuple[float, ...]] = {}

    def per_second(self, counters: Mapping[Key, tuple[float, ...]], now: float) -> dict[Key, tuple[float, ...]]:
        """Given the counters of each series at the monotonic instant `now`, return each one's increase per second.

        Left out are series that were not there in the previous pass, or of which a counter went backwards.
        """
        elapsed, before = now - self._at, self._before
        self._at, self._before = now, dict(counters)
        if elapsed <= 0:
            return {}
        rates = {}
        for key, values in counters.items():
            old = before.get(key)
            if old is not None and all(new >= past for new, past in zip(values, old, strict=True)):
                rates[key] = tuple((new - past) / elapsed for new, past in zip(values, old, strict=True))
        return rates


def samples_of(prefix: str, label: str, names: Sequence[str], rows: Mapping[str, tuple[float, ...]]) -> list[Sample]:
    """Given signal names below `prefix` and rows of as many numbers by label value, return the samples."""
    return [
        Sample(f"{prefix}.{name}", ((label, key),), value)
        for key, values in rows.items()
        for name, value in zip(names, values, strict=True)
    ]


def bounded(found: Iterable[str], asked: frozenset[str], what: str) -> tuple[list[str], str]:
    """Given names found and names asked for, return those to measure (at most MOST_SERIES), and what was left out."""
    names = sorted(found, key=lambda name: (name not in asked, name))
    if len(names) <= MOST_SERIES:
        return names, ""
    return names[:MOST_SERIES], f"{len(names)} {what} found, only {MOST_SERIES} measured"


def read_bytes(path: str) -> bytes:
    """Given the path of a file of the kernel's, return what it says.

    Files of the kernel's have no size to ask for, so half of the work of an ordinary `open` is spared.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = b""
        # The kernel hands out a page at most, in whole lines: only an empty read tells the end.
        while more := os.read(file, _AT_ONCE):
            found += more
    finally:
        os.close(file)
    return found
