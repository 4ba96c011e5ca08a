"""Curves of what fills up: what was measured, a line through it, what may come, and the limit."""

from __future__ import annotations

from collections.abc import Sequence

from agent.pages.charts import HEIGHT
from agent.pages.html import Markup, element

WIDTH = 1000

Point = tuple[float, float]
"""Fractions of the width, and of the height from below."""


def curve(
    shown: Sequence[Point], line: Sequence[Point], shade: Sequence[Point], limit: float, now: float, label: str
) -> Markup:
    """Given what was measured, the line, the corners of what may come, and where the limit and now lie, draw them."""
    return element(
        "svg",
        element("path", class_="level", d=f"M0 {HEIGHT}H{WIDTH}M{WIDTH * now:.0f} 0V{HEIGHT}"),
        element("path", class_="shade", d=f"{_path(shade)}z") if shade else None,
        element("path", class_="limit", d=f"M0 {_y(limit)}H{WIDTH}"),
        element("path", class_="mark", d=_path(line)) if line else None,
        element("path", class_="course", d=_path(shown)) if shown else None,
        class_="chart curve",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{WIDTH * x:.0f} {_y(y)}" for x, y in points)


def _y(share: float) -> str:
    return f"{HEIGHT * (1 - min(1.2, max(-0.2, share))):.1f}"
