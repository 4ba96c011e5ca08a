"""The numbers about tasks and their runs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from agent.metrics import families as f
from agent.metrics.block import Block
from agent.metrics.records import RunFacts, TaskFacts
from agent.model.runs import BAD, RunOutcome
from agent.model.signals import Labels
from agent.rules.outcomes import REFUSALS

MOST_TASKS = 500
"""How many tasks have numbers of their own; further ones run unseen by Prometheus."""


class TaskMetrics:
    """Counts runs. Not locked: whoever holds it does that."""

    def __init__(self) -> None:
        self.block = Block((*f.OF_TASKS, f.RUN_START_DELAY))
        self.omitted = 0
        self._shown: set[str] = set()

    def tasks(self, tasks: Mapping[str, TaskFacts]) -> None:
        """Given every task in force, show these and no others."""
        self._shown &= tasks.keys()
        self.omitted = 0
        for family in f.OF_TASKS:
            self.block.keep(family, {key for key in self.block.keys(family) if dict(key)["task"] in self._shown})
        self.more(tasks)

    def more(self, tasks: Mapping[str, TaskFacts]) -> None:
        """Given tasks, show them too; a task's outcomes begin at 0, so that its first failure is a rise."""
        for name, facts in tasks.items():
            if name not in self._shown:
                if len(self._shown) >= MOST_TASKS:
                    self.omitted += 1
                    continue
                self._shown.add(name)
            for outcome in (RunOutcome.SUCCEEDED, RunOutcome.FAILED):
                self.block.add(f.RUNS, (("task", name), ("outcome", outcome.value)), 0)
            for family, instant in ((f.LAST_RUN, facts.last_run), (f.LAST_SUCCESS, facts.last_success)):
                if instant is not None:
                    self.block.put(family, (("task", name),), instant)
            self.block.put(f.FAILING, (("task", name),), facts.failing)
        self.next_due({name: facts.next_due for name, facts in tasks.items()})

    def next_due(self, instants: Mapping[str, float | None]) -> None:
        """Given tasks and when each falls due next, show it; None is never."""
        for name, instant in instants.items():
            if name in self._shown:
                self.block.put(f.NEXT_DUE, (("task", name),), *(() if instant is None else (instant,)))

    def run_started(self, delay: float) -> None:
        """Given the seconds by which a run started late, count it."""
        self._observe(f.RUN_START_DELAY, (), max(0.0, delay))

    def run_ended(self, facts: RunFacts) -> None:
        """Given how a run of a task in force ended, count it."""
        if facts.task not in self._shown:
            return
        task: Labels = (("task", facts.task),)
        self.block.add(f.RUNS, (*task, ("outcome", facts.outcome.value)), 1)
        if facts.seconds is not None:
            self._observe(f.RUN_DURATION, task, facts.seconds)
            self.block.put(f.LAST_RUN, task, facts.ended)
        if facts.outcome is RunOutcome.SUCCEEDED or facts.outcome in BAD:
            self.block.put(f.FAILING, task, facts.outcome in BAD)
        if facts.outcome is RunOutcome.SUCCEEDED:
            self.block.put(f.LAST_SUCCESS, task, facts.ended)
        if facts.reason and facts.outcome in (RunOutcome.SKIPPED, RunOutcome.MISSED):
            self.block.add(f.SKIPS, (*task, ("reason", facts.reason)), 1)
        if facts.reason in REFUSALS:
            self.block.add(f.REFUSALS, (*task, ("reason", facts.reason)), 1)
        if facts.steps_undone:
            self.block.add(f.STEPS_UNDONE, task, facts.steps_undone)
        for reason, count in facts.objects.items():
            self.block.add(f.OBJECTS, (*task, ("reason", reason.value)), count)

    def _observe(self, family: f.Family, key: Labels, value: float) -> None:
        """Given a number for a histogram, count it in every bucket whose bound it does not exceed."""
        before = self.block.get(family, key) or (0.0,) * (len(family.bounds) + 3)
        *buckets, count, total = before
        first = bisect_left(family.bounds, value)
        buckets[first:] = [n + 1 for n in buckets[first:]]
        self.block.put(family, key, *buckets, count + 1, total + value)
