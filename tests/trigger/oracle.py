"""A brute-force oracle for schedules: it walks every real minute and looks at the wall clock, and shares no code and
no idea with the implementation, which reckons from the wall clock to instants."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
LAST = datetime(2038, 1, 1, tzinfo=UTC)

Matches = Callable[[datetime], bool]


class WallClock:
    """Every real minute of a stretch of time, with what a clock on the wall shows."""

    def __init__(self, zone: tzinfo, start: datetime, end: datetime) -> None:
        self.ticks: list[datetime] = []
        self.shown: list[datetime] = []
        tick = start
        while tick <= end:
            self.ticks.append(tick)
            self.shown.append(tick.astimezone(zone).replace(tzinfo=None))
            tick += MINUTE

    def fixed(self, matches: Matches) -> list[datetime]:
        """Each time fires when the clock has reached it for the first time."""
        fired = []
        highest = self.shown[0] - MINUTE
        for tick, shown in zip(self.ticks, self.shown, strict=True):
            due = False
            while highest < shown:
                highest += MINUTE
                due = matches(highest) or due
            if due:
                fired.append(tick)
        return fired

    def frequent(self, matches: Matches) -> list[datetime]:
        """It fires in every real minute in which the clock shows a matching time."""
        return [tick for tick, shown in zip(self.ticks, self.shown, strict=True) if matches(shown)]

    def elapsed(self, minutes: int) -> list[datetime]:
        """It fires every so many real minutes since 1970."""
        return [tick for tick in self.ticks if int(tick.timestamp()) // 60 % minutes == 0]


@dataclass(frozen=True)
class ClockChange:
    """A change of a zone's offset, with one of the zones that have it."""

    instant: datetime
    before: timedelta
    after: timedelta
    zone: str

    @property
    def low(self) -> datetime:
        """The lower of the two times that the clock shows at the change: where a gap or a repeated stretch begins."""
        return self.instant.replace(tzinfo=None) + min(self.before, self.after)

    @property
    def high(self) -> datetime:
        return self.instant.replace(tzinfo=None) + max(self.before, self.after)


@dataclass(frozen=True)
class World:
    """All zones with a different history from FIRST to LAST, all different changes, and how many there are in all."""

    zones: tuple[str, ...]
    changes: tuple[ClockChange, ...]
    names: int
    transitions: int


@cache
def world() -> World:
    """Look through every zone of the tz database; fail if there is none."""
    names = available_timezones()
    assert len(names) > 300, f"the tz database is missing or cut short: {len(names)} zones in {TZPATH}"
    by_content: dict[bytes, list[str]] = {}
    for name in sorted(names):
        by_content.setdefault(_content(name), []).append(name)
    changes: dict[tuple[datetime, timedelta, timedelta], ClockChange] = {}
    histories: dict[object, str] = {}
    transitions = 0
    for same in by_content.values():
        zone = ZoneInfo(same[0])
        found = list(_changes(same[0], zone))
        transitions += len(found) * len(same)
        history = (FIRST.astimezone(zone).utcoffset(), *((one.instant, one.after) for one in found))
        histories.setdefault(history, same[0])
        for change in found:
            changes.setdefault((change.instant, change.before, change.after), change)
    return World(tuple(histories.values()), tuple(changes.values()), len(names), transitions)


def _content(name: str) -> bytes:
    for directory in TZPATH:
        path = Path(directory, name)
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).digest()
    return name.encode()


def _changes(name: str, zone: tzinfo) -> Iterator[ClockChange]:
    tick = FIRST
    before = tick.astimezone(zone).utcoffset()
    while tick < LAST:
        after = (tick + timedelta(days=1)).astimezone(zone).utcoffset()
        assert before is not None
        assert after is not None
        if after != before:
            minute = tick
            while (minute + MINUTE).astimezone(zone).utcoffset() == before:
                minute += MINUTE
            yield ClockChange(minute + MINUTE, before, after, name)
        tick, before = tick + timedelta(days=1), after
