"""What a schema cannot say of one file: schedules that fire, windows that open, time zones.

What it cannot say of conditions is in `agent.policy.contradictions`, and what it cannot say of databases and
repositories is in `agent.policy.definitions`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from agent.policy.contradictions import contradictions
from agent.policy.definitions import complaints_of
from agent.policy.normalise import Complaint, Path
from agent.policy.notifying import complaints_of as complaints_of_notifiers
from agent.policy.probing import complaints_of as complaints_of_probes
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
            found += contradictions(threshold, ("thresholds", name))
        for name, notifier in policy["notifiers"].items():
            if notifier.get("quiet"):
                found += self.of_timezone(notifier["quiet"]["timezone"], ("notifiers", name, "quiet", "timezone"))
        return [
            *found,
            *complaints_of(policy),
            *complaints_of_notifiers(policy["notifiers"]),
            *complaints_of_probes(policy["probes"]),
        ]

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
