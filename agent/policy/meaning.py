"""What a schema cannot say of one file: schedules that fire, windows that open, clear bounds that fit."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from agent.policy.normalise import Complaint, Path
from agent.trigger import ScheduleError, parse, zone


def complaints_of(policy: dict[str, Any], written: dict[str, Any]) -> list[Complaint]:
    """Given a normalised policy and the same as written, return what is wrong with its meaning.

    What is missing is passed over: the schema complains of it.
    """
    found: list[Complaint] = []
    for name, window in policy["windows"].items():
        path = ("windows", name)
        if "opens" in window:
            found += _schedule(window["opens"], (*path, "opens"))
        found += timezone_complaints(window["timezone"], (*path, "timezone"))
    for name, task in policy["tasks"].items():
        if "schedule" in task:
            at_text = isinstance(written["tasks"][name]["schedule"], str)
            found += _task_schedule(task["schedule"], ("tasks", name, "schedule"), at_text=at_text)
    for name, threshold in policy["thresholds"].items():
        found += _bounds(threshold, ("thresholds", name))
    return found


def _task_schedule(schedule: dict[str, Any], path: Path, *, at_text: bool) -> list[Complaint]:
    found: list[Complaint] = []
    if ("every" in schedule) != ("cron" in schedule):
        text = f"every {schedule['every']}" if "every" in schedule else schedule["cron"]
        found = _schedule(text, path if at_text else (*path, "every" if "every" in schedule else "cron"))
    return found + timezone_complaints(schedule["timezone"], (*path, "timezone"))


def _schedule(text: str, path: Path) -> list[Complaint]:
    try:
        parse(text)
    except ScheduleError as error:
        return [(path, error.message, error.suggestion)]
    return []


def timezone_complaints(name: str, path: Path) -> list[Complaint]:
    """Given a name of a time zone and the path it stands at, complain if there is no such zone."""
    try:
        zone(name, UTC)
    except ScheduleError as error:
        return [(path, error.message, error.suggestion)]
    return []


def _bounds(threshold: dict[str, Any], path: Path) -> list[Complaint]:
    found: list[Complaint] = []
    for key in ("outside", "clear_inside"):
        bound = threshold.get(key)
        if bound and bound[0] > bound[1]:
            found.append(((*path, key), f"{bound[0]} is larger than {bound[1]}", "write the lower number first"))
    above, below, outside = (threshold.get(key) for key in ("above", "below", "outside"))
    clear = threshold.get("clear_below", above)
    if clear is not None and above is not None and clear > above:
        found.append(((*path, "clear_below"), f"{clear} is larger than `above`", f"give at most {above}"))
    clear = threshold.get("clear_above", below)
    if clear is not None and below is not None and clear < below:
        found.append(((*path, "clear_above"), f"{clear} is smaller than `below`", f"give at least {below}"))
    clear = threshold.get("clear_inside", outside)
    if clear and outside and not found and not outside[0] <= clear[0] <= clear[1] <= outside[1]:
        wrong = f"{clear[0]} to {clear[1]} is not within `outside`"
        found.append(((*path, "clear_inside"), wrong, f"give a range within {outside[0]} to {outside[1]}"))
    return found
