"""The stretch of time that a report is about, cut into slices: hours, days, weeks or what fits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from msgspec import Struct

from agent.rules.quantities import parse_duration

MOST_SLICES = 62
QUANTUM = 900.0
"""Seconds. Every zone's days begin at a multiple of it."""


class Period(Struct, frozen=True):
    """From `since` up to `until`, seconds since the epoch, as seen in a zone."""

    since: float
    until: float
    zone: tzinfo

    def local(self, instant: float) -> datetime:
        """Given seconds since the epoch, return the instant in the zone."""
        return datetime.fromtimestamp(instant, self.zone)

    def edges(self) -> list[float]:
        """Return where the slices begin, and where the last one ends."""
        days = self._days()
        if len(days) <= 3:
            first = self.since - self.since % 3600
            hours = range(int((self.until - first) // 3600) + 2)
            return _within(self.since, self.until, (first + 3600.0 * hour for hour in hours))
        every = next((n for n in (1, 7, 14, 28, 91, 365) if len(days) <= n * MOST_SLICES), 3660)
        return _within(self.since, self.until, days[::every])

    def _days(self) -> list[float]:
        """Return every midnight of the zone from the one before the period to the one after it."""
        day: date = self.local(self.since).date()
        last = self.local(self.until).date() + timedelta(days=1)
        found = []
        while day <= last:
            found.append(datetime.combine(day, time(), self.zone).timestamp())
            day += timedelta(days=1)
        return found

    def name(self, start: float, end: float) -> str:
        """Given the edges of a slice, return what it is called."""
        first, last = self.local(start), self.local(end - 1)
        if end - start < 7200:
            return first.strftime("%a %d %b, %H:%M")
        if first.date() == last.date():
            return first.strftime("%a %d %b %Y")
        return f"{first.strftime('%d %b')} to {last.strftime('%d %b %Y')}"

    def short(self, instant: float) -> str:
        """Return an instant as it stands below a chart."""
        long = self.until - self.since
        form = "%H:%M" if long < 2 * 86_400 else "%d %b" if long < 300 * 86_400 else "%b %Y"
        return self.local(instant).strftime(form).lstrip("0")

    def __str__(self) -> str:
        first, last = self.local(self.since), self.local(self.until)
        if self.until - self.since < 3 * 86_400:
            return f"{first.strftime('%d %b %Y, %H:%M')} to {last.strftime('%d %b %Y, %H:%M')}"
        return f"{first.strftime('%d %b %Y')} to {last.strftime('%d %b %Y')}"


def _within(since: float, until: float, starts: Iterable[float]) -> list[float]:
    return [since, *(start for start in starts if since < start < until), until]


def place(edges: list[float], instant: float) -> int:
    """Given the edges of slices and an instant, return the slice it lies in, the nearest one if in none."""
    return min(max(0, bisect_right(edges, instant) - 1), len(edges) - 2)


def read_instant(text: str, now: float, zone: tzinfo) -> float:
    """Given `30d` (so long ago), a date, or a date and time as ISO 8601 has it, return seconds since the epoch.

    Dates, and times without a zone of their own, are the given zone's. Raises ValueError that says what would be right.
    """
    if text[:4].isascii() and text[:4].isdigit() and text[4:5] == "-":
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is no date: {error}") from None
        return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
    try:
        instant = now - parse_duration(text)
    except ValueError as error:
        raise ValueError(f"{error}; or a date such as {datetime.fromtimestamp(now, UTC).date()}") from None
    if now - instant < 2 * 86_400:
        return instant
    # Whole days make a better chart than a day cut in two.
    return datetime.combine(datetime.fromtimestamp(instant, zone).date(), time(), zone).timestamp()
