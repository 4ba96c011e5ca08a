"""How good forecasts were: each day's are kept until what they told of has come, and then compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from agent.rules.capacity import Outlook
from agent.rules.envelope import DAY
from agent.rules.forecast import State

MOST_JUDGED = 60
"""So many comparisons of a series are kept: the newest."""

ONCE = 0.9 * DAY
"""How long after the last one a forecast is kept again."""

FARTHEST = 7.0
"""The number of days ahead by which forecasts are judged."""

Record = dict[str, Any]
"""Of one series: `open` are instants of forecasts with the ends and the middle of what is to come and the seconds of
its peaks; `judged` are by how much each was too high, and whether the truth was in its interval."""


def judged(before: object, outlook: Outlook) -> Record:
    """Given what is remembered of a series and what is said of it now, return what to remember."""
    known = before if isinstance(before, dict) else {"open": [], "judged": []}
    forecast, now = outlook.forecast, outlook.forecast.now
    waiting = []
    done = list(known["judged"])
    for made, low, likely, high, window in known["open"]:
        if made + FARTHEST * DAY > now:
            waiting.append([made, low, likely, high, window])
            continue
        came = _peak(outlook, made + FARTHEST * DAY, window)
        if came is not None:
            done.append([round(likely - came, 6), int(low <= came <= high)])
    last = max((one[0] for one in waiting), default=0.0)
    if forecast.state is not State.LEARNING and now - last >= ONCE:
        ahead = [level for level in forecast.ahead if level.days == FARTHEST]
        waiting += [[now, level.low, level.likely, level.high, forecast.window] for level in ahead]
    return {"open": waiting, "judged": done[-MOST_JUDGED:]}


def _peak(outlook: Outlook, at: float, window: float) -> float | None:
    """Return how far it went towards its limit in so many seconds before an instant."""
    points = outlook.points
    falling = outlook.subject.falling
    numbers = points.low if falling else points.high
    within = [value for time, value in zip(points.times, numbers, strict=True) if at - window < time <= at]
    return (min(within) if falling else max(within)) if within else None


def errors(record: Mapping[str, Sequence[Any]]) -> tuple[float, float] | None:
    """Return the middle size of the errors and how many percent of the truths were within; None before any."""
    done = record["judged"]
    if not done:
        return None
    return median([abs(error) for error, _ in done]), 100.0 * sum(hit for _, hit in done) / len(done)
