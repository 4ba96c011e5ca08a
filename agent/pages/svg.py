"""Small drawings without axes: a line through numbers, stacked bars, a row of marks, a day.

Colours, widths and sizes are the style sheet's, by class. Drawings stretch to whatever room they are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from agent.pages.html import Markup, element

WIDTH, HEIGHT = 240, 48
"""Units of every drawing. Points are whole units: finer ones could not be seen and would weigh more."""

_EDGE = 3


def sparkline(
    values: Sequence[float | None],
    label: str,
    *,
    low: float | None = None,
    high: float | None = None,
    marks: Sequence[float] = (),
) -> Markup:
    """Given numbers at even distances (None: unknown) and what a listener is told of them, return a line drawing.

    `low` and `high` are the least range shown; numbers beyond it widen it. `marks` are drawn as level lines where the
    range holds them. A number without a neighbour is a dot.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return _drawing("spark", label, ())
    bottom = min(known) if low is None else min(low, *known)
    top = max(known) if high is None else max(high, *known)
    place = _placing(bottom, top, flat=0.0 if bottom == low else 0.5)
    step = WIDTH / max(1, len(values) - 1)
    stretches = [[(round(index * step), place(value)) for index, value in stretch] for stretch in _stretches(values)]
    under = "".join(f"M{found[0][0]} {HEIGHT}V{found[0][1]}{_through(found)}V{HEIGHT}z" for found in stretches)
    line = "".join(f"M{found[0][0]} {found[0][1]}{_through(found) or 'h0'}" for found in stretches)
    levels = "".join(f"M0 {place(mark)}H{WIDTH}" for mark in marks if bottom <= mark <= top)
    return _drawing(
        "spark",
        label,
        (
            element("path", class_="area", d=under),
            element("path", class_="mark", d=levels) if levels else None,
            element("path", class_="line", d=line),
        ),
    )


def _placing(bottom: float, top: float, flat: float) -> Callable[[float], int]:
    """Given the range shown, return what places a number in it; `flat` is how high it lies where they are the same."""
    # Numbers so far apart that their distance is none are still drawn: halves of them are not.
    part = 0.5 if math.isinf(top - bottom) else 1.0
    reach = part * top - part * bottom

    def place(value: float) -> int:
        # In this order, since the distance of the smallest numbers has no reciprocal.
        height = (part * value - part * bottom) / reach if reach > 0 else flat
        return round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * height)

    return place


def bars(columns: Sequence[Mapping[str, float]], label: str) -> Markup:
    """Given columns of parts, each a number of zero or more by the class that colours it, return stacked bars.

    Parts lie upon each other in the order of the first column that has them; all columns share one scale.
    """
    classes = list(dict.fromkeys(name for column in columns for name in column))
    tallest = max((sum(column.values()) for column in columns), default=0.0)
    if tallest <= 0:
        return _drawing("bars", label, ())
    width = WIDTH / len(columns)
    paths: dict[str, list[str]] = {name: [] for name in classes}
    for index, column in enumerate(columns):
        left, right = round(index * width, 1), round((index + 0.84) * width, 1)
        below = 0.0
        for name in classes:
            part = column.get(name, 0.0)
            if part > 0:
                # The least that can be seen, so that one failure among thousands of runs is.
                foot, head = below, max(below + 1.5, below + part * (HEIGHT - 1) / tallest)
                paths[name].append(f"M{left:g} {HEIGHT - foot:.1f}V{HEIGHT - head:.1f}H{right:g}V{HEIGHT - foot:.1f}z")
                below = head
    return _drawing("bars", label, [element("path", class_=name, d="".join(d)) for name, d in paths.items() if d])


def ticks(classes: Sequence[str], label: str, room: int = 0) -> Markup:
    """Given the class of each of several marks, return them side by side, in a row that has room for so many."""
    paths: dict[str, list[str]] = {}
    for index, name in enumerate(classes):
        paths.setdefault(name, []).append(f"M{12 * index} 0h9v{HEIGHT}h-9z")
    content = [element("path", class_=name, d="".join(d)) for name, d in paths.items()]
    return _drawing("ticks", label, content, 12 * max(room, len(classes), 1))


def strip(
    spans: Iterable[tuple[float, float]], instants: Iterable[float], label: str, now: float | None = None
) -> Markup:
    """Given stretches, instants and the present of a day as fractions of it, return a band of the day with them.

    What lies outside the day is cut off; instants too close to be told apart are one.
    """
    within = [(max(0, round(WIDTH * start)), min(WIDTH, round(WIDTH * end))) for start, end in spans]
    areas = "".join(f"M{start} 0h{end - start}v{HEIGHT}h{start - end}z" for start, end in within if end > start)
    places = sorted({round((WIDTH - 2) * instant) for instant in instants if 0 <= instant <= 1})
    marks = "".join(f"M{place} 8h2v{HEIGHT - 16}h-2z" for place in places)
    present = f"M{round((WIDTH - 1) * now)} 0h1v{HEIGHT}h-1z" if now is not None and 0 <= now <= 1 else ""
    content = (("span", areas), ("at", marks), ("now", present))
    return _drawing("strip", label, [element("path", class_=name, d=d) for name, d in content if d])


def _drawing(kind: str, label: str, content: Sequence[Markup | None], width: int = WIDTH) -> Markup:
    return element(
        "svg",
        content,
        class_=kind,
        viewBox=f"0 0 {width} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _stretches(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Yield the runs of known numbers, each with its place."""
    stretch: list[tuple[int, float]] = []
    for index, value in enumerate(values):
        if value is not None and math.isfinite(value):
            stretch.append((index, value))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _through(points: Sequence[tuple[int, int]]) -> str:
    """Return the path from the first point through all others, in steps relative to the one before."""
    steps = []
    for (x, y), (next_x, next_y) in pairwise(points):
        down = next_y - y
        steps.append(f"l{next_x - x}{'' if down < 0 else ' '}{down}" if down else f"h{next_x - x}")
    return "".join(steps)
