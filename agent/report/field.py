"""The field of one curve as pixels: what was measured, a line through it, what may come, and the limit."""

from __future__ import annotations

import math
import re

from PIL import Image, ImageColor, ImageDraw

from agent.pages.curves import Point
from agent.report.panels import Panel
from agent.report.style import LIGHT

WIDTH, HEIGHT = 790, 150
"""Pixels."""

_FINE = 3
"""It is drawn so many times as large and made smaller, which makes lines smooth."""

_COLOURS = dict(re.findall(r"--(\w+):(#\w+)", LIGHT))
WHITE, TEXT, SOFT, EDGE, INK, LIMIT = (
    ImageColor.getrgb(_COLOURS[name]) for name in ("card", "text", "soft", "edge", "ink", "bad")
)
SHADE = tuple(round(0.82 * white + 0.18 * red) for white, red in zip(WHITE, LIMIT, strict=True))
_MOST = 4.0
"""No place is drawn farther off than so many widths or heights."""


def field(panel: Panel) -> Image.Image:
    """Given a curve as it is laid out, return its field."""
    image = Image.new("RGB", (_FINE * WIDTH, _FINE * HEIGHT), WHITE)
    draw = ImageDraw.Draw(image)
    if panel.shade:
        draw.polygon([_at(point) for point in panel.shade], fill=SHADE)
    _level(draw, 0.0, EDGE)
    now = round(_at((panel.now, 0.0))[0] / _FINE) * _FINE
    draw.rectangle((now, 0, now + _FINE - 1, _FINE * HEIGHT), fill=EDGE)
    _level(draw, panel.limit, LIMIT)
    if panel.line:
        _dashed(draw, *(_at(point) for point in panel.line))
    course = [_at(point) for point in panel.shown]
    if len(course) > 1:
        draw.line(course, fill=INK, width=2 * _FINE, joint="curve")
    for x, y in course[:1]:
        draw.ellipse((x - _FINE, y - _FINE, x + _FINE, y + _FINE), fill=INK)
    return image.reduce(_FINE)


def _at(point: Point) -> Point:
    """Given fractions from the lower left corner, return the place; what is no number lies far below."""
    x, y = (min(_MOST, max(-_MOST, share)) for share in point)
    return x * _FINE * WIDTH, (1 - y) * _FINE * HEIGHT


def _level(draw: ImageDraw.ImageDraw, share: float, colour: tuple[int, ...]) -> None:
    # On whole pixels, so that it is as clear when it is made smaller.
    top = _FINE * min(HEIGHT - 1, round(_at((0.0, share))[1] / _FINE))
    draw.rectangle((0, top, _FINE * WIDTH, top + _FINE - 1), fill=colour)


def _dashed(draw: ImageDraw.ImageDraw, start: Point, end: Point) -> None:
    long = math.dist(start, end)
    for dash in range(0, math.ceil(long), 7 * _FINE):
        ends = (dash / long, min(1.0, (dash + 4 * _FINE) / long))
        draw.line(
            [(start[0] + at * (end[0] - start[0]), start[1] + at * (end[1] - start[1])) for at in ends],
            fill=SOFT,
            width=_FINE,
        )
