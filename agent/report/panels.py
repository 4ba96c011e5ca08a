"""Curves of what fills up as they are laid out: what pages and pictures of them show, and where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from msgspec import Struct

from agent.engine.capacity import Curve, curve, days
from agent.pages.curves import Point
from agent.probes.catalogue import SIGNALS
from agent.readable import amount
from agent.report.period import Period
from agent.rules.capacity import Outlook, named
from agent.rules.forecast import State

MOST = 12
"""So many curves are drawn."""

NOTHING = "There are no samples yet of anything that has a limit."


class Panel(Struct, frozen=True, kw_only=True):
    """One curve: `said` is what can be said of it, `levels` are from the top down, `dates` from the left.

    Places are fractions of the width, and of the height from below.
    """

    name: str
    unit: str
    said: str
    levels: tuple[str, str, str]
    dates: tuple[str, str, str]
    at_limit: str
    shown: tuple[Point, ...]
    line: tuple[Point, ...]
    shade: tuple[Point, ...]
    limit: float
    now: float


def drawn(found: Sequence[Outlook]) -> Sequence[Outlook]:
    """Given what can be said of each series, the worst first, return those to draw: if any fills up, only such."""
    return (days(found) or found)[:MOST]


def left(one: Outlook) -> str:
    """Given what can be said of a series, return how many days are left; a dash where nothing is known."""
    forecast = one.forecast
    if forecast.state is State.LEARNING:
        return "-"
    if forecast.days is None:
        return f"over {forecast.reach:.0f}"
    if forecast.state is State.FULL:
        return "0"
    latest = f"over {forecast.reach:.0f}" if forecast.latest is None else f"{forecast.latest:.1f}"
    return f"{forecast.days:.1f} ({forecast.soonest or 0.0:.1f} to {latest})"


def panel(one: Outlook, zone: tzinfo) -> Panel:
    """Given what can be said of a series, and the zone of its dates, lay its curve out."""
    picture = curve(one)
    spec = SIGNALS.get(one.key[0])
    span = Period(picture.start, picture.end, zone)
    limit = _place(picture, picture.now, picture.limit)
    return Panel(
        name=named(one.key),
        unit=spec.unit.replace("_", " ") if spec else "",
        said=f"{left(one)} days left" if one.forecast.state is not State.LEARNING else one.forecast.why or "-",
        levels=(amount(picture.high), amount((picture.high + picture.low) / 2), amount(picture.low)),
        dates=(
            span.short(picture.start),
            span.short((picture.start + picture.end) / 2),
            span.short(picture.end),
        ),
        at_limit=f"limit {amount(picture.limit)}",
        shown=tuple(_place(picture, *point) for point in picture.shown),
        line=_within([_place(picture, *end) for end in picture.line or ()]),
        shade=_shade(picture),
        limit=limit[1],
        now=limit[0],
    )


def _place(picture: Curve, time: float, value: float) -> Point:
    wide, tall = max(picture.end - picture.start, 1.0), max(picture.high - picture.low, 1e-9)
    return (time - picture.start) / wide, (value - picture.low) / tall


def _shade(picture: Curve) -> tuple[Point, ...]:
    if picture.wedge is None:
        return ()
    level, soonest, latest = picture.wedge
    corners = ((picture.now, level), (soonest, picture.limit), (latest, picture.limit))
    return tuple(_place(picture, *corner) for corner in corners)


def _within(line: Sequence[Point]) -> tuple[Point, ...]:
    """Given a straight line, return what of it lies between the lower and the upper edge."""
    if not line:
        return ()
    (x1, y1), (x2, y2) = line
    if y1 == y2:
        return tuple(line) if 0 <= y1 <= 1 else ()
    start, end = sorted((edge - y1) / (y2 - y1) for edge in (0.0, 1.0))
    shares = max(0.0, start), min(1.0, end)
    if shares[0] >= shares[1]:
        return ()
    return tuple((x1 + share * (x2 - x1), y1 + share * (y2 - y1)) for share in shares)
