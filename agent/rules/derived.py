"""Numbers that conditions hold against their bounds in place of a signal's own: its rate of change, and its difference
to the same time of another day.

A rate is the change since the newest value that is at least `over` seconds old, stated for `per` seconds. For that
a condition keeps points of the past, PARTS to each `over`. There is no rate before there is such a value, nor where a
pause has left only one that is much older. A comparison with nothing, or in parts of zero, gives no number either.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from agent.model.conditions import Against, As, Comparison, Rate

PARTS = 30
"""A point is kept for each so-manieth part of the time that a rate is over: this bounds what is written of it."""

Points = tuple[tuple[float, float], ...]

_DAYS = {Against.YESTERDAY: 1, Against.LAST_WEEK: 7}


def follow(rate: Rate, points: Points, value: float, now: float, interval: float) -> tuple[float | None, Points]:
    """Given the points kept so far and a value measured at `now`, return the rate, if there is one, and what to keep.

    `interval` is the usual number of seconds between two measurements. Points that lie in the future (the clock was
    set back) cannot be put in order with what comes, so they are given up.
    """
    if points and points[-1][0] > now:
        points = ()
    oldest = now - rate.over - max(rate.over / 2, 1.5 * interval)
    old_enough = [place for place, (at, _) in enumerate(points) if at <= now - rate.over]
    if old_enough:
        points = points[old_enough[-1] :]
        if points[0][0] < oldest:
            points = points[1:]
    found = None
    if points and points[0][0] <= now - rate.over:
        at, then = points[0]
        found = (value - then) / (now - at) * rate.per
    if not points or now - points[-1][0] >= rate.over / PARTS:
        points = (*points, (now, value))
    return found, points


def compared(comparison: Comparison, value: float, then: float | None) -> float | None:
    """Given a value and the one that it is compared with, return what to hold against the bound, if there is that."""
    if then is None:
        return None
    if comparison.as_ is As.DIFFERENCE:
        return value - then
    if then == 0:
        return None
    return value / then if comparison.as_ is As.RATIO else 100.0 * (value - then) / abs(then)


def same_time(now: float, against: Against, zone: tzinfo) -> float:
    """Given an instant in seconds since the epoch, return that of the same time of day in a zone, days before.

    So the hour that people keep is compared with itself, whether or not clocks were changed in between.
    """
    local = datetime.fromtimestamp(now, zone)
    return (local - timedelta(days=_DAYS[against])).timestamp()
