"""From wall-clock pattern to instants, by the rule of `agent.trigger`. Instants are aware datetimes in UTC."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, pairwise

from agent.trigger.days import ever_matches, next_wall
from agent.trigger.offsets import first_instant, instant_of, offset, second_pass
from agent.trigger.values import Cron, Every, Trigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def next_fire(trigger: Trigger, zone: tzinfo, after: datetime, anchor: datetime = EPOCH) -> datetime | None:
    """Return the first instant after the aware `after` at which the trigger fires, in UTC; None past the year 9999.

    `zone` is where wall-clock times are read. Intervals count from `anchor`, an aware instant.
    """
    try:
        after = after.astimezone(UTC)
        if isinstance(trigger, Every):
            step = timedelta(seconds=trigger.seconds)
            return anchor.astimezone(UTC) + ((after - anchor) // step + 1) * step
        origin = anchor.astimezone(UTC).toordinal()
        if not trigger.frequent:
            return _next_fixed(trigger, zone, after, origin)
        if not trigger.fixed:
            return _next_frequent(trigger, zone, after, origin)
        found = (_next_fixed(trigger, zone, after, origin), _next_frequent(trigger, zone, after, origin))
        return min((instant for instant in found if instant is not None), default=None)
    except OverflowError:
        return None


def fires(
    trigger: Trigger, zone: tzinfo, start: datetime, end: datetime, anchor: datetime = EPOCH
) -> Iterator[datetime]:
    """Yield every instant after `start` and up to and including `end` at which the trigger fires, in UTC."""
    instant = next_fire(trigger, zone, start, anchor)
    while instant is not None and instant <= end:
        yield instant
        instant = next_fire(trigger, zone, instant, anchor)


def last_fire(
    trigger: Trigger, zone: tzinfo, start: datetime, end: datetime, anchor: datetime = EPOCH
) -> datetime | None:
    """Return the last instant after `start` and up to and including `end` at which the trigger fires, or None."""
    if isinstance(trigger, Every):
        step = timedelta(seconds=trigger.seconds)
        instant = anchor.astimezone(UTC) + ((end - anchor) // step) * step
        return instant if instant > start else None
    back = timedelta(minutes=2)
    while True:
        begin = max(start, end - back)
        found = deque(fires(trigger, zone, begin, end, anchor), maxlen=1)
        if found or begin <= start:
            return found[0] if found else None
        back *= 4


def period(trigger: Trigger, zone: tzinfo) -> float:
    """Return the shortest distance in seconds between neighbours among the next 60 instants of an ordinary year."""
    if isinstance(trigger, Every):
        return float(trigger.seconds)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    instants = islice(fires(trigger, zone, start, datetime.max.replace(tzinfo=UTC)), 60)
    return min(((later - earlier).total_seconds() for earlier, later in pairwise(instants)), default=float("inf"))


def never_fires(trigger: Trigger) -> bool:
    """Say whether no date of any year matches; what `agent.trigger.parse` accepts always fires."""
    return isinstance(trigger, Cron) and not ever_matches(trigger.days, trigger.months)


def _next_fixed(cron: Cron, zone: tzinfo, after: datetime, anchor: int) -> datetime | None:
    at = after.astimezone(zone).replace(tzinfo=None)
    while True:
        wall = next_wall(cron, cron.fixed, at + TICK, anchor)
        if wall is None:
            return None
        instant = first_instant(wall, zone)
        if instant > after:
            return instant
        at = wall


def _next_frequent(cron: Cron, zone: tzinfo, after: datetime, anchor: int) -> datetime | None:
    local = after.astimezone(zone)
    at = local.replace(tzinfo=None)
    repeated = second_pass(at, local.fold, zone)
    while True:
        wall = next_wall(cron, cron.frequent, at + TICK, anchor)
        if repeated is not None and (wall is None or wall >= repeated[1]):
            again = next_wall(cron, cron.frequent, repeated[0], anchor)
            if again is not None and again < repeated[1]:
                return instant_of(again, zone, 1)
            repeated = None
        if wall is None:
            return None
        before, later = offset(wall, zone, 0), offset(wall, zone, 1)
        if before >= later:
            instant = (wall - before).replace(tzinfo=UTC)
            if instant > after:
                return instant
            instant = (wall - later).replace(tzinfo=UTC)
            if instant > after:
                return instant
        at = wall
