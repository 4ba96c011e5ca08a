"""What of a signal tells of its trend: its peaks, without what comes and goes every day or week, and without jumps.

Everything here is for a signal that rises to a limit. Instants are seconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median

from msgspec import Struct

from agent.model.signals import Points

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
STEP = 6 * HOUR
"""How far apart the places are at which the peaks and the middle of the day before are taken."""

JUMP_SHARE = 0.04
"""What changes within a day by less than this share of all there is to fill is never a jump."""

JUMP_FACTOR = 8.0
"""And by less than so many times what its days usually differ by."""

FULL_SHARE = 0.95
"""What is emptied when it is fuller than this was emptied because of that."""

_TO_SIGMA = 1.4826
"""What turns a median distance from the median into a standard deviation, of normal noise."""


class Place(Struct, frozen=True):
    """At an instant: the middle of the day before it, and the peak of that day."""

    time: float
    middle: float
    peak: float


class Jump(Struct, frozen=True):
    """The days before the instants from `first` to `last` are mixed of before and after a change of `size`."""

    first: float
    last: float
    size: float


class Hours(Struct, frozen=True):
    """The mean and the greatest number of each hour that is known, by its count since the epoch."""

    mean: Mapping[int, float]
    high: Mapping[int, float]


def hours_of(points: Points, *, falling: bool = False) -> Hours:
    """Given the numbers of a signal, return them by hour; with their sign turned if it falls to its limit."""
    total: dict[int, float] = {}
    count: dict[int, float] = {}
    high: dict[int, float] = {}
    tops = [-low for low in points.low] if falling else points.high
    sign = -1.0 if falling else 1.0
    for time, mean, top, number in zip(points.times, points.mean, tops, points.counts, strict=True):
        hour = math.floor(time / HOUR)
        total[hour] = total.get(hour, 0.0) + sign * mean * number
        count[hour] = count.get(hour, 0.0) + number
        high[hour] = max(high.get(hour, -math.inf), top)
    return Hours({hour: total[hour] / count[hour] for hour in total if count[hour] > 0}, high)


def places(hours: Hours, now: float, boots: Iterable[float] = ()) -> list[Place]:
    """Given a signal by hour, return its places up to `now`, oldest first, where a quarter of the day is known.

    What the hour after a boot showed does not count.
    """
    after_boot = {math.floor(boot / HOUR) + more for boot in boots for more in (0, 1)}
    known = sorted(hours.mean.keys() - after_boot)
    if not known:
        return []
    found: list[Place] = []
    time = now - math.floor((now - known[0] * HOUR - DAY) / STEP) * STEP
    while time <= now:
        last = math.floor(time / HOUR)
        within = [hour for hour in range(last - 23, last + 1) if hour in hours.mean and hour not in after_boot]
        if len(within) >= 6:
            peak = max(hours.high[hour] for hour in within)
            found.append(Place(time, median(hours.mean[hour] for hour in within), peak))
        time += STEP
    return found


def spread(values: Sequence[float]) -> float:
    """Given numbers, return how far they lie apart, as the standard deviation of normal ones; outliers count little."""
    if len(values) < 2:
        return 0.0
    middle = median(values)
    return _TO_SIGMA * median([abs(value - middle) for value in values])


def jumps(found: Sequence[Place], room: float, boots: Iterable[float] = ()) -> list[Jump]:
    """Given places and all there is to fill, return the jumps between them, oldest first.

    A change within a day is one that is far from what changes within a day otherwise: a staircase that rises every
    night has none. After a boot there is one in any case.
    """
    by_time = {place.time: place for place in found}
    changes = [
        (place.time, place.middle - before.middle)
        for place in found
        if (before := by_time.get(place.time - DAY)) is not None
    ]
    if len(changes) < 8:
        return [Jump(boot, boot + DAY, 0.0) for boot in boots]
    usual = median(change for _, change in changes)
    least = max(JUMP_FACTOR * spread([change for _, change in changes]), JUMP_SHARE * room)
    result: list[Jump] = []
    for time, change in changes:
        if abs(change - usual) <= least:
            continue
        previous = result[-1] if result else None
        if previous is not None and time - previous.last <= STEP and (change - usual) * previous.size > 0:
            biggest = max(previous.size, change - usual, key=abs)
            result[-1] = Jump(previous.first, time, biggest)
        else:
            result.append(Jump(time, time, change - usual))
    forced = [Jump(boot, boot + DAY, 0.0) for boot in boots if not any(_near(boot, jump) for jump in result)]
    return sorted([*result, *forced], key=lambda jump: jump.first)


def _near(boot: float, jump: Jump) -> bool:
    return jump.first - DAY <= boot <= jump.last


def cycle(found: Sequence[Place], jumped: Sequence[Jump], room: float, limit: float) -> float:
    """Return how many seconds the longest wave takes that comes again and again; a day where there is no longer one.

    That is how long it takes from one fall to the next, where a first fall ends what was since the beginning; or a week
    where the days of two weeks go up and down alike. A fall from just below the limit is nobody's habit.
    """
    falls = [
        jump.first
        for jump in jumped
        if jump.size < 0 and not _at_the_limit(found, jump, limit - room * (1 - FULL_SHARE))
    ]
    apart = [after - before for before, after in pairwise([found[0].time - DAY, *falls])]
    longest = 1.25 * max(apart) if apart else DAY
    return max(longest, WEEK + STEP if _weekly(found) else DAY)


def _at_the_limit(found: Sequence[Place], jump: Jump, height: float) -> bool:
    return any(place.peak >= height for place in found if jump.first - DAY <= place.time <= jump.first)


def _weekly(found: Sequence[Place]) -> bool:
    if not found or found[-1].time - found[0].time < 2 * WEEK:
        return False
    middles = {place.time: place.middle for place in found}
    pairs = [(middles[time], middles[time - WEEK]) for time in middles if time - WEEK in middles]
    changes = [
        (middles[time] - middles[time - DAY], middles[time - WEEK] - middles[time - WEEK - DAY])
        for time in middles
        if all(other in middles for other in (time - DAY, time - WEEK, time - WEEK - DAY))
    ]
    return len(pairs) >= 24 and _correlation(changes) > 0.5


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    if len(pairs) < 8:
        return 0.0
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    a, b = sum(left) / len(left), sum(right) / len(right)
    over = math.sqrt(sum((x - a) ** 2 for x in left) * sum((y - b) ** 2 for y in right))
    return sum((x - a) * (y - b) for x, y in pairs) / over if over > 0 else 0.0


def peaks(found: Sequence[Place], window: float) -> list[tuple[float, float]]:
    """Given places, return at each its instant and the highest peak of so many seconds before it."""
    result = []
    for number, place in enumerate(found):
        top, back = place.peak, number
        while back > 0 and place.time - found[back - 1].time <= window - DAY:
            back -= 1
            top = max(top, found[back].peak)
        result.append((place.time, top))
    return result


def spliced(found: Sequence[Place], jumped: Sequence[Jump]) -> list[Place]:
    """Given places and jumps, return the places that are of one side alone, those before a jump moved by its size."""
    result: list[Place] = []
    for place in found:
        if any(jump.first <= place.time <= max(jump.last, jump.first + DAY) for jump in jumped):
            continue
        crossed = [jump for jump in jumped if result and result[-1].time < jump.first <= place.time]
        if crossed:
            usual = _usual(result)
            by = place.middle - result[-1].middle - usual * (place.time - result[-1].time)
            result = [Place(old.time, old.middle + by, old.peak + by) for old in result]
        result.append(place)
    return result


def _usual(found: Sequence[Place]) -> float:
    """Return what changes in a second, by the last places."""
    last = found[-8:]
    steps = [(b.middle - a.middle) / (b.time - a.time) for a, b in pairwise(last)]
    return median(steps) if steps else 0.0
