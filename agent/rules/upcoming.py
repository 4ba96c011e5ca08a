"""The calendar of days to come: what falls due when, and what windows, needs and overlap make of it.

A forecast from the policies alone. What the past decides (whether a needed run succeeded) is taken to go well, the
host's limit of runs at a time is left out, and work takes as long as its history says, or no time if there is none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import count, islice
from math import inf

from msgspec import Struct
from msgspec.structs import replace

from agent.model.policies import Overlap, PolicySet, Task
from agent.model.reasons import Reason
from agent.rules.dispatch import QUEUE
from agent.rules.needs import cycle, ranks
from agent.rules.windows import LATER, Gate, Open, gate, occurrences, opening
from agent.trigger import Trigger, fires, jitter, parse, zone

MOST = 1000
"""Entries of one task: 30 days of an hourly one. More would bury all others."""


class Entry(Struct, frozen=True):
    """A due time in seconds since the epoch, and when its run is expected to start.

    `starts` is None if it is `skipped`, and else if it waits for what nothing to be seen will bring about. `reason`
    says why it does not start when it falls due, as a reason for waiting or for being skipped; `detail` names the
    window or the task that holds it, and `needs` what it comes after.
    """

    task: str
    due: float
    starts: float | None
    reason: Reason | None = None
    detail: str = ""
    needs: tuple[str, ...] = ()
    skipped: bool = False


def no_start(entry: Entry) -> str:
    """Given an entry without a start, return the word for it: "skipped", or "waits"."""
    return "skipped" if entry.skipped else "waits"


class Upcoming(Struct, frozen=True):
    """Entries in the order of their start, or of their due time if they have none; `cut` holds the tasks of which
    only the first MOST due times are listed."""

    entries: tuple[Entry, ...]
    cut: tuple[str, ...]


class _Openings:
    """The openings of one window, each found once."""

    def __init__(self, window: Gate, start: datetime, end: datetime) -> None:
        self._gate = window
        self._openings = list(occurrences(window, start, end))
        self._untils = [found.until for found in self._openings]

    def at(self, instant: datetime) -> Open | None:
        """Return the opening that the instant lies in, or else the next one."""
        return next(self.since(instant), None)

    def since(self, instant: datetime) -> Iterator[Open]:
        """Yield the opening that the instant lies in, if any, and those that follow it."""
        for place in count(bisect_right(self._untils, instant)):
            if place == len(self._openings):
                found = opening(self._gate, max(instant, self._untils[-1]) if self._untils else instant)
                if found is None:
                    return
                self._openings.append(found)
                self._untils.append(found.until)
            yield self._openings[place]


class _Plan(Struct, frozen=True):
    """A scheduled task made ready: trigger and zone, openings of its window, its delay and how long it takes."""

    task: Task
    trigger: Trigger
    zone: tzinfo
    openings: _Openings | None
    delay: float
    takes: float


class _Forecast(Struct, frozen=True):
    """What is known so far: plans by task, and when what (task, due) stands for has ended.

    That is None for a run that is skipped, and infinite for one that waits for what is not to be seen.
    """

    start: datetime
    held: Collection[str]
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
    held: Collection[str] = (),
) -> Upcoming:
    """Forecast every due time after `start` and up to `end`, aware instants.

    `local` is the host's own zone; `expected` gives, for tasks with a history, its 95th percentile in seconds. `held`
    are the tasks that a circuit breaker holds: nobody can know when they are released.
    Raises `agent.trigger.ScheduleError` for a schedule that `hostkeeper check` would have refused.
    """
    windows = {name: _Openings(gate(window, local), start, end) for name, window in policies.windows.items()}
    depth = ranks({name: task.needs for name, task in policies.tasks.items()})
    forecast = _Forecast(start, held, {}, {})
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
    """Return the entries of one task, MOST and one more at most, each in view of those before."""
    entries: list[Entry] = []
    ends: dict[float, float | None] = {}
    ahead: list[tuple[int, float]] = []
    gave_way: dict[float, float] = {}
    for instant in islice(fires(plan.trigger, plan.zone, forecast.start, end), MOST + 1):
        due = instant.timestamp()
        ready = due + plan.delay
        ahead = [(place, ended) for place, ended in ahead if ready < ended]
        if ahead and plan.task.overlap is Overlap.QUEUE:
            entry = _entry(forecast, plan, due, ahead[-1][1], Reason.OVERLAP_QUEUED)
        else:
            entry = _entry(forecast, plan, due, ready, Reason.JITTER if plan.delay else None)
        ends[due] = _ends(plan, entry)
        if ahead and not entry.skipped:
            place, busy = ahead[-1]
            begins = entries[place].starts or inf
            if plan.task.overlap is Overlap.REPLACE and (ready < begins or (entry.starts or inf) < busy):
                ahead.pop()
                gave_way[entries[place].due] = due
                entries[place] = _superseded(entries[place]) if ready < begins else entries[place]
            elif plan.task.overlap is Overlap.SKIP or len(ahead) > QUEUE:
                entry = replace(entry, starts=None, reason=Reason.OVERLAP, detail="", skipped=True)
                ends[due] = busy
        if not entry.skipped:
            ahead.append((len(entries), ends[due] or 0.0))
        entries.append(entry)
    # Whoever needs a run that gave way to another waits for that one.
    for due, other in reversed(gave_way.items()):
        ends[due] = ends[other]
    forecast.ends.update({(plan.task.name, due): ended for due, ended in ends.items()})
    return entries


def _superseded(entry: Entry) -> Entry:
    return replace(entry, starts=None, reason=Reason.SUPERSEDED, detail="", skipped=True)


def _ends(plan: _Plan, entry: Entry) -> float | None:
    if entry.skipped:
        return None
    return inf if entry.starts is None else entry.starts + plan.takes


def _entry(forecast: _Forecast, plan: _Plan, due: float, ready: float, reason: Reason | None) -> Entry:
    """Return the entry of a run that could start at `ready`, were it not for what it needs and for its window."""
    draft = Entry(plan.task.name, due, None, reason, "", plan.task.needs)
    if not plan.task.enabled:
        return replace(draft, reason=Reason.DISABLED, skipped=True)
    if plan.task.name in forecast.held:
        return replace(draft, reason=Reason.ON_HOLD, skipped=True)
    opened = plan.openings.at(_utc(due)) if plan.openings else None
    for need in plan.task.needs:
        ended = _need_ends(forecast, need, due, opened)
        if ended is None:
            return replace(draft, reason=Reason.NEEDS_FAILED, detail=need, skipped=True)
        if ended > ready:
            ready = ended
            draft = replace(draft, reason=Reason.NEEDS_WAITING, detail=need)
    if ready == inf:
        return draft
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
    held = replace(draft, reason=Reason.WINDOW_CLOSED, detail=plan.task.window or "")
    for opened in islice(openings.since(_utc(ready)), LATER):
        since, until = opened.since.timestamp(), opened.until.timestamp()
        if since > ready:
            ready, draft = since, held
        if plan.takes <= until - ready:
            return replace(draft, starts=ready)
        draft = held = replace(held, reason=Reason.WILL_NOT_FIT)
    return held


def _utc(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
