"""Curves in a terminal, four rows of dots to a line of text; in plain ASCII where the terminal knows no more."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from agent.engine.capacity import Curve

WIDTH, HEIGHT = 68, 10
"""With what is written before them, the lines have room on a terminal of 80 columns."""

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800
_PLAIN = {"─": "-", "░": ":", "·": ".", "│": "|"}


class Canvas:
    """A field of characters, drawn on by fractions of its width and height, from the lower left corner."""

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._width, self._height = width, height
        self._signs: dict[tuple[int, int], str] = {}
        self._dots: dict[tuple[int, int], int] = {}

    def sign(self, x: float, y: float, sign: str) -> None:
        """Put a character at a place, if it lies in the field."""
        if 0 <= x <= 1 and 0 <= y <= 1:
            column = min(self._width - 1, int(x * self._width))
            self._signs[column, min(self._height - 1, int(y * self._height))] = sign

    def level(self, y: float, sign: str) -> None:
        """Draw a level line."""
        for column in range(self._width):
            self.sign((column + 0.5) / self._width, y, sign)

    def through(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw what was measured: a dot for each point, and what lies between it and the one before on its height."""
        before: int | None = None
        for x, y in points:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                continue
            column = min(2 * self._width - 1, int(x * 2 * self._width))
            row = min(4 * self._height - 1, int(y * 4 * self._height))
            start = row if before is None else before + (1 if row > before else -1 if row < before else 0)
            for between in range(min(start, row), max(start, row) + 1):
                cell = (column // 2, between // 4)
                self._dots[cell] = self._dots.get(cell, 0) | _DOTS[column % 2][3 - between % 4]
            before = row

    def lines(self, *, plain: bool) -> list[str]:
        """Return the field as lines of text, the uppermost first."""
        return [
            "".join(self._shown((column, row), plain=plain) for column in range(self._width)).rstrip()
            for row in reversed(range(self._height))
        ]

    def _shown(self, cell: tuple[int, int], *, plain: bool) -> str:
        if cell in self._dots:
            return "*" if plain else chr(_BRAILLE + self._dots[cell])
        sign = self._signs.get(cell, " ")
        return _PLAIN.get(sign, sign) if plain else sign


def is_plain() -> bool:
    """Tell whether standard output takes ASCII alone."""
    return not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf8")


def drawn(picture: Curve, *, plain: bool) -> list[str]:
    """Given a curve, return its lines: the interval is shaded, the line dotted, and the limit a line across."""
    canvas = Canvas()
    wide, tall = max(picture.end - picture.start, 1.0), max(picture.high - picture.low, 1e-9)

    def place(time: float, value: float) -> tuple[float, float]:
        return (time - picture.start) / wide, (value - picture.low) / tall

    if picture.wedge is not None:
        _shade(canvas, picture, place)
    canvas.level(place(0, picture.limit)[1], "─")
    if picture.line is not None:
        (t1, v1), (t2, v2) = picture.line
        for step in range(WIDTH + 1):
            share = step / WIDTH
            canvas.sign(*place(t1 + share * (t2 - t1), v1 + share * (v2 - v1)), "·")
    now = place(picture.now, 0)[0]
    for row in range(HEIGHT):
        canvas.sign(now, (row + 0.5) / HEIGHT, "│")
    canvas.through([place(*point) for point in picture.shown])
    return canvas.lines(plain=plain)


def _shade(canvas: Canvas, picture: Curve, place: Callable[[float, float], tuple[float, float]]) -> None:
    assert picture.wedge is not None
    level, soonest, latest = picture.wedge
    now, limit = picture.now, picture.limit
    for column in range(WIDTH):
        time = picture.start + (column + 0.5) / WIDTH * (picture.end - picture.start)
        if time <= now:
            continue
        ends = [level + (limit - level) * min(1.0, (time - now) / max(end - now, 1.0)) for end in (soonest, latest)]
        low, high = sorted(place(0, end)[1] for end in ends)
        for row in range(HEIGHT):
            if low <= (row + 0.5) / HEIGHT <= high:
                canvas.sign((column + 0.5) / WIDTH, (row + 0.5) / HEIGHT, "░")
