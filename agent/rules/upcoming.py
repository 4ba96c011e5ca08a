"""The calendar of days to come: what falls due when, and what windows, needs and overlap make of it.

A forecast from the policies alone. What the past decides (whether a needed run succeeded) is taken to go well, the
host's limit of runs at a time is left out, and work takes as long as its history says, or no time if there is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from agent.model.policies import Overlap, PolicySet, Task
from agent.model.reasons import Reason
from agent.rules.needs import cycle, ranks
from agent.rules.windows import Gate, Open, gate, occurrences, opening
from agent.trigger import Trigger, fires, jitter, parse, zone

MOST = 1000
"""Entries of one task: 30 days of an hourly one. More would bury all others."""


class Entry(Struct, frozen=True):
    """A due time in seconds since the epoch, and when its run is expected to start; None if it is skipped.

    `reason` says why it does not start when it falls due, as a reason for waiting or, if `starts` is None, for being
    skipped; `detail` names the window or the task that holds it, and `needs` what it comes after.
    """

    task: str
    due: float
    starts: float | None
    reason: Reason | None = None
    detail: str = ""
    needs: tuple[str, ...] = ()


class Upcoming(Struct, frozen=True):
    """Entries in the order of their start, or of their due time if they have none; `cut` holds the tasks of which
    only the first MOST due times are listed."""

    entries: tuple[Entry, ...]
    cut: tuple[str, ...]


class _Openings:
    """The openings of one window in the days to come, found once."""

    def __init__(self, window: Gate, start: datetime, end: datetime) -> None:
        self._gate = window
        self._openings = list(occurrences(window, start, end))
        self._untils = [found.until for found in self._openings]

    def at(self, instant: datetime) -> Open | None:
        """Return the opening that the instant lies in, or else the next one."""
        place = bisect_right(self._untils, instant)
        return self._openings[place] if place < len(self._openings) else opening(self._gate, instant)


class _Plan(Struct, frozen=True):
    """A scheduled task made ready: trigger and zone, openings of its window, its delay and how long it takes."""

    task: Task
    trigger: Trigger
    zone: tzinfo
    openings: _Openings | None
    delay: float
    takes: float


class _Forecast(Struct, frozen=True):
    """What is known so far: plans by task, and when the runs of (task, due) end; None for one that is skipped."""

    start: datetime
    plans: dict[str, _Plan]
    ends: dict[tuple[str, float], float | None]


def upcoming(
    policies: PolicySet,
    start: datetime,
    end: datetime,
    *,
    local: tzinfo,
    host_id: str,
    expected: Mapping[str, float] | None = None,
) -> Upcoming:
    """Forecast every due time after `start` and up to `end`, aware instants.

    `local` is the host's own zone; `expected` gives, for tasks with a history, its 95th percentile in seconds.
    Raises `agent.trigger.ScheduleError` for a schedule that `hostkeeper check` would have refused.
    """
    windows = {name: _Openings(gate(window, local), start, end) for name, window in policies.windows.items()}
    depth = ranks({name: task.needs for name, task in policies.tasks.items()})
    forecast = _Forecast(start, {}, {})
    entries: list[Entry] = []
    cut: list[str] = []
    for name in sorted(policies.tasks, key=lambda name: (depth[name], name)):
        task = policies.tasks[name]
        if task.schedule is None:
            continue
        forecast.plans[name] = plan = _Plan(
            task,
            parse(task.schedule.text),
            zone(task.schedule.timezone, local),
            windows[task.window] if task.window else None,
            jitter(host_id, name, task.schedule.jitter),
            (expected or {}).get(name, 0.0),
        )
        listed = _entries(forecast, plan, end)
        entries.extend(listed[:MOST])
        cut.extend([name] if len(listed) > MOST else [])
    entries.sort(key=lambda entry: (entry.due if entry.starts is None else entry.starts, entry.due, entry.task))
    return Upcoming(tuple(entries), tuple(sorted(cut)))


def _entries(forecast: _Forecast, plan: _Plan, end: datetime) -> list[Entry]:
    """Return the entries of one task, MOST and one more at most, each in view of the one before."""
    entries: list[Entry] = []
    kept: int | None = None
    for instant in islice(fires(plan.trigger, plan.zone, forecast.start, end), MOST + 1):
        due = instant.timestamp()
        ready = due + plan.delay
        entry, before = None, entries[kept] if kept is not None else None
        if kept is not None and before is not None:
            busy = (before.starts or 0.0) + plan.takes
            if plan.task.overlap is Overlap.SKIP and ready < busy:
                entry = Entry(plan.task.name, due, None, Reason.OVERLAP, "", plan.task.needs)
            elif plan.task.overlap is Overlap.QUEUE and ready < busy:
                entry = _entry(forecast, plan, due, busy, Reason.OVERLAP_QUEUED)
            elif plan.task.overlap is Overlap.REPLACE and ready < (before.starts or 0.0):
                entries[kept] = replace(before, starts=None, reason=Reason.SUPERSEDED, detail="")
                forecast.ends[plan.task.name, before.due] = None
        if entry is None:
            entry = _entry(forecast, plan, due, ready, Reason.JITTER if plan.delay else None)
        starts = before.starts if entry.reason is Reason.OVERLAP and before is not None else entry.starts
        forecast.ends[plan.task.name, due] = None if starts is None else starts + plan.takes
        if entry.starts is not None:
            kept = len(entries)
        entries.append(entry)
    return entries


def _entry(forecast: _Forecast, plan: _Plan, due: float, ready: float, reason: Reason | None) -> Entry:
    """Return the entry of a run that could start at `ready`, were it not for what it needs and for its window."""
    draft = Entry(plan.task.name, due, None, reason, "", plan.task.needs)
    if not plan.task.enabled:
        return replace(draft, reason=Reason.DISABLED)
    opened = plan.openings.at(_utc(due)) if plan.openings else None
    for need in plan.task.needs:
        ended = _need_ends(forecast, need, due, opened)
        if ended is None:
            return replace(draft, reason=Reason.NEEDS_FAILED, detail=need)
        if ended > ready:
            ready = ended
            draft = replace(draft, reason=Reason.NEEDS_WAITING, detail=need)
    if plan.openings is None:
        return replace(draft, starts=ready)
    return _through_window(plan, plan.openings, draft, ready)


def _need_ends(forecast: _Forecast, need: str, due: float, opened: Open | None) -> float | None:
    """Return when the needed run ends, 0 if nothing is known of it; None if it is skipped."""
    plan = forecast.plans.get(need)
    if plan is None:
        return 0.0
    if not plan.task.enabled:
        return None
    when = cycle(plan.trigger, plan.zone, _utc(due), opened)
    if when is None:
        return 0.0
    return forecast.ends.get((need, when), when + plan.delay + plan.takes)


def _through_window(plan: _Plan, openings: _Openings, draft: Entry, ready: float) -> Entry:
    """Return the entry with its start: at `ready`, or when next the window is open and the work fits in it."""
    window = plan.task.window or ""
    opened = openings.at(_utc(ready))
    if opened is not None and opened.since.timestamp() > ready:
        ready = opened.since.timestamp()
        draft = replace(draft, reason=Reason.WINDOW_CLOSED, detail=window)
    if opened is not None and plan.takes > opened.until.timestamp() - ready:
        draft = replace(draft, reason=Reason.WILL_NOT_FIT, detail=window)
        opened = openings.at(opened.until)
        if opened is None or plan.takes > (opened.until - opened.since).total_seconds():
            return draft
        ready = opened.since.timestamp()
    if opened is None:
        return replace(draft, reason=Reason.WINDOW_CLOSED, detail=window)
    return replace(draft, starts=ready)


def _utc(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
