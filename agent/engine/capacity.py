"""What will be full and when, as people look at it: every series that tasks look ahead at, and its curve."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.model.policies import PolicySet
from agent.policy.normalise import normalise, plan_of
from agent.rules.capacity import Bounds, Outlook, chosen, looked
from agent.rules.envelope import DAY
from agent.rules.forecast import State
from agent.schema import Schemas
from agent.store import Store

ACTION = "capacity.forecast"

POINTS = 240
"""Numbers of a curve at most; of those that share a place the one nearest to the limit is shown."""

_WORST = (State.FULL, State.GROWING, State.LEARNING, State.STEADY)


class Curve(Struct, frozen=True, kw_only=True):
    """A picture of one series. Instants are seconds since the epoch, the other numbers are in its own unit.

    `shown` is what was measured; `line` goes from the beginning of what it was laid through to `end`. `wedge` is now
    with the height of the line, and the two instants at which the limit is reached at the soonest and at the latest.
    """

    start: float
    now: float
    end: float
    low: float
    high: float
    limit: float
    shown: tuple[tuple[float, float], ...]
    line: tuple[tuple[float, float], tuple[float, float]] | None = None
    wedge: tuple[float, float, float] | None = None


def outlooks(store: Store, policies: PolicySet | None, now: float) -> list[Outlook]:
    """Given a store and the set in force, return what can be said of each series that its tasks name, the worst first.

    Where no task looks ahead, what such a task looks at by default.
    """
    options = [
        json.loads(task.options) for task in (policies.tasks.values() if policies else ()) if task.action == ACTION
    ]
    found: dict[object, Outlook] = {}
    keys = store.samples.series()
    for one in options or [_default()]:
        bounds = Bounds(horizon=one["horizon"], least=one["least"])
        series = [(key, subject) for key, subject in chosen(one["signals"], keys, bounds) if key not in found]
        found.update((outlook.key, outlook) for outlook in looked(store.samples.read, series, now))
    return sorted(found.values(), key=_place)


def _default() -> Mapping[str, Any]:
    made: Mapping[str, Any] = normalise(plan_of(Schemas().action(ACTION)), {}, [])
    return made


def _place(outlook: Outlook) -> tuple[int, float, object]:
    forecast = outlook.forecast
    return _WORST.index(forecast.state), math.inf if forecast.days is None else forecast.days, outlook.key


def curve(outlook: Outlook) -> Curve:
    """Given what is said of a series, return its picture; it ends about where the limit is reached."""
    forecast, points = outlook.forecast, outlook.points
    now = forecast.now
    since = forecast.since or (points.times[0] if points.times else now - DAY)
    start = max(points.times[0] if points.times else since, since - (now - since) / 4)
    ahead = DAY * min(forecast.latest or forecast.reach or 0.0, 2 * (forecast.days or 0.0) + 1)
    end = now + max(min(ahead, 2 * (now - start)), (now - start) / 4)
    shown = _thinned(outlook, start, end)
    known = [value for _, value in shown] or [forecast.limit]
    low, high = min(*known, forecast.limit), max(*known, forecast.limit)
    if outlook.subject.empty is not None:
        low, high = min(low, outlook.subject.empty), max(high, outlook.subject.empty)
    line = wedge = None
    if forecast.state in (State.GROWING, State.STEADY):
        first = max(since, start)
        line = (
            (first, forecast.level + forecast.per_day * (first - now) / DAY),
            (end, forecast.level + forecast.per_day * (end - now) / DAY),
        )
    if forecast.state is State.GROWING and forecast.soonest is not None:
        latest = forecast.reach if forecast.latest is None else forecast.latest
        wedge = (forecast.level, now + DAY * forecast.soonest, now + DAY * latest)
    return Curve(
        start=start, now=now, end=end, low=low, high=high, limit=forecast.limit, shown=shown, line=line, wedge=wedge
    )


def _thinned(outlook: Outlook, start: float, end: float) -> tuple[tuple[float, float], ...]:
    points = outlook.points
    worst, numbers = (min, points.low) if outlook.subject.falling else (max, points.high)
    width = max(1.0, (end - start) / POINTS)
    places: dict[int, list[float]] = {}
    for time, value in zip(points.times, numbers, strict=True):
        if time >= start:
            places.setdefault(int((time - start) / width), []).append(value)
    return tuple((start + (place + 0.5) * width, worst(values)) for place, values in sorted(places.items()))


def days(outlooks_: Iterable[Outlook]) -> Sequence[Outlook]:
    """Return those of which a day can be named, or that are full."""
    return [one for one in outlooks_ if one.forecast.state in (State.FULL, State.GROWING)]
