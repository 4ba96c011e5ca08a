"""Where wall-clock times lie in elapsed time: offsets, repeated stretches and gaps of a zone's clock (PEP 495)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

STEP = timedelta(hours=6)
"""How far apart the offset is asked for; no two changes of a zone's offset have come so close together."""


class Change(Struct, frozen=True):
    """The zone's offset is no longer `before`, but `later`, from `instant` (UTC) on."""

    instant: datetime
    before: timedelta
    later: timedelta


class Gap(Struct, frozen=True):
    """The wall clock jumps at `instant` (UTC) from the naive `missing_from` to the naive `missing_to`."""

    instant: datetime
    missing_from: datetime
    missing_to: datetime


def changes(zone: tzinfo, start: datetime, end: datetime) -> Iterator[Change]:
    """Yield every change of the zone's offset whose instant lies after `start` and not after `end`, in order."""
    low = start.astimezone(UTC).replace(microsecond=0)
    end = end.astimezone(UTC)
    before = low.astimezone(zone).replace(tzinfo=None) - low.replace(tzinfo=None)
    while low < end:
        high = min(low + STEP, end)
        later = high.astimezone(zone).replace(tzinfo=None) - high.replace(tzinfo=None)
        if later != before:
            yield Change(_first_change(zone, low, high, before), before, later)
        low, before = high, later


def gaps(zone: tzinfo, start: datetime, end: datetime) -> Iterator[Gap]:
    """Yield every gap of the zone whose instant lies after `start` and not after `end`."""
    for change in changes(zone, start, end):
        if change.later > change.before:
            wall = change.instant.replace(tzinfo=None)
            yield Gap(change.instant, wall + change.before, wall + change.later)


def first_instant(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant at which the zone's wall clock has reached the naive `wall`, in UTC.

    That is the first of two occurrences in a repeated hour, and the first instant after the gap in a missing one.
    """
    before, later = offset(wall, zone, 0), offset(wall, zone, 1)
    if before >= later:
        return (wall - before).replace(tzinfo=UTC)
    low, high = (wall - later).replace(tzinfo=UTC), (wall - before).replace(tzinfo=UTC)
    return _bisect(low, high, lambda instant: instant.astimezone(zone).replace(tzinfo=None) > wall)


def second_pass(at: datetime, fold: int, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """If `at` is in the first pass of a repeated stretch, return the stretch's begin and end on the wall clock."""
    before, later = offset(at, zone, 0), offset(at, zone, 1)
    if fold or before <= later:
        return None
    whole = at.replace(microsecond=0)
    low, high = (whole - before).replace(tzinfo=UTC), (whole - later).replace(tzinfo=UTC)
    change = _first_change(zone, low, high, before).replace(tzinfo=None)
    return change + later, change + before


def _first_change(zone: tzinfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """Return the first instant after `low` at which the offset is no longer `before`, as it is not at `high`."""
    return _bisect(low, high, lambda instant: instant.astimezone(zone).utcoffset() != before)


def _bisect(low: datetime, high: datetime, reached: Callable[[datetime], bool]) -> datetime:
    """Return the first instant after `low`, in whole seconds, for which `reached` holds; it must hold at `high`."""
    no, yes = 0, int((high - low).total_seconds())
    while yes - no > 1:
        middle = (no + yes) // 2
        if reached(low + timedelta(seconds=middle)):
            yes = middle
        else:
            no = middle
    return low + timedelta(seconds=yes)


def instant_of(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    """Return the instant of a naive wall time, in UTC; `fold` 1 is its second pass."""
    return (wall - offset(wall, zone, fold)).replace(tzinfo=UTC)


def offset(wall: datetime, zone: tzinfo, fold: int) -> timedelta:
    """Return the offset of a naive wall time; `fold` tells the first from the second pass of a repeated one."""
    found = zone.utcoffset(wall.replace(tzinfo=zone, fold=fold))
    if found is None:
        raise ValueError(f"{zone!r} knows no offset from UTC")
    return found
