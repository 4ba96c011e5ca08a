"""Cron lines of five fields, read by cronsim and turned into masks; what it would misread is refused here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from cronsim import CronSim, CronSimError

from agent.trigger.days import ever_matches
from agent.trigger.values import LAST, Cron, Days, ScheduleError, split_hours

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
EXAMPLES = (
    "use 0 to 59, such as 30, */10 or 0,15,30,45",
    "use 0 to 23, such as 2, 8-18 or */6",
    "use 1 to 31, L for the last day, or LW for the last weekday",
    "use 1 to 12 or JAN to DEC",
    "use 0 to 7 or SUN to SAT, 5L for the last Friday, 1#2 for the second Monday",
)
SPANS = (59, 23, 30, 11, 7)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day-of-week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
BACKWARDS = re.compile(r"(?P<first>\d{1,2}|[a-z]{3})-(?P<last>\d{1,2}|[a-z]{3})", re.IGNORECASE)
SHAPE = 'write five fields: minute, hour, day of month, month, day of week, such as "30 2 * * 1-5"'
LONGEST = 256

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 1,4,7,10 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def parse_cron(text: str, line: str) -> Cron:
    """Given a cron line, return its pattern; `text` is what the policy says, which may be an alias of the line.

    Raises ScheduleError.
    """
    fields = line.split()
    if len(fields) == 6:
        raise ScheduleError(
            "a cron line has five fields, and this one has six; seconds cannot be given",
            f'leave out the field of the seconds, such as "{" ".join(fields[1:])}"',
        )
    if len(fields) != 5:
        raise ScheduleError(f"a cron line has five fields, and this one has {len(fields)}", SHAPE)
    for index, field in enumerate(fields):
        _refuse_misread(index, field)
    try:
        sim = CronSim(" ".join(fields), datetime(2000, 1, 1))  # noqa: DTZ001 - only the parsed fields are read
    except CronSimError as bad:
        raise _explained(str(bad), fields) from None
    hours, minutes = _mask(sim.hours), _mask(sim.minutes)
    fixed, frequent = split_hours(hours, minutes)
    days = Days(
        dates=_mask(number for number in sim.days if number > 0),
        last=CronSim.LAST in sim.days,
        last_weekday=CronSim.LAST_WEEKDAY in sim.days,
        weekdays=_mask((item - 1) % 7 for item in sim.weekdays if isinstance(item, int)),
        nth=tuple(sorted(_nth(item) for item in sim.weekdays if not isinstance(item, int))),
        both=sim.day_and,
    )
    months = _mask(sim.months)
    if not ever_matches(days, months):
        raise _never(line)
    return Cron(text, minutes, fixed, frequent, days, months)


def _mask(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


def _nth(item: tuple[int, int]) -> tuple[int, int]:
    weekday, rank = item
    return (weekday - 1) % 7, LAST if rank == CronSim.LAST else rank


def _refuse_misread(index: int, field: str) -> None:
    """Refuse what cronsim would silently read as something else than it says."""
    for term in field.split(","):
        body, slash, step = term.partition("/")
        if slash and body.upper() in ("L", "LW"):
            raise ScheduleError(f'a step means nothing after "{body}"', f'write "{body}" alone')
        if slash and step.isdigit() and int(step) > SPANS[index]:
            raise ScheduleError(
                f'a step of {step} in the {FIELDS[index]} field "{term}" never gets past its first value',
                f'use a step of at most {SPANS[index]}, or a phrase such as "every 90 minutes"',
            )


def _explained(bad: str, fields: list[str]) -> ScheduleError:
    """Turn cronsim's message, which names a field, into one that quotes it and says what would be right."""
    name = bad.removeprefix("Bad ")
    if name not in FIELDS:
        return ScheduleError(f"this is not a cron line: {bad}", SHAPE)
    index = FIELDS.index(name)
    field = fields[index]
    if name == "day-of-month" and re.fullmatch(r"\d\d(-\d\d)?", field) and 29 < int(field[:2]) < 32:
        return _never(" ".join(fields))
    if "?" in field:
        return ScheduleError(f'the {name} field "{field}" is not valid', 'write "*" instead of "?"')
    for term in field.split(","):
        forwards = _forwards(index, term)
        if forwards:
            return ScheduleError(f'the {name} field "{term}" runs backwards', f'write "{forwards}"')
    return ScheduleError(f'the {name} field "{field}" is not valid', EXAMPLES[index])


def _forwards(index: int, term: str) -> str:
    """Given a range that runs backwards, return what its writer meant; "" for anything else."""
    match = BACKWARDS.fullmatch(term)
    if match is None:
        return ""
    low, high = RANGES[index]
    first, last = match["first"].lower(), match["last"].lower()
    names = NAMES.get(FIELDS[index], ())
    if first in names and last in names:
        start, end = names.index(first), names.index(last)
        return ",".join((*names[start:], *names[: end + 1])) if start > end else ""
    if first.isdigit() and last.isdigit() and low <= int(last) < int(first) <= high:
        return f"{first}-{high},{low}-{last}"
    return ""


def _never(line: str) -> ScheduleError:
    return ScheduleError(
        f'"{line}" never fires: no month has such a day',
        "choose a day that its months have, or L for the last day of the month",
    )
