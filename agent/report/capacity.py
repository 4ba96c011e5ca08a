"""What will be full and when: a card of the report, or a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from agent.pages.charts import plot
from agent.pages.curves import curve
from agent.pages.html import Child, Markup, element, page
from agent.readable import amount
from agent.report.panels import NOTHING, drawn, left, panel
from agent.report.period import Period
from agent.report.style import STYLE
from agent.report.wording import moment
from agent.rules.capacity import Outlook, named
from agent.rules.forecast import LEVEL, State
from agent.site.parts import card, chip, nothing, table

MOST_ROWS = 40

_CHIPS = {State.FULL: "bad", State.GROWING: "warn", State.STEADY: "good", State.LEARNING: ""}


def capacity(found: Sequence[Outlook], period: Period) -> Markup:
    """Given what can be said of each series, the worst first, return the card."""
    if not found:
        return card("capacity", "What fills up", nothing(NOTHING))
    rows = [_row(one) for one in found[:MOST_ROWS]]
    headings = ("What", "Now", "Limit", "A day", "Days left", "State")
    curves = [_figure(one, period) for one in drawn(found)]
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
        left(one),
        (chip(forecast.state, _CHIPS[forecast.state]), element("small", forecast.why) if forecast.why else None),
    )


def _figure(one: Outlook, period: Period) -> Markup:
    laid = panel(one, period.zone)
    drawing = curve(laid.shown, laid.line, laid.shade, laid.limit, laid.now, f"{laid.name}: {laid.said}")
    return element(
        "figure",
        element("figcaption", element("b", laid.name), element("span", laid.said)),
        plot(drawing, laid.levels, laid.dates),
    )
