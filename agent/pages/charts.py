"""Charts with axes that people can read. The drawing stretches to the room there is; its labels are text beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from agent.pages.html import Child, Markup, element

HEIGHT = 100
_STEP = 10
_ROUND = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_ROUND_SECONDS = tuple(
    unit * step for unit, steps in ((1, (1, 2, 4, 10, 20, 30)), (60, (1, 2, 4, 10, 20, 30)), (3600, (1, 2, 4, 8, 12)))
    for step in steps
)  # fmt: skip


def ceiling(value: float) -> float:
    """Given the greatest number of a chart, return a round one that is not less, and whose half is round too."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(scale * step for step in _ROUND if scale * step >= value * (1 - 1e-9))


def ceiling_of_counts(value: float) -> float:
    """Given the greatest count of a chart, return an even number that is round and not less."""
    return 2 * math.ceil(ceiling(max(2.0, value)) / 2)


def ceiling_of_seconds(value: float) -> float:
    """Given the longest duration of a chart in seconds, return one that is round as clocks have it and not less."""
    if not value > 1:
        return ceiling(value)
    days = 86_400 * ceiling(value / 86_400)
    return next((float(step) for step in _ROUND_SECONDS if step >= value), days)


def plot(drawing: Markup, levels: Sequence[str], places: Sequence[str], *, each: bool = False) -> Markup:
    """Given a drawing, the labels of its levels from the top down, and those below it from the left, join them.

    With `each`, every column has its own label below it; otherwise they are spread from edge to edge.
    """
    below = "scale each" if each else "scale"
    return element(
        "div",
        element("div", [element("span", level) for level in levels], class_="levels", aria_hidden="true"),
        drawing,
        element("div", [element("span", text) for text in places], class_=below, aria_hidden="true"),
        class_="plot",
    )


def columns(slices: Sequence[tuple[str, Mapping[str, float]]], top: float, label: str) -> Markup:
    """Given slices of time, each with what it says when pointed at and its parts by class, return stacked columns.

    `top` is the number at the upper edge.
    """
    width = _STEP * len(slices)
    paths: dict[str, list[str]] = {}
    hits = []
    for index, (title, parts) in enumerate(slices):
        left, foot = _STEP * index + 1, 0.0
        for name, number in parts.items():
            if number > 0:
                # The least that can be seen, so that one failure among thousands of runs is.
                head = foot + max(1.5, number * HEIGHT / top)
                box = f"M{left} {HEIGHT - foot:.1f}V{HEIGHT - head:.1f}h{_STEP - 2}V{HEIGHT - foot:.1f}z"
                paths.setdefault(name, []).append(box)
                foot = head
        words = element("title", title)
        hits.append(element("rect", words, class_="hit", x=_STEP * index, y=0, width=_STEP, height=HEIGHT))
    content = [element("path", class_=name, d="".join(d)) for name, d in paths.items()]
    return _drawing("columns", label, width, [content, hits])


def dots(points: Sequence[tuple[float, float, str]], levels: Sequence[float], label: str) -> Markup:
    """Given points, each as fractions of the width and the height and its class, return them as dots.

    `levels` are further heights, as fractions, at which a broken line is drawn.
    """
    width = 1000
    paths: dict[str, list[str]] = {}
    for x, y, name in points:
        paths.setdefault(name, []).append(f"M{width * x:.0f} {HEIGHT * (1 - y):.1f}h0")
    marks = "".join(f"M0 {HEIGHT * (1 - level):.1f}H{width}" for level in levels)
    content: list[Child] = [element("path", class_="mark", d=marks)] if marks else []
    content += [element("path", class_=f"dot {name}", d="".join(d)) for name, d in paths.items()]
    return _drawing("dots", label, width, content)


def _drawing(kind: str, label: str, width: int, content: Child) -> Markup:
    grid = "".join(f"M0 {height}H{width}" for height in (0, HEIGHT // 2, HEIGHT))
    return element(
        "svg",
        element("path", class_="level", d=grid),
        content,
        class_=f"chart {kind}",
        viewBox=f"0 0 {width or 1} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
