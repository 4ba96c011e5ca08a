"""What will be full and when: a card of the report, or a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from agent.engine.capacity import Curve, curve, days
from agent.pages.charts import plot
from agent.pages.curves import Point
from agent.pages.curves import curve as curve_drawn
from agent.pages.html import Child, Markup, element, page
from agent.readable import amount
from agent.report.period import Period
from agent.report.style import STYLE
from agent.report.wording import moment
from agent.rules.capacity import Outlook, named
from agent.rules.forecast import LEVEL, State
from agent.site.parts import card, chip, nothing, table

MOST_ROWS, MOST_CURVES = 40, 12

_CHIPS = {State.FULL: "bad", State.GROWING: "warn", State.STEADY: "good", State.LEARNING: ""}


def capacity(found: Sequence[Outlook], period: Period) -> Markup:
    """Given what can be said of each series, the worst first, return the card."""
    if not found:
        return card("capacity", "What fills up", nothing("There are no samples yet of anything that has a limit."))
    rows = [_row(one) for one in found[:MOST_ROWS]]
    headings = ("What", "Now", "Limit", "A day", "Days left", "State")
    curves = [_figure(one, period) for one in (days(found) or found)[:MOST_CURVES]]
    return card(
        "capacity",
        "What fills up",
        element("div", curves, class_="charts"),
        table("Forecasts", headings, rows),
        aside=f"shaded is where it comes to lie in {LEVEL:.0%} of such cases",
        wide=True,
    )


def alone(found: Sequence[Outlook], host: str, period: Period, made: float) -> str:
    """Given the same and the host's name, return a page that stands alone."""
    return page(
        f"What fills up on {host}",
        STYLE,
        element(
            "header",
            element("h1", f"What fills up on {host}"),
            element("p", "made ", moment(period, made), class_="made"),
        ),
        element("main", element("div", capacity(found, period), class_="grid")),
        element("footer", element("span", f"All times are {period.zone}")),
    )


def _row(one: Outlook) -> tuple[Child, ...]:
    forecast = one.forecast
    known = forecast.state in (State.GROWING, State.STEADY)
    return (
        named(one.key),
        "unknown" if forecast.current is None else amount(forecast.current),
        amount(forecast.limit),
        f"{forecast.per_day:+.3g}" if known else "-",
        _left(one),
        (chip(forecast.state, _CHIPS[forecast.state]), element("small", forecast.why) if forecast.why else None),
    )


def _left(one: Outlook) -> str:
    forecast = one.forecast
    if forecast.state is State.LEARNING:
        return "-"
    if forecast.days is None:
        return f"over {forecast.reach:.0f}"
    if forecast.state is State.FULL:
        return "0"
    latest = f"over {forecast.reach:.0f}" if forecast.latest is None else f"{forecast.latest:.1f}"
    return f"{forecast.days:.1f} ({forecast.soonest or 0.0:.1f} to {latest})"


def _figure(one: Outlook, period: Period) -> Markup:
    picture = curve(one)
    text = f"{named(one.key)}: {_left(one)} days left"
    levels = [amount(picture.high), amount((picture.high + picture.low) / 2), amount(picture.low)]
    below = [period.short(instant) for instant in (picture.start, (picture.start + picture.end) / 2, picture.end)]
    return element(
        "figure",
        element("figcaption", element("b", named(one.key)), element("span", f"{_left(one)} days left")),
        plot(_drawn(picture, text), levels, below),
    )


def _drawn(picture: Curve, label: str) -> Markup:
    wide, tall = max(picture.end - picture.start, 1.0), max(picture.high - picture.low, 1e-9)

    def place(time: float, value: float) -> Point:
        return (time - picture.start) / wide, (value - picture.low) / tall

    shade: list[Point] = []
    if picture.wedge is not None:
        level, soonest, latest = picture.wedge
        shade = [place(picture.now, level), place(soonest, picture.limit), place(latest, picture.limit)]
    line = [place(*end) for end in picture.line or ()]
    now, limit = place(picture.now, picture.limit)
    return curve_drawn([place(*point) for point in picture.shown], line, shade, limit, now, label)
