"""Text in a picture: harmless, of characters that the font has, and no wider than its room."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

from agent.pages.html import plain

_MOST = 200
"""More characters have room in no line."""

_DOTS = "..."


class Lettering:
    """Writes in one size, pixels; places are the left end and the middle of the height."""

    def __init__(self, draw: ImageDraw.ImageDraw, size: int) -> None:
        self._draw, self._font = draw, _font(size)
        _, top, _, bottom = self._font.getbbox("H0")
        self._middle = (top + bottom) / 2

    def write(self, place: tuple[float, float], text: str, colour: tuple[int, ...], room: float) -> float:
        """Write text, of which what has no room is left out in its middle, and return where it ends."""
        fitted = self._fitted(text, room)
        self._draw.text((place[0], place[1] - self._middle), fitted, fill=colour, font=self._font)
        return place[0] + self._font.getlength(fitted)

    def width(self, text: str, room: float) -> float:
        """Return how wide text would be."""
        return self._font.getlength(self._fitted(text, room))

    def _fitted(self, text: str, room: float) -> str:
        line = _readable(text)
        if self._font.getlength(line) <= room:
            return line
        few, many = 0, min(len(line), 2 * _MOST)
        while few < many:
            kept = (few + many + 1) // 2
            few, many = (kept, many) if self._font.getlength(_cut(line, kept)) <= room else (few, kept - 1)
        return _cut(line, few)


def _cut(line: str, kept: int) -> str:
    """Return a line with so many of its characters, from its beginning and its end."""
    return line[: (kept + 1) // 2] + _DOTS + line[len(line) - kept // 2 :]


def _readable(text: str) -> str:
    """Given text from anywhere, return one line of ASCII; what is no such character is written as an escape."""
    if len(text) > 2 * _MOST:
        text = text[:_MOST] + _DOTS + text[-_MOST:]
    escaped = plain(text).encode("ascii", "backslashreplace").decode("ascii")
    return escaped.replace("\n", "\\n").replace("\t", "\\t")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow brings; before its version 10.1, and without FreeType, that is one of one size."""
    try:
        return ImageFont.load_default(size)
    except (TypeError, ImportError):
        return ImageFont.load_default()
