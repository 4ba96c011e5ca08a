"""Numbers and names as a report writes them."""

from __future__ import annotations

from collections.abc import Sequence

from agent.pages.html import Child, Markup, element
from agent.report.period import Period


def count(number: float) -> str:
    """Given a count, return it with its thousands apart."""
    return f"{number:,.0f}"


def many(number: int, one: str, more: str = "") -> str:
    """Given a count and the word for one, return both as they are said."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def share(part: int, whole: int) -> str:
    """Given a part of a whole, return it as percent; it is 100% or 0% only if it is all or nothing."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if part not in (0, whole):
        percent = min(99.9, max(0.1, percent))
    return f"{percent:.3g}%"


def moment(period: Period, instant: float) -> Markup:
    """Given seconds since the epoch, return the instant as a report has it."""
    local = period.local(instant)
    year = "" if local.year == period.local(period.until).year else " %Y"
    text = local.strftime(f"%a %d %b{year}, %H:%M")
    return element("time", text, datetime=local.isoformat(timespec="seconds"))


def rest(number: int, one: str, more: str = "") -> Markup | None:
    """Given how many are not shown, and the word for one, say so; None when there are none."""
    return element("p", f"and {many(number, one, more)} more", class_="more") if number > 0 else None


def sentence(text: str) -> list[Child]:
    """Given a sentence with code between backquotes, return it as such."""
    parts = text.split("`")
    return [element("code", part) if index % 2 else part for index, part in enumerate(parts)]


def unit(number: Child, what: str) -> list[Child]:
    """Given a number and what it counts, return both; what it counts is for screens too narrow for headings."""
    return [number, element("span", what, class_="unit")]


def round_duration(seconds: float) -> str:
    """Given a round number of seconds, return it as short as the label of a level must be."""
    for size_of, letter in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size_of and seconds * 2 % size_of == 0:
            return f"{seconds / size_of:g}{letter}"
    return f"{seconds:g}s" if seconds >= 1 or not seconds else f"{seconds * 1000:g}ms"


def short(text: str, most: int = 600) -> str:
    """Given text of any length, return it or its end."""
    return text if len(text) <= most else f"... {text[-most:]}"


def opened(summary: Child, *content: Child) -> Markup:
    """Given a line and what is behind it, return them as a part that opens when asked to."""
    return element("details", element("summary", summary), content)


def evenly(items: Sequence[str], most: int) -> list[str]:
    """Given labels in order, return at most so many of them, the first and the last included."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]
