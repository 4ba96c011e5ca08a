"""From wall-clock pattern to wall-clock time, in naive local time without any zone."""

from __future__ import annotations

from datetime import date, datetime

from agent.trigger.values import EVERY_DATE, EVERY_WEEKDAY, LAST, Cron, Days

WEEKLY = 1 << 1 | 1 << 8 | 1 << 15 | 1 << 22 | 1 << 29
"""A month's dates that share the weekday of the 1st."""

SEARCH_MONTHS = 12 * 60
"""No pattern rests longer: 29 February on a given weekday comes round after 40 years at most."""

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def matching_dates(days: Days, year: int, month: int, anchor: int = EPOCH_ORDINAL) -> int:
    """Given a month, return the mask of its matching dates; `anchor` is the ordinal from which intervals count."""
    begin = date(year, month, 1)
    first, length = begin.weekday(), _length(begin)
    mask = _by_day(days, first, length)
    if days.interval > 1:
        day = 1 + (anchor - begin.toordinal()) % days.interval
        every = 0
        for number in range(day, length + 1, days.interval):
            every |= 1 << number
        mask &= every
    return mask


def _length(first: date) -> int:
    """Given the first of a month, return how many days that has."""
    return 31 if first.month == 12 else (first.replace(month=first.month + 1) - first).days


def ever_matches(days: Days, months: int) -> bool:
    """Say whether any day of any year matches, from the masks of days and months."""
    lengths = {28, 29} if months & 1 << 2 else set()
    lengths |= {30} if months & (1 << 4 | 1 << 6 | 1 << 9 | 1 << 11) else set()
    lengths |= {31} if months & (1 << 1 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12) else set()
    return any(_by_day(days, first, length) for length in sorted(lengths, reverse=True) for first in range(7))


def _by_day(days: Days, first: int, length: int) -> int:
    """Return the mask of matching dates of a month of `length` days that begins on weekday `first`."""
    whole = (1 << length + 1) - 2
    dates = days.dates & whole
    if days.last:
        dates |= 1 << length
    if days.last_weekday:
        dates |= 1 << length - max(0, (first + length - 1) % 7 - 4)
    if days.weekdays == EVERY_WEEKDAY:
        weekdays = EVERY_DATE
    else:
        weekdays = 0
        for weekday in range(7):
            if days.weekdays >> weekday & 1:
                weekdays |= WEEKLY << (weekday - first) % 7
        for weekday, rank in days.nth:
            number = 1 + (weekday - first) % 7
            number += 7 * ((length - number) // 7 if rank == LAST else rank - 1)
            weekdays |= 1 << number
    return (dates & weekdays if days.both else dates | weekdays) & whole


def next_wall(cron: Cron, hours: int, at: datetime, anchor: int = EPOCH_ORDINAL) -> datetime | None:
    """Return the first naive local time at or after the naive `at` that matches the pattern in the masked hours.

    None if there is none before the end of the year 9999 or within SEARCH_MONTHS.
    """
    year, month, day = at.year, at.month, at.day
    hour, minute = at.hour, at.minute
    if (at.second, at.microsecond) > (cron.second, 0):
        minute += 1
    for _ in range(SEARCH_MONTHS):
        if cron.months >> month & 1:
            dates = matching_dates(cron.days, year, month, anchor) >> day
            if dates & 1:
                found = _next_minute(hours, cron.minutes, hour, minute)
                if found is not None:
                    return datetime(year, month, day, *found, cron.second)  # noqa: DTZ001 - wall-clock time
                dates &= ~1
            if dates:
                day += _lowest(dates)
                hour = _lowest(hours)
                return datetime(year, month, day, hour, _lowest(cron.minutes), cron.second)  # noqa: DTZ001 - as above
        day, hour, minute = 1, 0, 0
        month += 1
        if month > 12:
            month = 1
            year += 1
            if year > 9999:
                return None
    return None


def _next_minute(hours: int, minutes: int, hour: int, minute: int) -> tuple[int, int] | None:
    """Return the first matching hour and minute of a day at or after the given ones; `minute` may be 60."""
    if hours >> hour & 1:
        rest = minutes >> minute
        if rest:
            return hour, minute + _lowest(rest)
    rest = hours >> hour + 1
    if rest:
        return hour + 1 + _lowest(rest), _lowest(minutes)
    return None


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
