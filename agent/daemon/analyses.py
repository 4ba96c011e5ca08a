"""What becomes of the numbers that tasks find out: thresholds, metrics, the trail and the samples, once a run ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from agent.daemon.reacting import Reaction
from agent.daemon.recorder import Recorder
from agent.daemon.thresholds import Thresholds
from agent.errors import StoreError
from agent.metrics import Metrics
from agent.model.policies import PolicySet
from agent.model.runs import Run
from agent.model.signals import Sample, Sampling
from agent.probes.offered import BY_ACTION
from agent.store import Store

LOG = logging.getLogger(__name__)
FIRST = 3600.0
"""Seconds that are taken to lie between two runs of a task that has told its numbers once."""


class Analyses:
    """Stands between the store, where runs leave their numbers, and those who hear of them."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        thresholds: Thresholds,
        recorder: Recorder,
        reacted: Callable[[Sequence[Reaction]], None],
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._thresholds = thresholds
        self._recorder = recorder
        self._reacted = reacted
        self._told: dict[str, float] = {}

    def put_in_force(self, policies: PolicySet) -> None:
        """Given the set in force, show what its tasks found last, and of no others."""
        tasks = {name for name, task in policies.tasks.items() if task.action in BY_ACTION}
        if not tasks and not self._told:
            return
        self._metrics.keep_readings(tasks)
        for name in sorted(tasks - self._told.keys()):
            found = self._read(name)
            if found is not None:
                self._told[name], samples = found
                self._metrics.readings(name, samples)
        self._told = {name: at for name, at in self._told.items() if name in tasks}

    def ended(self, run: Run, now: float) -> None:
        """Given a run that has ended, judge the numbers that it left, if it did."""
        if run.action not in BY_ACTION:
            return
        found = self._read(run.task)
        before = self._told.get(run.task)
        if found is None or found[0] == before:
            return
        at, samples = found
        self._told[run.task] = at
        named = tuple([Sample(f"{run.task}.{one.signal}", one.labels, one.value) for one in samples])
        self._metrics.readings(run.task, samples)
        self._recorder.take(run.task, now, named)
        interval = FIRST if before is None else max(1.0, at - before)
        self._reacted(self._thresholds.take(run.task, Sampling(named, {}), now, interval))

    def _read(self, task: str) -> tuple[float, tuple[Sample, ...]] | None:
        """Return what a task found last. What cannot be read keeps no policies from coming into force."""
        try:
            return self._store.findings.readings(task)
        except StoreError as error:
            LOG.error("what %s has found out cannot be told: %s", task, error)
            return None
