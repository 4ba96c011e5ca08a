"""Forecasts replayed over generated histories, beside the rule that Netdata ships for disks that fill up.

Netdata takes the lowest free space of 60 to 50 minutes ago less that of now for the rate, and alarms below 8 hours
left; here the same rule is asked for the week that ours is asked for, hour by hour. "Calm" histories never fill up:
files and logs that come and go, steps, cycles, clean-ups, boots, noise. "Filling" ones do, at several rates and amounts
of noise.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from statistics import median

from agent.rules.forecast import LEVEL, Forecast, State, Subject, forecast
from tests.rules.histories import BOUNDED, DAY, FILLING, T0, History, history

SEEDS = range(int(os.environ.get("HOSTKEEPER_BENCH_ROUNDS", "3")))
WITHIN = 7.0
LEFT = (25.3, 19.2, 14.4, 11.1, 8.7, 7.4, 6.6, 5.8, 5.1, 4.2, 3.3, 2.4, 1.3)
CALM_DAYS = [8.3 + 2.7 * place for place in range(18)]

Row = tuple[str, float, float, float, float]


def run() -> list[Row]:
    """Return rows: name, ours, Netdata's rule or what is stated, the ratio, and the goal for it."""
    calm = [history(shape, 60, seed, noise, boots) for shape, noise, boots in BOUNDED.values() for seed in SEEDS]
    ours = sum(_alarms(_asked(made, day)) for made in calm for day in CALM_DAYS) / (len(calm) * len(CALM_DAYS))
    theirs = [day for made in calm for day in _hours(made, 8.0, 60.0) if _hourly(made, day) <= WITHIN]
    hours = len(calm) * (60 - 8) * 24
    rows = [_row("false alarms, share of all looks at calm histories", ours, len(theirs) / hours, 0.01)]
    return rows + _filling()


def _filling() -> list[Row]:
    outside, errors, theirs, leads = [], [], [], []
    for shape, noise in FILLING.values():
        for seed in SEEDS:
            made = history(shape, 90, 100 + seed, noise)
            first = 0.0
            for left in LEFT:
                found = _asked(made, made.full - left)
                if _alarms(found) and not first:
                    first = left
                if found.state is State.GROWING and found.days is not None:
                    latest = math.inf if found.latest is None else found.latest
                    outside.append(not (found.soonest or 0.0) <= left <= latest)
                    if left <= 2 * WITHIN:
                        errors.append(abs(found.days - left) / left)
                        theirs.append(min(10.0, abs(_hourly(made, made.full - left) - left) / left))
            leads.append(first)
    late = sum(lead < 3 for lead in leads) / len(leads)
    return [
        _row("error of the days left in the last two weeks, median share", median(errors), median(theirs), 0.25),
        _row(
            "truth outside the interval, beside the share that is stated", sum(outside) / len(outside), 1 - LEVEL, 1.0
        ),
        _row("first alarm for a week, days before (median), beside a week", WITHIN, median(leads), 1.5),
        ("histories whose first alarm came less than 3 days before, share", late, 0.1, late / 0.1, 1.0),
    ]


def _row(name: str, ours: float, beside: float, goal: float) -> Row:
    return name, ours, beside, ours / beside if beside else math.inf, goal


def _asked(made: History, day: float) -> Forecast:
    boots = tuple(boot for boot in made.boots if boot <= T0 + day * DAY)
    return forecast(made.until(day), Subject(limit=100.0, empty=0.0, boots=boots), T0 + day * DAY)


def _alarms(found: Forecast) -> bool:
    return found.state is State.GROWING and found.days is not None and found.days <= WITHIN


def _hours(made: History, start: float, end: float) -> Iterator[float]:
    return (hour / 24 for hour in range(round(start * 24), min(round(end * 24), len(made.points.times))))


def _hourly(made: History, day: float) -> float:
    """Return the days left by the change of the last hour, infinite where nothing was used up."""
    hour = math.floor(day * 24) - 1
    rate = (made.points.mean[hour] - made.points.mean[hour - 1]) * 24
    return (100 - made.points.mean[hour]) / rate if rate > 0 else math.inf
