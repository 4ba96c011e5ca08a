"""What a schema cannot say of one file: schedules that fire, windows that open, time zones, clear bounds that fit.

What it cannot say of databases and repositories is in `agent.policy.definitions`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from agent.policy.definitions import complaints_of
from agent.policy.normalise import Complaint, Path
from agent.trigger import ScheduleError, parse, zone

Verdict = tuple[str, str] | None
"""What is wrong and what would be right, or None."""


class Meaning:
    """Judges policies; remembers the schedules and time zones it has seen, since most of them come again."""

    def __init__(self) -> None:
        self._schedules: dict[str, Verdict] = {}
        self._zones: dict[str, Verdict] = {}

    def of_policy(self, policy: dict[str, Any], written: dict[str, Any]) -> list[Complaint]:
        """Given a normalised policy and the same as written, return what is wrong with its meaning.

        What is missing is passed over: the schema complains of it.
        """
        found: list[Complaint] = []
        for name, window in policy["windows"].items():
            if "opens" in window:
                found += self._schedule(window["opens"], ("windows", name, "opens"))
            found += self.of_timezone(window["timezone"], ("windows", name, "timezone"))
        for name, task in policy["tasks"].items():
            if "schedule" in task:
                at_text = isinstance(written["tasks"][name]["schedule"], str)
                found += self._task(task["schedule"], ("tasks", name, "schedule"), at_text=at_text)
            zone_name = task["with"].get("timezone") if isinstance(task.get("with"), dict) else None
            if isinstance(zone_name, str):
                found += self.of_timezone(zone_name, ("tasks", name, "with", "timezone"))
        for name, threshold in policy["thresholds"].items():
            found += _bounds(threshold, ("thresholds", name))
        return [*found, *complaints_of(policy)]

    def of_timezone(self, name: str, path: Path) -> list[Complaint]:
        """Given a name of a time zone and the path it stands at, complain if there is no such zone."""
        if name not in self._zones:
            self._zones[name] = _verdict(lambda: zone(name, UTC))
        return _complaint(path, self._zones[name])

    def _task(self, schedule: dict[str, Any], path: Path, *, at_text: bool) -> list[Complaint]:
        found: list[Complaint] = []
        if ("every" in schedule) != ("cron" in schedule):
            text = f"every {schedule['every']}" if "every" in schedule else schedule["cron"]
            found = self._schedule(text, path if at_text else (*path, "every" if "every" in schedule else "cron"))
        return found + self.of_timezone(schedule["timezone"], (*path, "timezone"))

    def _schedule(self, text: str, path: Path) -> list[Complaint]:
        if text not in self._schedules:
            self._schedules[text] = _verdict(lambda: parse(text))
        return _complaint(path, self._schedules[text])


def _verdict(judge: Callable[[], object]) -> Verdict:
    try:
        judge()
    except ScheduleError as error:
        return error.message, error.suggestion
    return None


def _complaint(path: Path, verdict: Verdict) -> list[Complaint]:
    return [] if verdict is None else [(path, *verdict)]


def _bounds(threshold: dict[str, Any], path: Path) -> list[Complaint]:
    found: list[Complaint] = []
    above, below, outside = threshold.get("above"), threshold.get("below"), threshold.get("outside")
    for key in ("outside", "clear_inside"):
        bound = threshold.get(key)
        if bound and bound[0] > bound[1]:
            found.append(((*path, key), f"{bound[0]} is larger than {bound[1]}", "write the lower number first"))
    clear = threshold.get("clear_below", above)
    if above is not None and clear > above:
        found.append(((*path, "clear_below"), f"{clear} is larger than `above`", f"give at most {above}"))
    clear = threshold.get("clear_above", below)
    if below is not None and clear < below:
        found.append(((*path, "clear_above"), f"{clear} is smaller than `below`", f"give at least {below}"))
    clear = threshold.get("clear_inside")
    if clear and outside and not found and not outside[0] <= clear[0] <= clear[1] <= outside[1]:
        wrong = f"{clear[0]} to {clear[1]} is not within `outside`"
        found.append(((*path, "clear_inside"), wrong, f"give a range within {outside[0]} to {outside[1]}"))
    return found
