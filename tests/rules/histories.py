"""Histories of things that fill up, drawn from a seed: what comes and goes, and what leaks. All are in percent."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Mapping

from msgspec import Struct

from agent.model.signals import Points

DAY = 86_400.0
T0 = 20_000 * DAY
"""A Thursday, midnight."""

PER_HOUR = 4
"""Samples of an hour: enough for its extremes to differ from its mean."""

Shape = Callable[[float, random.Random], float]
"""What a thing holds, in percent, by the day of the history."""


class History(Struct, frozen=True):
    """A whole history by the hour; `full` is the day on which 100 is reached first, infinite for never."""

    points: Points
    full: float
    boots: tuple[float, ...] = ()

    def until(self, day: float) -> Points:
        """Return what was known on a day."""
        count = math.floor(day * 24)
        whole = self.points
        return Points(*(getattr(whole, name)[:count] for name in ("times", "steps", "low", "mean", "high", "counts")))


def history(shape: Shape, days: float, seed: int, noise: float, boots: tuple[float, ...] = ()) -> History:
    """Given what a thing holds by the day, return so many days of it; `noise` is what it varies by at random.

    The noise is half white and half such that it keeps for some hours.
    """
    draw = random.Random(seed)
    columns = tuple(array("d") for _ in range(4))
    full, slow = math.inf, 0.0
    for hour in range(round(days * 24)):
        values = []
        for part in range(PER_HOUR):
            day = (hour + part / PER_HOUR) / 24
            slow = 0.98 * slow + 0.2 * draw.gauss(0, noise)
            value = max(0.0, shape(day, draw) + 0.5 * slow + 0.5 * draw.gauss(0, noise))
            if value >= 100 and math.isinf(full):
                full = day
            values.append(min(100.0, value))
        columns[0].append(T0 + hour * 3600)
        columns[1].append(min(values))
        columns[2].append(sum(values) / len(values))
        columns[3].append(max(values))
    times, low, mean, high = columns
    count = len(times)
    points = Points(times, array("I", [3600]) * count, low, mean, high, array("d", [PER_HOUR]) * count)
    return History(points, full, tuple(T0 + boot * DAY for boot in boots))


def nightly(height: float) -> Shape:
    """A temporary file for an hour and a half each night."""
    return lambda day, _: height if 2 / 24 <= day % 1 < 3.5 / 24 else 0.0


def rotated(height: float, every: float) -> Shape:
    """A log that grows and is rotated away."""
    return lambda day, _: height * (day % every) / every


def leak(per_day: float, since: float = 0.0) -> Shape:
    """What is never given back."""
    return lambda day, _: per_day * max(0.0, day - since)


def stairs(per_day: float) -> Shape:
    """What grows by one import each night and is never given back."""
    return lambda day, _: per_day * math.floor(day)


def step(height: float, at: float) -> Shape:
    """What comes once and stays."""
    return lambda day, _: height if day >= at else 0.0


def week(height: float) -> Shape:
    """What is used on working days, and less at night."""
    return lambda day, _: (
        height * (0.0 if int(day + 3) % 7 in (5, 6) else 0.7 + 0.3 * math.sin(math.pi * (day % 1)) ** 2)
    )


def wave(height: float) -> Shape:
    """What goes up and down gently within a week."""
    return lambda day, _: height * math.sin(2 * math.pi * day / 7) / 2


def cleaned(per_day: float, every: float) -> Shape:
    """What grows and is cleaned away when somebody thinks of it: not each time after the same time."""

    def held(day: float, _: random.Random) -> float:
        number, start = 0, 0.0
        while day >= (end := start + every * (0.8 + 0.4 * random.Random(number).random())):
            number, start = number + 1, end
        return per_day * (day - start)

    return held


def spike(height: float, at: float, hours: float) -> Shape:
    """What comes once and goes."""
    return lambda day, _: height if at <= day < at + hours / 24 else 0.0


def rebooted(per_day: float, every: float) -> Shape:
    """What leaks until the next boot."""
    return lambda day, _: per_day * (day % every)


def together(*shapes: Shape) -> Shape:
    """Several at once."""
    return lambda day, draw: sum(shape(day, draw) for shape in shapes)


def flat(height: float) -> Shape:
    """What is always there."""
    return lambda _day, _draw: height


BOUNDED: Mapping[str, tuple[Shape, float, tuple[float, ...]]] = {
    "a nightly temporary file": (together(flat(60), nightly(30)), 0.3, ()),
    "a log rotated each day": (together(flat(55), rotated(25, 1)), 0.3, ()),
    "a log rotated each week": (together(flat(55), rotated(20, 7)), 0.3, ()),
    "a step": (together(flat(50), step(38, 20.4)), 0.3, ()),
    "two steps": (together(flat(40), step(20, 12.2), step(25, 27.8)), 0.3, ()),
    "a weekly cycle": (together(flat(40), week(45)), 1.0, ()),
    "a gentle weekly wave": (together(flat(70), wave(30)), 1.0, ()),
    "growth and clean-up": (together(flat(35), cleaned(2.0, 20)), 0.3, ()),
    "a leak until the next boot": (together(flat(30), rebooted(3.0, 10)), 1.0, tuple(range(10, 60, 10))),
    "one great temporary file": (together(flat(60), spike(39, 25.3, 8)), 0.3, ()),
    "noise alone": (flat(80), 4.0, ()),
    "nearly full and flat": (flat(96), 0.5, ()),
}
"""What never fills up: by name the shape, the noise and the days of boots."""

FILLING: Mapping[str, tuple[Shape, float]] = {
    f"{name}, noise {noise:g}": (together(flat(40), shape), noise)
    for name, shape in {
        "a leak of 0.8 a day": leak(0.8),
        "a leak of 2 a day": leak(2.0),
        "a leak of 3 a day from day 20 on": leak(3.0, 20),
        "stairs of 1.5 a day": stairs(1.5),
        "a leak of 1 a day beside a nightly file": together(leak(1.0), nightly(10)),
        "a leak of 1 a day beside a weekly log": together(leak(1.0), rotated(12, 7)),
        "a leak of 1 a day beside a weekly cycle": together(leak(1.0), week(10)),
    }.items()
    for noise in (0.2, 1.0, 3.0)
}
"""What fills up: by name the shape and the noise."""
