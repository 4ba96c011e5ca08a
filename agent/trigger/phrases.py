"""Phrases such as `every 10 minutes` and `every monday at 03:00`, in the vocabulary of the `schedule` library.

The library builds the job and so decides which words and times make sense together; its own arithmetic, which counts
in naive local time, is never used.
"""

from __future__ import annotations

import re

import schedule

from agent.nearest import nearest
from agent.trigger.values import EVERY_HOUR, EVERY_WEEKDAY, Cron, Days, Every, ScheduleError, Trigger, split_hours
from agent.trigger.vocabulary import NAMES, SECONDS, SHAPE, WEEKDAYS, WORDS

LONGEST_SECONDS = 3653 * 86400
TIMES = {
    "days": "write HH:MM, such as 02:30",
    "weeks": "write HH:MM, such as 02:30",
    "hours": "write :MM, such as :30, the minute of each hour",
    "minutes": "write :SS, such as :15, the second of each minute",
}
INSTEAD = {
    "weekday": '"0 3 * * 1-5"',
    "weekdays": '"0 3 * * 1-5"',
    "weekend": '"0 3 * * 6,0"',
    "weekends": '"0 3 * * 6,0"',
    "month": '"@monthly"',
    "months": '"0 0 1 */2 *"',
    "quarter": '"@quarterly"',
    "year": '"@yearly"',
    "night": '"every day at 02:30"',
    "morning": '"every day at 06:00"',
    "midnight": '"@daily"',
    "noon": '"every day at 12:00"',
}

PHRASE = re.compile(r"every(?: (?P<count>[0-9]+))? (?P<unit>[a-z]+)(?: at (?P<time>[0-9:]+))?", re.ASCII)


def parse_phrase(text: str, words: str) -> Trigger:
    """Given a lower-case phrase with single spaces, return its trigger; `text` is what the policy says.

    Raises ScheduleError.
    """
    match = PHRASE.fullmatch(words)
    if match is None:
        raise _misshapen(words)
    unit = match["unit"]
    if unit not in WORDS:
        raise _unknown(unit)
    count = int((match["count"] or "1")[:12])
    if count < 1:
        raise ScheduleError("an interval of 0 never ends", SHAPE)
    job = _job(count, unit, match["time"])
    seconds = SECONDS[str(job.unit)] * count
    if seconds > LONGEST_SECONDS:
        raise ScheduleError("an interval is at most ten years", 'use "@yearly", or a cron line with its date')
    if job.at_time is None and job.start_day is None:
        return Every(text, seconds)
    return _pattern(text, job, count)


def _job(count: int, unit: str, time: str | None) -> schedule.Job:
    """Build the library's own job, so that it is the library that says what makes sense."""
    try:
        job: schedule.Job = getattr(schedule.Scheduler().every(count), unit)
    except schedule.IntervalError:
        if unit in WEEKDAYS:
            raise ScheduleError(
                f'"{unit}" comes once a week and takes no number', f'write "every {unit}", or "every {count} weeks"'
            ) from None
        raise ScheduleError(f'"{unit}" is one, and {count} are more', f'write "every {count} {unit}s"') from None
    if time is None:
        return job
    if job.unit not in TIMES or (job.unit == "weeks" and job.start_day is None):
        raise ScheduleError(
            f'"at" cannot follow "{unit}"', 'name a day, such as "every monday at 03:00", or leave "at" out'
        )
    try:
        job.at(time)
    except schedule.ScheduleValueError:
        hint = 'midnight is 00:00: write "00:00"' if time.startswith("24:") else TIMES[job.unit]
        raise ScheduleError(f'"{time}" is not a time for "every {unit}"', hint) from None
    return job


def _pattern(text: str, job: schedule.Job, count: int) -> Cron:
    """Turn a job with a time of day or a weekday into a pattern of wall-clock times."""
    hour, minute, second = (job.at_time.hour, job.at_time.minute, job.at_time.second) if job.at_time else (0, 0, 0)
    if job.unit in ("hours", "minutes"):
        if count > 1:
            raise ScheduleError(
                f'"at" cannot follow an interval of {count} {job.unit}',
                'use a cron line, such as "30 */2 * * *", or leave "at" out',
            )
        minutes = (1 << 60) - 1 if job.unit == "minutes" else 1 << minute
        return Cron(text, minutes, 0, EVERY_HOUR, Days(), second=second)
    weekdays = 1 << WEEKDAYS.index(job.start_day) if job.start_day else EVERY_WEEKDAY
    days = Days(weekdays=weekdays, interval=1 if job.start_day else count)
    fixed, frequent = split_hours(1 << hour, 1 << minute)
    return Cron(text, 1 << minute, fixed, frequent, days, second=second)


def _unknown(unit: str) -> ScheduleError:
    message = f'"{unit}" is no unit or weekday'
    if unit in INSTEAD:
        return ScheduleError(message, f"write {INSTEAD[unit]}")
    close = nearest(unit[:32], NAMES)
    return ScheduleError(message, f'did you mean "{close}"?' if close else SHAPE)


def _misshapen(words: str) -> ScheduleError:
    message = f'"{words[:64]}" is not a phrase'
    names = [word for word in words.split()[1:] if word.isalpha()]
    if "to" in names or "until" in names:
        return ScheduleError(f"{message}: random and ending intervals are not offered", SHAPE)
    if not names:
        return ScheduleError(f"{message}: it names no unit", SHAPE)
    if names[0] not in WORDS:
        return _unknown(names[0])
    if "at" in names:
        return ScheduleError(message, 'give one time after "at", such as 02:30; for several times use a cron line')
    return ScheduleError(message, SHAPE)
