"""When something will be full: a line through its peaks, and between which days the truth lies in four cases of five.

Netdata's forecast takes the change of one hour for what comes, so every file that comes and goes is an alarm. Here a
line is laid through days and weeks, through the peaks of whatever comes and goes again and again, and no line at all is
laid where there is too little to go by.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from enum import StrEnum
from statistics import median

from msgspec import Struct

from agent.model.signals import Points
from agent.rules.envelope import DAY, HOUR, STEP, WEEK, Place, cycle, hours_of, jumps, peaks, places, spliced, spread
from agent.rules.trend import Line, Point, line, others, quantile, residuals, thinned

LEVEL = 0.8
"""The share of cases in which the truth is to lie between the two ends of an interval."""

CERTAIN = 0.95
"""What rises in so many of the lines that noise could have made rises indeed."""

GROWTH_SHARE = 0.01
"""And it must have risen by so much of all there is to fill."""

TOLERANCE = 0.003
"""The share of it by which a line may be wrong without being wrong."""

REACH = 2.0
"""A forecast looks ahead no farther than so many times as long as it looks back."""

MOST_NEAR = 10
"""Days near the limit of which the highest is looked for, at most."""

ALIKE = 2 * DAY
"""For so long noise is alike."""

WIDER = 1.1
"""So many times as wide as the noise has it is an interval: what comes is not all like what was (`make bench`)."""

SETTLING = DAY
"""After a jump or a boot nothing is said for so long."""

SHORTEST, LONGEST = 3 * DAY, 180 * DAY
AHEAD = (1.0, 7.0)
"""For so many days ahead the level is told, to be compared with what came."""


class State(StrEnum):
    """What can be said of what fills up."""

    FULL = "full"
    GROWING = "growing"
    STEADY = "steady"
    LEARNING = "learning"


class Level(Struct, frozen=True):
    """What a signal is expected to peak at in so many days."""

    days: float
    low: float
    likely: float
    high: float


class Forecast(Struct, frozen=True, kw_only=True):
    """What can be said of a signal at `now`, seconds since the epoch.

    `days` is how many days are left until the limit, `soonest` and `latest` are the ends of the interval; None is
    farther off than can be said, which is `reach` days. They are told of what grows or is full. `current` is what was
    measured last; the line is of the peaks of `window` seconds since `since`, and `per_day` is its slope. `why` says in
    words why nothing can be said yet.
    """

    state: State
    now: float
    limit: float
    current: float | None = None
    why: str = ""
    days: float | None = None
    soonest: float | None = None
    latest: float | None = None
    reach: float = 0.0
    level: float = 0.0
    per_day: float = 0.0
    since: float = 0.0
    window: float = DAY
    ahead: tuple[Level, ...] = ()


class Subject(Struct, frozen=True, kw_only=True):
    """What is forecast: a limit, `empty` where nothing is used, and whether the signal falls to its limit.

    `boots` are instants after which it begins anew. `horizon` and `least` are seconds: how far ahead it is looked, and
    how much must be known.
    """

    limit: float
    empty: float | None = None
    falling: bool = False
    boots: tuple[float, ...] = ()
    horizon: float = 365 * DAY
    least: float = WEEK


def forecast(points: Points, subject: Subject, now: float, seed: int = 0) -> Forecast:
    """Given the numbers of a signal up to `now` and what is known of it, return what can be said."""
    limit = -subject.limit if subject.falling else subject.limit
    hours = hours_of(points, falling=subject.falling)
    if not points.times or now - points.times[-1] > 2 * HOUR + points.steps[-1]:
        return Forecast(state=State.LEARNING, now=now, limit=subject.limit, why="there are no samples of late")
    current = -points.low[-1] if subject.falling else points.high[-1]
    blank = Forecast(
        state=State.LEARNING, now=now, limit=subject.limit, current=-current if subject.falling else current
    )
    if current >= limit:
        return _turned(blank, state=State.FULL, days=0.0, soonest=0.0, latest=0.0)
    found = places(hours, now, subject.boots)
    if len(found) < 2 or now - found[0].time + DAY < subject.least - HOUR:
        known = (now - points.times[0]) / DAY
        return _turned(blank, why=f"{known:.1f} of {subject.least / DAY:g} days are known")
    empty = min(hours.mean.values()) if subject.empty is None else subject.empty * (-1 if subject.falling else 1)
    return _of_peaks(blank, subject, found, limit, max(limit - empty, 1e-9), seed)


def _turned(of: Forecast, **changes: object) -> Forecast:
    return Forecast(**{**{name: getattr(of, name) for name in of.__struct_fields__}, **changes})


def _of_peaks(
    blank: Forecast, subject: Subject, found: Sequence[Place], limit: float, room: float, seed: int
) -> Forecast:
    now = blank.now
    jumped = jumps(found, room, subject.boots)
    window = cycle(found, jumped, room, limit)
    if window <= DAY:
        recent = [jump for jump in jumped if now - max(jump.last, jump.first + DAY) < SETTLING - DAY + STEP]
        if recent:
            what = "it was booted" if recent[-1].size == 0 else f"it jumped by {abs(recent[-1].size):.3g}"
            return _turned(blank, why=f"{what} less than {SETTLING / DAY:g} days ago")
        found = spliced(found, jumped)
    # Until a whole wave was seen, the highest peak of one is not known.
    whole = found[0].time + (window if window > DAY else 0.0)
    tops = [((time - now) / DAY, top) for time, top in peaks(found, window) if time >= whole]
    if len(tops) < 6:
        return _turned(blank, why="what comes and goes in it was not seen for long enough")
    shortest = SHORTEST / DAY if window <= DAY and -tops[0][0] >= 2 * WEEK / DAY else max(WEEK, window) / DAY
    used = _recent(tops, shortest, room)
    if len(used) < 6:
        return _turned(blank, why="too much of the last days is unknown")
    return _along(blank, subject, used, limit, room, window, seed)


def _recent(tops: Sequence[Point], shortest: float, room: float) -> list[Point]:
    """Return the longest stretch of peaks up to now that its own line fits at its end."""
    span = min(-tops[0][0], LONGEST / DAY)
    least = thinned([top for top in tops if top[0] >= -shortest])
    if len(least) < 6:
        return least
    longer = thinned([top for top in tops if top[0] >= -2.5 * shortest])
    # What keeps for a day or two does not show in three.
    noise = max(_noise(least), _noise(longer) / 2, TOLERANCE * room)
    while span > shortest:
        chosen = thinned([top for top in tops if top[0] >= -span - 1e-6])
        through = line(chosen, 0.0)
        end = [top for top in tops if top[0] >= -max(2.0, shortest / 3)]
        if abs(median(residuals(end, through))) <= 2.5 * noise:
            return chosen
        span /= 1.5
    return least


def _noise(points: Sequence[Point]) -> float:
    return spread(residuals(points, line(points, 0.0)))


def _along(
    blank: Forecast, subject: Subject, used: list[Point], limit: float, room: float, window: float, seed: int
) -> Forecast:
    through = line(used, 0.0)
    apart = (used[-1][0] - used[0][0]) / (len(used) - 1)
    variants = others(used, through, math.ceil(max(ALIKE, window) / DAY / apart), seed)
    span = used[-1][0] - used[0][0]
    rising = sum(one.slope > 0 for one in variants) / len(variants)
    noise = residuals(used, through)
    grown = through.slope * span > max(GROWTH_SHARE * room, 3 * spread(noise))
    strays = _strays(noise, apart)
    ends = _ends(variants, noise, strays, limit, seed)
    days = quantile(ends, 0.5)
    reach = min(subject.horizon / DAY, REACH * span)
    grows = rising >= CERTAIN and grown and days <= reach
    soonest, latest = _interval(ends, days)
    sign = -1.0 if subject.falling else 1.0
    return _turned(
        blank,
        state=State.GROWING if grows else State.STEADY,
        days=days if grows else None,
        soonest=soonest if grows and soonest <= reach else None,
        latest=latest if grows and latest <= reach else None,
        reach=reach,
        level=sign * through.height,
        per_day=sign * through.slope,
        since=blank.now + used[0][0] * DAY,
        window=window,
        ahead=tuple(_level(through, variants, noise, strays, ahead, sign, seed) for ahead in AHEAD),
    )


def _until(through: Line, limit: float) -> float:
    if through.height >= limit:
        return 0.0
    return (limit - through.height) / through.slope if through.slope > 0 else math.inf


def _interval(ends: Sequence[float], days: float) -> tuple[float, float]:
    """Return the ends of the interval around the likely days left: what the noise tells, and something for the rest."""
    # No instant between two places is told from another.
    soonest = days - WIDER * (days - quantile(ends, (1 - LEVEL) / 2)) - STEP / DAY / 2
    latest = days + WIDER * (quantile(ends, (1 + LEVEL) / 2) - days) + STEP / DAY / 2
    return max(0.0, soonest), latest


def _strays(noise: Sequence[float], apart: float) -> float:
    """Given noise at places so many days apart, return by how much of it a day strays that never goes away again.

    Noise that comes and goes differs no more over many places than over one; what differs more is a random walk.
    """
    lag = len(noise) // 4
    if lag < 2:
        return 0.0
    near, far = (spread([b - a for a, b in zip(noise, noise[by:], strict=False)]) for by in (1, lag))
    return math.sqrt(max(0.0, far**2 - near**2) / ((lag - 1) * apart))


def _ends(variants: Sequence[Line], noise: Sequence[float], strays: float, limit: float, seed: int) -> list[float]:
    """Return in order when each line reaches a limit: with the noise of the worst of the days near it."""
    draw = random.Random(seed)  # noqa: S311 - a statistic, not a secret
    wide = spread(noise)
    ends = []
    for one in variants:
        near = 1 + min(MOST_NEAR, int(wide / one.slope)) if one.slope > 0 else 1
        lifted = max(draw.choice(noise) for _ in range(near))
        days = _until(Line(one.at, one.height + lifted, one.slope), limit)
        strayed = draw.gauss(0.0, strays)
        ends.append(max(0.0, days + strayed * math.sqrt(days) / one.slope) if 0 < days < math.inf else days)
    return sorted(ends)


def _level(
    through: Line,
    variants: Sequence[Line],
    noise: Sequence[float],
    strays: float,
    days: float,
    sign: float,
    seed: int,
) -> Level:
    draw = random.Random(seed)  # noqa: S311 - a statistic, not a secret
    strayed = strays * math.sqrt(days)
    ends = sorted(sign * (one(days) + draw.choice(noise) + draw.gauss(0.0, strayed)) for one in variants)
    return Level(days, quantile(ends, (1 - LEVEL) / 2), sign * through(days), quantile(ends, (1 + LEVEL) / 2))
