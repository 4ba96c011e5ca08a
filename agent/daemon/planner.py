"""The calendar at work: each task's next due time in a heap, and a pending run for every due time that comes.

A due time's run and the mark that says it has been handled are written together, so that a due time has one run,
whatever happens in between.
"""

from __future__ import annotations

import heapq
import logging
from dataclasses import dataclass
from datetime import tzinfo

from agent.engine.submit import submit
from agent.model.policies import PolicySet, Schedule, Task
from agent.model.runs import Run, RunState
from agent.rules.calendar import Due, Mark, due
from agent.store import Store
from agent.trigger import Trigger, jitter, parse, zone

BATCH = 32
"""How many due times are written at once: a thousand at the same second must not keep the first from starting."""

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Planned:
    """A scheduled task: its trigger in its zone, its jitter in seconds, what it has handled, and what comes next."""

    task: Task
    schedule: Schedule
    trigger: Trigger
    zone: tzinfo
    jitter: float
    mark: Mark | None
    next_due: float | None = None


class Planner:
    """Makes pending runs for due times. `local` is the host's zone, `host` what makes its jitter its own."""

    def __init__(self, store: Store, local: tzinfo, host: str) -> None:
        self._store = store
        self._local = local
        self._host = host
        self._planned: dict[str, Planned] = {}
        self._heap: list[tuple[float, str]] = []
        self._digest = ""
        self._marks: dict[str, tuple[str, float]] | None = None

    def put_in_force(self, policies: PolicySet, now: float) -> list[Run]:
        """Given a policy set, plan its scheduled tasks; what is due at once is made. Returns the runs made."""
        if self._marks is None:
            self._marks = self._store.marks.all()
        self._digest = policies.digest
        before, self._planned = self._planned, {}
        for name, task in policies.tasks.items():
            if task.schedule is None or not task.enabled:
                continue
            known = before.get(name)
            if known is not None and known.schedule == task.schedule:
                known.task = task
                self._planned[name] = known
            else:
                self._planned[name] = self._plan(task, task.schedule)
        for name in (self._marks.keys() | before.keys()) - policies.tasks.keys():
            self._store.marks.forget(name)
            self._marks.pop(name, None)
        fresh = [name for name in self._planned if name not in before or before[name] is not self._planned[name]]
        made = self._handle(fresh, now)
        self._rebuild()
        return made

    def _plan(self, task: Task, schedule: Schedule) -> Planned:
        marks = self._marks or {}
        mark = Mark(*marks[task.name]) if task.name in marks else None
        return Planned(
            task,
            schedule,
            parse(schedule.text),
            zone(schedule.timezone, self._local),
            jitter(self._host, task.name, schedule.jitter),
            mark,
        )

    def next_due(self) -> float | None:
        """Return the earliest due time to come, in seconds since the epoch."""
        return self._heap[0][0] if self._heap else None

    def next_by_task(self) -> dict[str, float | None]:
        """Return each scheduled task's next due time."""
        return {name: planned.next_due for name, planned in self._planned.items()}

    def tick(self, now: float) -> list[Run]:
        """Make the runs of due times up to `now`, at most BATCH of them, the most urgent first, and return them.

        While there are more, `next_due` is in the past: the first can start before the last is written.
        """
        names = []
        while self._heap and self._heap[0][0] <= now:
            names.append(heapq.heappop(self._heap)[1])
        if not names:
            return []
        names.sort(key=lambda name: self._planned[name].task.priority)
        made = self._handle(names[:BATCH], now)
        for name in names:
            self._push(name)
        return made

    def replan(self, now: float) -> list[Run]:
        """After a step of the wall clock: look at every task anew."""
        made = self._handle(list(self._planned), now)
        self._rebuild()
        return made

    def _rebuild(self) -> None:
        self._heap = [(p.next_due, name) for name, p in self._planned.items() if p.next_due is not None]
        heapq.heapify(self._heap)

    def _push(self, name: str) -> None:
        next_due = self._planned[name].next_due
        if next_due is not None:
            heapq.heappush(self._heap, (next_due, name))

    def _handle(self, names: list[str], now: float) -> list[Run]:
        made: list[Run] = []
        with self._store.transaction():
            for name in names:
                planned = self._planned[name]
                made += self._handle_one(planned, now)
        return made

    def _handle_one(self, planned: Planned, now: float) -> list[Run]:
        task, mark = planned.task, planned.mark
        handled = self._store.runs.due_after(task.name, min(mark.at, now)) if mark else set()
        decision = due(
            planned.trigger, planned.zone, planned.schedule, mark, now, jitter=planned.jitter, handled=handled
        )
        planned.next_due = decision.next_due
        if decision.mark != mark:
            planned.mark = decision.mark
            self._store.marks.set(task.name, decision.mark.schedule, decision.mark.at)
        return [run for item in decision.dues if (run := self._submit(task, item, now)) is not None]

    def _submit(self, task: Task, item: Due, now: float) -> Run | None:
        run = submit(
            self._store,
            task,
            policy=self._digest,
            origin=item.origin,
            due=item.due,
            now=now,
            not_before=item.not_before,
        )
        if run is not None and item.missed is not None:
            others = f"and {item.others} earlier ones" if item.others else ""
            self._store.runs.advance(
                run.id, RunState.PENDING, RunState.MISSED, why=item.missed, detail=others, ended=now
            )
            LOG.warning("task %s missed its run: %s %s", task.name, item.missed, others)
            return self._store.runs.get(run.id)
        return run
