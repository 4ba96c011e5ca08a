"""Windows: when maintenance may happen.

A window opens whenever its `opens` fires, by the rule of `agent.trigger` over changes of the clock's offset, and stays
open for `lasts` elapsed seconds. The day on which it opens owns it: what `opens` says of days is never asked again
after midnight. Openings that overlap or touch are one opening. It is open from its first instant up to but not
including its last.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from msgspec import Struct

from agent.model.policies import Window
from agent.trigger import Cron, Trigger, last_fire, next_fire, parse, zone
from agent.trigger.days import next_wall
from agent.trigger.offsets import gaps

MERGES = 100
"""A window that never closes is a chain without end; this many links of it are followed each way."""

LATER = 64
"""So many openings of a window are looked at for one that work fits in."""

TICK = timedelta(microseconds=1)


class Gate(Struct, frozen=True):
    """A window ready for use: the trigger that opens it, in its zone, for `lasts` elapsed seconds."""

    opens: Trigger
    lasts: float
    zone: tzinfo


class Open(Struct, frozen=True):
    """The window is open from `since` to `until`, in UTC; one that never closes gives an `until` well ahead."""

    since: datetime
    until: datetime


class Closed(Struct, frozen=True):
    """The window is closed; `next_opening` is in UTC, or None if there is none."""

    next_opening: datetime | None


State = Open | Closed


def gate(window: Window, local: tzinfo) -> Gate:
    """Given a window and the host's own zone, make it ready. Raises `agent.trigger.ScheduleError`."""
    return Gate(parse(window.opens), window.lasts, zone(window.timezone, local))


def state(window: Gate, now: datetime) -> State:
    """Say whether the window is open at the aware `now`, and until or from when."""
    lasts = timedelta(seconds=window.lasts)
    opened = next_fire(window.opens, window.zone, now - lasts)
    if opened is None or opened > now:
        return Closed(opened)
    return Open(_since(window, opened, lasts), _until(window, opened, lasts))


def opening(window: Gate, at: datetime) -> Open | None:
    """Return the opening that `at` lies in, or else the next one; None if there is none."""
    found = state(window, at)
    if isinstance(found, Closed) and found.next_opening is not None:
        found = state(window, found.next_opening)
    return found if isinstance(found, Open) else None


def occurrences(window: Gate, start: datetime, end: datetime) -> Iterator[Open]:
    """Yield every opening that has an instant from `start` up to but not including `end`, whole and in order."""
    at = start
    while at < end and (found := opening(window, at)) is not None and found.since < end:
        yield Open(max(found.since, at), found.until) if at > start else found
        at = found.until


def holds(window: Gate, seconds: float, now: datetime) -> bool:
    """Say whether work of so many seconds fits in any of the next LATER openings."""
    if seconds <= window.lasts:
        return True
    found = islice(occurrences(window, now, datetime.max.replace(tzinfo=UTC)), LATER)
    return any((opened.until - max(opened.since, now)).total_seconds() >= seconds for opened in found)


def never_opens(window: Gate) -> bool:
    """Say whether the window is of no use; `opens` always fires, since `agent.trigger.parse` has accepted it."""
    return window.lasts <= 0


def opens_in_gap(window: Gate, start: datetime, end: datetime) -> datetime | None:
    """Return the first instant from `start` to `end` at which the window opens late, or not at all, for a gap.

    The instant is the first after a gap in the zone's wall clock in which `opens` names a time; None if there is none.
    """
    if not isinstance(window.opens, Cron):
        return None
    hours = window.opens.fixed | window.opens.frequent
    for gap in gaps(window.zone, start, end):
        wall = next_wall(window.opens, hours, gap.missing_from)
        if wall is not None and wall < gap.missing_to:
            return gap.instant
    return None


def _since(window: Gate, opened: datetime, lasts: timedelta) -> datetime:
    for _ in range(MERGES):
        earlier = next_fire(window.opens, window.zone, opened - lasts - TICK)
        if earlier is None or earlier >= opened:
            break
        opened = earlier
    return opened


def _until(window: Gate, opened: datetime, lasts: timedelta) -> datetime:
    until = opened + lasts
    for _ in range(MERGES):
        later = last_fire(window.opens, window.zone, opened, until)
        if later is None:
            break
        opened, until = later, later + lasts
    return until
