"""What will be full and when as a picture (PNG), for what takes no page: a ticket, a chat, a slide.

Pillow draws it and brings the one font that is sure to be there. It has ASCII alone; what else there is, is escaped.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw

from agent.report.field import HEIGHT as FIELD
from agent.report.field import INK, LIMIT, SHADE, SOFT, TEXT, WHITE, field
from agent.report.field import WIDTH as FIELD_WIDTH
from agent.report.lettering import Lettering
from agent.report.panels import NOTHING, Panel, drawn, panel
from agent.report.period import Period
from agent.report.wording import many
from agent.rules.capacity import Outlook
from agent.rules.forecast import LEVEL

WIDTH, HEAD, PANEL = 1000, 84, 240
"""Pixels: of the whole, of what stands above the curves, and of the height that each takes."""

_EDGE, _LEFT = 24, 96
_RIGHT = _LEFT + FIELD_WIDTH
_LEGEND = (
    ("measured", INK),
    ("how it goes on", SOFT),
    (f"where it comes to lie in {LEVEL:.0%} of such cases", SHADE),
    ("limit", LIMIT),
)


def picture(found: Sequence[Outlook], host: str, period: Period, made: float) -> bytes:
    """Given what can be said of each series, the worst first, the host's name and when it is, return a PNG."""
    panels = [panel(one, period.zone) for one in drawn(found)]
    image = Image.new("RGB", (WIDTH, HEAD + PANEL * max(1, len(panels))), WHITE)
    draw = ImageDraw.Draw(image)
    large, text = Lettering(draw, 22), Lettering(draw, 15)
    when = f"{period.local(made):%d %b %Y, %H:%M} {period.zone}"
    start = WIDTH - _EDGE - text.width(when, 340)
    large.write((_EDGE, 24), f"What fills up on {host}", TEXT, start - 2 * _EDGE)
    text.write((start, 24), when, SOFT, 340)
    if panels:
        _legend(draw, text)
        shown = f"{len(panels)} of {many(len(found), 'series', 'series')}"
        text.write((WIDTH - _EDGE - text.width(shown, 200), 58), shown, SOFT, 200)
    else:
        text.write((_EDGE, HEAD + PANEL // 2), NOTHING, SOFT, WIDTH - 2 * _EDGE)
    for place, one in enumerate(panels):
        _panel(image, text, one, HEAD + PANEL * place)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _legend(draw: ImageDraw.ImageDraw, text: Lettering) -> None:
    x = float(_EDGE)
    for words, colour in _LEGEND:
        draw.rectangle((x, 52, x + 13, 63), fill=colour)
        x = 30 + text.write((x + 20, 58), words, SOFT, 400)


def _panel(image: Image.Image, text: Lettering, one: Panel, top: int) -> None:
    said = WIDTH - _EDGE - text.width(one.said, 420)
    text.write((said, top + 20), one.said, SOFT, 420)
    end = text.write((_EDGE, top + 20), one.name, TEXT, said - 2 * _EDGE - 120)
    text.write((end + 12, top + 20), one.unit, SOFT, 120)
    upper = top + 42
    image.paste(field(one), (_LEFT, upper))
    for share, level in zip((0.0, 0.5, 1.0), one.levels, strict=True):
        room = _LEFT - _EDGE
        text.write((_LEFT - 10 - text.width(level, room), upper + share * FIELD), level, SOFT, room)
    text.write((_RIGHT + 10, upper + (1 - one.limit) * FIELD), one.at_limit, LIMIT, WIDTH - _RIGHT - 10)
    for share, date in zip((0.0, 0.5, 1.0), one.dates, strict=True):
        wide = text.width(date, 120)
        text.write((_LEFT + share * (FIELD_WIDTH - wide), upper + FIELD + 16), date, SOFT, 120)
    # Away from the limit, which the curve comes near to.
    beside = FIELD - 12 if one.limit >= 0.5 else 12
    text.write((_LEFT + one.now * FIELD_WIDTH + 5, upper + beside), "now", SOFT, 60)
