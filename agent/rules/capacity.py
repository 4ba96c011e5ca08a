"""Which series are looked ahead at, by what the policy names, and what is known of each beside its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from zlib import crc32

from msgspec import Struct

from agent.model.signals import Labels, Points
from agent.rules.envelope import DAY
from agent.rules.forecast import LONGEST, Forecast, Subject, forecast

Key = tuple[str, Labels]
Read = Callable[[Key, float, float], Points]

UPTIME: Key = ("uptime.seconds", ())

_BEGIN_ANEW = frozenset({"memory", "swap", "file_descriptors", "process", "load"})
"""Groups of signals that a boot begins anew."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How far ahead it is looked, and how much must be known for it; both seconds."""

    horizon: float
    least: float


class Outlook(Struct, frozen=True):
    """What can be said of one series, and the numbers it is said by."""

    key: Key
    subject: Subject
    forecast: Forecast
    points: Points


def chosen(wanted: Sequence[Mapping[str, Any]], keys: Iterable[Key], bounds: Bounds) -> list[tuple[Key, Subject]]:
    """Given what an option `signals` names and the series there are, return those it means, each once, in its order."""
    known = list(keys)
    result: dict[Key, Subject] = {}
    for one in wanted:
        labels = set(one["labels"].items())
        falling = bool(one["falls"])
        empty = 0.0 if not falling and one["signal"].endswith("_percent") else None
        subject = Subject(
            limit=float(one["limit"]), empty=empty, falling=falling, horizon=bounds.horizon, least=bounds.least
        )
        for key in known:
            if key[0] == one["signal"] and labels <= set(key[1]):
                result.setdefault(key, subject)
    return list(result.items())


def boots(uptime: Points) -> tuple[float, ...]:
    """Given the time since the kernel started as it was told, return when it was started anew, to some minutes."""
    told = list(zip(uptime.times, uptime.low, strict=True))
    return tuple(time - low for (_, before), (time, low) in pairwise(told) if low < before)


def looked(read: Read, chosen_ones: Iterable[tuple[Key, Subject]], now: float) -> Iterable[Outlook]:
    """Given how series are read, yield what can be said of each at `now`, seconds since the epoch."""
    started = boots(read(UPTIME, now - LONGEST, now))
    for key, subject in chosen_ones:
        if key[0].partition(".")[0] in _BEGIN_ANEW:
            of = Subject(**{**{name: getattr(subject, name) for name in subject.__struct_fields__}, "boots": started})
        else:
            of = subject
        points = read(key, now - LONGEST - DAY, now)
        seed = crc32(repr(key).encode())
        yield Outlook(key, of, forecast(points, of, now, seed), points)


def named(key: Key) -> str:
    """Given a series, return it as people write it: `disk.used_percent{mountpoint="/"}`."""
    signal, labels = key
    pairs = ",".join(f'{name}="{value}"' for name, value in labels)
    return f"{signal}{{{pairs}}}" if labels else signal
