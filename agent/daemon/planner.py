"""The calendar at work: each task's next due time in a heap, and a pending run for every due time that comes.

A due time's run and the mark that says it has been handled are written together, so that a due time has one run,
whatever happens in between.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import tzinfo

from msgspec import Struct

from agent.daemon.timeline import Timeline
from agent.engine.submit import submit
from agent.model.policies import PolicySet, Schedule, Task
from agent.model.runs import Run, RunState
from agent.ports import Clock
from agent.rules.calendar import Decision, Due, Mark, due
from agent.store import Store
from agent.trigger import Trigger, jitter, parse, zone

BATCH = 32
"""How many due times are written at once: a thousand at the same second must not keep the first from starting."""

SLACK = 64
"""So many entries of the heap may be out of date before it is made anew."""


class Planned(Struct):
    """A scheduled task: its trigger in its zone, its jitter in seconds, what it has handled, and what comes next."""

    task: Task
    schedule: Schedule
    trigger: Trigger
    zone: tzinfo
    jitter: float
    mark: Mark | None
    next_due: float | None = None


class Planner:
    """Makes pending runs for due times. `local` is the host's zone, `host` what makes its jitter its own.

    `boot` is what this boot is called.
    """

    def __init__(self, store: Store, local: tzinfo, host: str, clock: Clock, boot: str) -> None:
        self._store = store
        self._timeline = Timeline(store, clock, boot)
        self._local = local
        self._host = host
        self._planned: dict[str, Planned] = {}
        self._heap: list[tuple[float, str]] = []
        self._digest = ""
        self._tasks: Mapping[str, Task] | None = None
        self._stepped: float | None = None
        """The instant from which everything has to be looked at anew, None when nothing has."""
        self.replanned: list[str] = []
        """The tasks whose next due time is another one since the policy set in force was put in force."""

    def put_in_force(self, policies: PolicySet, now: float) -> list[Run]:
        """Given a policy set, plan its scheduled tasks; what is due at once is made. Returns the runs made.

        Takes the time of what has changed, however many tasks there are: unchanged files keep their very tasks.
        """
        first = self._tasks is None
        before: Mapping[str, Task] = self._tasks or {}
        marks = self._store.marks.all() if first else {}
        # Marks that are still to come tell of a clock that was put back, which nobody has noticed since they were made.
        latest = max([at for _, at in marks.values()], default=now)
        since = self._timeline.told_anew(latest) if latest > now else self._stepped
        changed = [task for name, task in policies.tasks.items() if before.get(name) is not task]
        fresh = {task.name: self._plan(task, marks) for task in changed if self._is_anew(task)}
        gone = [name for name in before if name not in policies.tasks]
        idle = [*gone, *(task.name for task in changed if not _is_scheduled(task))]
        dropped = [name for name in idle if name in self._planned]
        made: list[Run] = []
        if fresh or dropped or first:
            with self._store.transaction():
                # What is planned again one day starts from then: its due times in between were nobody's.
                for name in [*dropped, *(marks.keys() - fresh.keys())]:
                    self._store.marks.forget(name)
                made = self._handle(list(fresh.values()), now, policies.digest, since, whole=first)
        # Only once the store has taken all of it: whoever fails before is asked again, and finds nothing changed.
        self._tasks, self._digest = policies.tasks, policies.digest
        self._planned.update(fresh)
        for task in changed:
            if task.name in self._planned:
                self._planned[task.name].task = task
        for name in dropped:
            del self._planned[name]
        for name in fresh:
            self._push(name)
        self.replanned = [*fresh, *dropped]
        return made

    def _is_anew(self, task: Task) -> bool:
        """Say whether a task is scheduled, and otherwise than before."""
        known = self._planned.get(task.name)
        return _is_scheduled(task) and (known is None or known.schedule != task.schedule)

    def _plan(self, task: Task, marks: Mapping[str, tuple[str, float]]) -> Planned:
        known, schedule = self._planned.get(task.name), task.schedule
        assert schedule is not None, "only what is scheduled is planned"
        mark = Mark(*marks[task.name]) if task.name in marks else None
        return Planned(
            task,
            schedule,
            parse(schedule.text),
            zone(schedule.timezone, self._local),
            jitter(self._host, task.name, schedule.jitter),
            known.mark if known is not None else mark,
        )

    def next_due(self) -> float | None:
        """Return the earliest due time to come, in seconds since the epoch."""
        while self._heap and not self._stands(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _stands(self, due: float, name: str) -> bool:
        """Say whether an entry of the heap is true: a task planned anew leaves its former one behind."""
        planned = self._planned.get(name)
        return planned is not None and planned.next_due == due

    def next_by_task(self) -> dict[str, float | None]:
        """Return each scheduled task's next due time."""
        return {name: planned.next_due for name, planned in self._planned.items()}

    def tick(self, now: float) -> list[Run]:
        """Make the runs of due times up to `now`, at most BATCH of them, the most urgent first, and return them.

        While there are more, `next_due` is in the past: the first can start before the last is written. After a step of
        the wall clock every task is looked at anew, until the store has taken what comes of that.
        """
        if self._stepped is not None:
            made = self._handle(list(self._planned.values()), now, self._digest, self._stepped, whole=True)
            self._stepped = None
            self._rebuild()
            return made
        ripe: dict[str, Planned] = {}
        while self._heap and self._heap[0][0] <= now:
            instant, name = heapq.heappop(self._heap)
            if self._stands(instant, name):
                ripe[name] = self._planned[name]
        if not ripe:
            return []
        urgent = sorted(ripe.values(), key=lambda planned: planned.task.priority)
        try:
            return self._handle(urgent[:BATCH], now, self._digest)
        finally:
            for name in ripe:
                self._push(name)

    def stepped(self, now: float, unseen: float) -> None:
        """Take note of a step of the wall clock, which nobody had looked at for `unseen` seconds.

        Where it was put back, what has fallen due since, by the clock as it is now, has its run all the same.
        """
        self._stepped = min(now - unseen, now if self._stepped is None else self._stepped)

    def _rebuild(self) -> None:
        self._heap = [(p.next_due, name) for name, p in self._planned.items() if p.next_due is not None]
        heapq.heapify(self._heap)

    def _push(self, name: str) -> None:
        next_due = self._planned[name].next_due
        if next_due is not None:
            heapq.heappush(self._heap, (next_due, name))
        if len(self._heap) > 2 * len(self._planned) + SLACK:
            self._rebuild()

    def _handle(
        self, items: list[Planned], now: float, policy: str, since: float | None = None, *, whole: bool = False
    ) -> list[Run]:
        """Make what is due. `since` is up to when marks that are still to come go back; `whole` says that it is all."""
        made: list[Run] = []
        with self._store.transaction():
            if whole:
                self._timeline.note()
            decisions = [self._decide(planned, now, since) for planned in items]
            for planned, decision in zip(items, decisions, strict=True):
                if decision.mark != planned.mark:
                    self._store.marks.set(planned.task.name, decision.mark.schedule, decision.mark.at)
                made += [run for item in decision.dues if (run := self._submit(planned.task, item, now, policy))]
        # What the store did not take is decided again.
        for planned, decision in zip(items, decisions, strict=True):
            planned.next_due, planned.mark = decision.next_due, decision.mark
        return made

    def _decide(self, planned: Planned, now: float, since: float | None) -> Decision:
        mark = planned.mark
        if mark is not None and mark.at > now and since is not None:
            mark = Mark(mark.schedule, min(since, now))
        handled = self._store.runs.due_after(planned.task.name, min(mark.at, now)) if mark else set()
        return due(planned.trigger, planned.zone, planned.schedule, mark, now, jitter=planned.jitter, handled=handled)

    def _submit(self, task: Task, item: Due, now: float, policy: str) -> Run | None:
        run = submit(
            self._store,
            task,
            policy=policy,
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
            return self._store.runs.get(run.id)
        return run


def _is_scheduled(task: Task) -> bool:
    return task.schedule is not None and task.enabled
