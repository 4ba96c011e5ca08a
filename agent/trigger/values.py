"""What a schedule means once read: a fixed interval, or a pattern of wall-clock times."""

from __future__ import annotations

from msgspec import Struct

LAST = -1
"""In `Days.nth`: the last such weekday of the month instead of the n-th."""

EVERY_HOUR = (1 << 24) - 1
EVERY_MONTH = 0b1_1111_1111_1110
EVERY_DATE = (1 << 32) - 2
EVERY_WEEKDAY = (1 << 7) - 1


class ScheduleError(ValueError):
    """A schedule that cannot be understood or never fires; `suggestion` says what would be right."""

    def __init__(self, message: str, suggestion: str) -> None:
        self.message = message
        self.suggestion = suggestion
        super().__init__(f"{message}: {suggestion}")


class Every(Struct, frozen=True):
    """A job that follows elapsed time: it fires at the anchor and every `seconds` from there, both ways."""

    text: str
    seconds: int


class Days(Struct, frozen=True):
    """Which days match. Sets are bit masks: bit n of `dates` is the n-th of the month, bit 0 of `weekdays` Monday.

    `last` and `last_weekday` add the month's last day and its last day from Monday to Friday. `nth` holds pairs of
    weekday and rank in the month, such as (4, 2) for the second Friday; the rank may be LAST. A day must satisfy
    dates and weekdays if `both`, else one of them; and its distance from the anchor's date must be a multiple of
    `interval` days.
    """

    dates: int = EVERY_DATE
    last: bool = False
    last_weekday: bool = False
    weekdays: int = EVERY_WEEKDAY
    nth: tuple[tuple[int, int], ...] = ()
    both: bool = True
    interval: int = 1


class Cron(Struct, frozen=True):
    """A pattern of wall-clock times: the `second` of each matching minute. Sets are bit masks, bit n for the value n.

    The hours are split by the rule of `agent.trigger` into those that fire at `fixed` times of day, and those in
    which the job is `frequent` and follows elapsed time.
    """

    text: str
    minutes: int
    fixed: int
    frequent: int
    days: Days
    months: int = EVERY_MONTH
    second: int = 0


Trigger = Every | Cron


def split_hours(hours: int, minutes: int) -> tuple[int, int]:
    """Given masks of hours and minutes, return the mask of hours with fixed times, and of frequent hours."""
    if hours == EVERY_HOUR:
        return 0, hours
    if minutes.bit_count() < 2:
        return hours, 0
    before = (hours << 1 | hours >> 23) & EVERY_HOUR
    after = (hours >> 1 | hours << 23) & EVERY_HOUR
    middle = hours & before & after
    frequent = (middle | middle << 1 | middle >> 23 | middle >> 1 | middle << 23) & EVERY_HOUR
    return hours & ~frequent, frequent
