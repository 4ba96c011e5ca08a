"""What the groups of signals have in common: what a pass returns, rates between passes, names fit for labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import ge, sub, truediv

from msgspec import Struct

from agent.model.samples import Key, Samples
from agent.model.signals import Sample

MOST_SERIES = 64
"""How many mount points, devices, interfaces or sensors a pass measures at most; those asked for by name go first."""

_NONE = Samples((), ())
_AT_ONCE = 1 << 16
_SHORT = 1024


class Measured(Struct):
    """What a pass over one group found; `error` is a sentence about what of it could not be measured, or ""."""

    samples: Sequence[Sample] = _NONE
    error: str = ""


Read = Callable[[float], Measured]
"""Measure one group, given the monotonic instant of the pass. Whatever it raises becomes the group's error."""


class Meters:
    """Turns counters into samples of rates per second by remembering those of the previous pass.

    Everything that is counted alike gives a row of counters; `series` returns what its rates are called, given its
    name.
    """

    def __init__(self, series: Callable[[str], tuple[Key, ...]]) -> None:
        self._series = series
        self._at = 0.0
        self._names: list[str] = []
        self._before: list[float] = []
        self._keys: tuple[Key, ...] = ()

    def rates(self, names: list[str], counters: list[float], now: float) -> Samples:
        """Given names, and the counters of all of them one after the other at the monotonic instant `now`.

        Returns each one's increase per second. Left out are those that were not there in the previous pass, or of
        which a counter went backwards.
        """
        elapsed, before, known = now - self._at, self._before, self._names
        self._at, self._before, self._names = now, counters, names
        if names != known:
            self._keys = tuple([key for name in names for key in self._series(name)])
        if elapsed <= 0 or not names:
            return Samples((), ())
        if names == known:
            increases = list(map(sub, counters, before))
            if min(increases) >= 0:
                return Samples(self._keys, list(map(truediv, increases, repeat(elapsed))))
        return self._rates_of_some(dict(zip(known, _rows(before, len(known)), strict=True)), elapsed)

    def _rates_of_some(self, before: Mapping[str, Sequence[float]], elapsed: float) -> Samples:
        keys: list[Key] = []
        values: list[float] = []
        for name, row in zip(self._names, _rows(self._before, len(self._names)), strict=True):
            old = before.get(name)
            if old is not None and all(map(ge, row, old)):
                keys += self._series(name)
                values += [(new - past) / elapsed for new, past in zip(row, old, strict=True)]
        return Samples(tuple(keys), values)


def _rows(counters: list[float], count: int) -> list[list[float]]:
    width = len(counters) // count if count else 1
    return [counters[start : start + width] for start in range(0, len(counters), width)]


def labelled(prefix: str, label: str, names: Sequence[str]) -> Callable[[str], tuple[Key, ...]]:
    """Given signal names below `prefix`, return what gives the series of them all for the value of a label."""
    signals = [f"{prefix}.{name}" for name in names]
    return lambda value: tuple([(signal, ((label, value),)) for signal in signals])


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


def read_short(path: str) -> bytes:
    """Given the path of a file of the kernel's that is shorter than a page, return what it says."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _SHORT)
    finally:
        os.close(file)
