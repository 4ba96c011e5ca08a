"""What the daemon tells: metrics for Prometheus, a line for systemd, and a record in the store for the command line."""

from __future__ import annotations

import json
import logging
import os
import resource
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import TYPE_CHECKING

from agent.daemon.backups import Backups
from agent.daemon.reacting import Reaction
from agent.host.journald import about
from agent.host.notify import Notifier
from agent.metrics import DaemonFacts, Metrics, QueueFacts, RunFacts, TaskFacts, ThresholdFacts
from agent.model.policies import PolicySet
from agent.model.reasons import Reason
from agent.model.runs import BAD, SUSPENDED, Run, RunOutcome, RunState, StepState
from agent.model.signals import ConditionState, Labels
from agent.rules.conditions import Event
from agent.rules.dispatch import Wait
from agent.rules.outcomes import outcome
from agent.store import Store

if TYPE_CHECKING:
    from agent.host.http import Counts  # the server is begun once the agent is ready

LOG = logging.getLogger(__name__)
_WELL = frozenset({StepState.DONE, StepState.UNDONE})
_PAGE = resource.getpagesize()

STARTED, ENDED = "b4ccb2ad91f3447087b1c2ca6e3d2b77", "0d8f1f8d7b7d4cb6a6be1f3f0a2f3c52"
"""The journal's MESSAGE_ID of the start and of the end of a run."""


NAMED = 3
"""How many names a line of status holds."""


def named(names: Iterable[str]) -> str:
    """Given names, return how many there are and, in parentheses, the first few."""
    every = sorted(names)
    shown = [*every[:NAMED], *([f"{len(every) - NAMED} more"] if len(every) > NAMED else [])]
    return f"{len(every)} ({', '.join(shown)})" if every else "0"


class Teller:
    """Knows the three listeners. Nothing here decides."""

    def __init__(self, store: Store, metrics: Metrics, notifier: Notifier) -> None:
        self._store = store
        self._metrics = metrics
        self._notifier = notifier
        self._backups = Backups(store, metrics)
        self._sentence = ""
        self._told: Set[str] = frozenset()

    def tasks(self, policies: PolicySet, next_due: Mapping[str, float | None], replanned: Iterable[str]) -> None:
        """Tell which tasks there are, and what the store remembers of those that are new.

        `replanned` are the tasks that fall due at another time since they were told last.
        """
        before, self._told = self._told, policies.tasks.keys()
        if before - self._told:
            self._metrics.tasks(self._facts(policies.tasks, next_due))
        else:
            self._metrics.more_tasks(self._facts(self._told - before, next_due))
            self._metrics.next_due({name: next_due.get(name) for name in replanned})
        self._backups.put_in_force(policies)

    def _facts(self, names: Collection[str], next_due: Mapping[str, float | None]) -> dict[str, TaskFacts]:
        if not names:
            return {}
        runs = self._store.runs
        ends, successes, failing = runs.last_end(), runs.last_success(), runs.failing()
        return {
            name: TaskFacts(
                last_run=ends.get(name),
                last_success=successes.get(name),
                next_due=next_due.get(name),
                failing=name in failing,
            )
            for name in names
        }

    def run_started(self, task: str, run: int) -> None:
        """Tell that the process of a run was started."""
        extra = about(task=task, run=run, outcome=RunState.RUNNING, event=STARTED)
        LOG.info("task %s: run %d started", task, run, extra=extra)

    def run_ended(self, run: Run) -> None:
        """Tell how a run ended."""
        how = outcome(run)
        steps = self._store.steps.of(run.id)
        objects: Counter[Reason] = Counter()
        suspended = 0.0
        for step in steps:
            for key, number in json.loads(step.facts).items():
                if key.startswith("count."):
                    objects[Reason(key.removeprefix("count."))] += number
                elif key == SUSPENDED:
                    suspended += number
        worked = run.ended is not None and run.started is not None and how is not RunOutcome.REFUSED
        self._metrics.run_ended(
            RunFacts(
                task=run.task,
                outcome=how,
                ended=run.ended or 0.0,
                seconds=max(0.0, (run.ended or 0.0) - (run.started or 0.0) - suspended) if worked else None,
                reason=run.why,
                steps_undone=sum(step.state is StepState.UNDONE for step in steps),
                objects=objects,
            )
        )
        failed = next((step.name for step in steps if step.state not in _WELL), "") if how in BAD else ""
        extra = about(task=run.task, run=run.id, step=failed, outcome=how, reason=run.why, event=ENDED)
        level = logging.ERROR if how in BAD else logging.INFO
        why, detail = f" ({run.why})" if run.why else "", f": {run.detail}" if run.detail else ""
        LOG.log(level, "task %s: run %d %s%s%s", run.task, run.id, how, why, detail, extra=extra)

    def queue(self, running: int, waits: Iterable[Wait], holds: Mapping[str, str]) -> None:
        """Tell what is at work, what waits and why, and what is held; and of backups, if any were made or looked at."""
        self._metrics.queue(QueueFacts(running=running, pending=Counter(w.reason for w in waits), holds=holds))
        self._backups.look()

    def thresholds(
        self, states: Callable[[], Iterable[tuple[str, Labels, ConditionState]]], reactions: Iterable[Reaction]
    ) -> None:
        """Tell where every threshold stands, which `states` says in any thread, and what has fired or cleared."""
        self._metrics.thresholds(lambda: [ThresholdFacts(*state) for state in states()])
        for reaction in reactions:
            if not reaction.late:
                self._metrics.threshold_event(reaction.threshold, reaction.event)
            LOG.log(
                logging.INFO if reaction.event is Event.CLEARED else logging.WARNING,
                "threshold %s %s%s: value %s%s%s",
                reaction.threshold,
                "still fires" if reaction.late else reaction.event.value,
                "".join(f" {name}={value}" for name, value in reaction.series),
                reaction.value,
                f", muted ({reaction.muted})" if reaction.muted else "",
                f", made runs {', '.join(map(str, reaction.runs))}" if reaction.runs else "",
            )

    def daemon(self, lag: float, wakeups: int, http: Counts | None) -> None:
        """Tell how the daemon itself is; what takes looking is looked at when a scrape wants it."""

        def facts() -> DaemonFacts:
            usage = resource.getrusage(resource.RUSAGE_SELF)
            with open("/proc/self/statm", encoding="ascii") as statm:
                resident = int(statm.read().split()[1]) * _PAGE
            return DaemonFacts(
                loop_lag=lag,
                wakeups=wakeups,
                cpu_seconds=usage.ru_utime + usage.ru_stime,
                resident_bytes=resident,
                open_files=len(os.listdir("/proc/self/fd")),
                threads=len(os.listdir("/proc/self/task")),
                store_bytes=self._store.connection.size(),
            )

        self._metrics.daemon(facts, http)

    def status(self, sentence: str) -> None:
        """Tell systemd in one line what the agent is doing, when that has changed."""
        if sentence != self._sentence:
            self._sentence = sentence
            self._notifier.status(sentence)
