"""A straight line that outliers do not bend (Theil and Sen), and how sure it is (a bootstrap of blocks)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

Point = tuple[float, float]

MOST = 30
"""A line is laid through so many points at most, evenly drawn: slopes are as many as half their square."""

ROUNDS = 200
"""How often the line is laid anew to see how it varies."""


class Line(Struct, frozen=True):
    """A line: its height at an instant, and what it rises by in a unit of time."""

    at: float
    height: float
    slope: float

    def __call__(self, time: float) -> float:
        """Return its height at a time."""
        return self.height + self.slope * (time - self.at)


def thinned(points: Sequence[Point], most: int = MOST) -> list[Point]:
    """Given points, return up to `most` of them, evenly drawn, the last one among them."""
    every = -(-len(points) // most)
    return list(points[(len(points) - 1) % every :: every]) if points else []


def line(points: Sequence[Point], at: float) -> Line:
    """Given at least two points at different times, return their line: the median of all slopes, and of all heights."""
    slope = median([(y2 - y1) / (x2 - x1) for place, (x1, y1) in enumerate(points) for x2, y2 in points[place + 1 :]])
    return Line(at, median([y - slope * (x - at) for x, y in points]), slope)


def residuals(points: Sequence[Point], through: Line) -> list[float]:
    """Return how far above a line each point lies."""
    return [y - through(x) for x, y in points]


def others(points: Sequence[Point], through: Line, block: int, seed: int) -> list[Line]:
    """Given points and their line, return lines as they would have come out with the same noise in another order.

    The noise is drawn in stretches of `block` points, since what lies close together is alike. `seed` makes the
    outcome the same each time.
    """
    draw = random.Random(seed)  # noqa: S311 - a statistic, not a secret
    noise = residuals(points, through)
    size = max(1, min(block, len(points) // 3))
    # A line laid through few points hugs them: what is left over is less than the noise by what the line took.
    grown = (len(points) / max(1.0, len(points) - 2.0 * size)) ** 0.5
    result = []
    for _ in range(ROUNDS):
        drawn: list[float] = []
        while len(drawn) < len(points):
            start = draw.randrange(len(points) - size + 1)
            drawn += noise[start : start + size]
        made = [(x, through(x) + grown * more) for (x, _), more in zip(points, drawn, strict=False)]
        result.append(line(made, through.at))
    return result


def quantile(values: Sequence[float], share: float) -> float:
    """Given numbers in order, infinite ones included, return the one that a share of them does not exceed."""
    return values[min(len(values) - 1, max(0, round(share * (len(values) - 1))))]
