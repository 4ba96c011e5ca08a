"""The tasks that thresholds run: made, watched for their help, and held. All of it in the transaction of the caller."""

from __future__ import annotations

import logging
from contextlib import suppress

from agent.engine.notifying import remedy_held
from agent.engine.submit import submit
from agent.errors import NotFound
from agent.model.policies import PolicySet, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run
from agent.model.signals import Labels
from agent.readable import times
from agent.rules.breaker import counted_from
from agent.rules.quantities import format_duration
from agent.rules.remedies import (
    Help,
    Remedy,
    acted,
    cleared,
    counts_nothing,
    failed,
    help_of,
    is_released,
    may_act,
    remedy_name,
)
from agent.store import Store

LOG = logging.getLogger(__name__)


class Remedies:
    """Makes runs of the tasks of a threshold for one series. All that it remembers is in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policies = PolicySet("", 0, {}, {}, {})

    def put_in_force(self, policies: PolicySet) -> None:
        """Run the tasks of this policy set from now on."""
        self._policies = policies

    def act(self, threshold: Threshold, series: Labels, now: float) -> tuple[int, ...]:
        """A threshold fires for a series: run each of its tasks that is not held for it; return the ids of the runs."""
        made = (self._act(threshold, task, series, now) for task in threshold.run)
        return tuple(number for number in made if number is not None)

    def ripe(self, threshold: Threshold, series: Labels, fired_at: float, now: float) -> bool:
        """Tell whether something is to be done of a threshold that has fired for a series and goes on firing.

        It is where it is known that a task does not help, and where an admin has released one meanwhile.
        """
        return any(self._ripe(threshold, task, series, fired_at, now) for task in threshold.run)

    def _ripe(self, threshold: Threshold, task: str, series: Labels, fired_at: float, now: float) -> bool:
        name = remedy_name(threshold.name, task, series)
        remedy = self._store.remedies.get(name)
        if threshold.helps_within is not None and remedy.awaited is not None:
            return help_of(self._run(remedy), threshold.helps_within, now) is not Help.OPEN
        return is_released(remedy, self._released(name, now), fired_at)

    def look(self, threshold: Threshold, series: Labels, fired_at: float, now: float) -> tuple[int, ...]:
        """Do what `ripe` asks for: see whether tasks have helped, and run anew what did not or was released.

        Returns the ids of the runs that were made.
        """
        again = []
        for task in threshold.run:
            name = remedy_name(threshold.name, task, series)
            remedy = self._store.remedies.get(name)
            if threshold.helps_within is None or remedy.awaited is None:
                wanted = is_released(remedy, self._released(name, now), fired_at)
            else:
                wanted = self._tried_in_vain(threshold, task, name, remedy, now)
            if wanted:
                again.append(self._act(threshold, task, series, now))
        return tuple(number for number in again if number is not None)

    def _tried_in_vain(self, threshold: Threshold, task: str, name: str, remedy: Remedy, now: float) -> bool:
        """Look at a task that is watched while its threshold fires, and tell whether it is to be tried again."""
        within = threshold.helps_within or 0.0
        found = help_of(self._run(remedy), within, now)
        if found is Help.UNTRIED:
            self._store.remedies.set(name, cleared(remedy, None, within, now))
        return found is Help.NONE and self._failed(threshold, name, task, remedy, now)

    def cleared(self, threshold: Threshold, series: Labels, now: float) -> None:
        """A threshold has cleared for a series: whatever of its tasks was watched has helped, or never came to it."""
        for task in threshold.run if threshold.helps_within is not None else ():
            name = remedy_name(threshold.name, task, series)
            remedy = self._store.remedies.get(name)
            if remedy.awaited is not None and threshold.helps_within is not None:
                after = cleared(remedy, self._run(remedy), threshold.helps_within, now)
                self._store.remedies.set(name, after)

    def forget(self, threshold: Threshold, series: Labels, now: float) -> None:
        """A series is gone for good: forget whatever of its remedies would not count if it came back."""
        for task in threshold.run:
            name = remedy_name(threshold.name, task, series)
            if counts_nothing(self._store.remedies.get(name), threshold.at_most, now):
                self._store.remedies.forget(name)

    def _act(self, threshold: Threshold, task: str, series: Labels, now: float) -> int | None:
        name = remedy_name(threshold.name, task, series)
        if self._store.holds.is_held(name):
            return None
        remedy = self._store.remedies.get(name)
        if not may_act(threshold.at_most, remedy, self._released(name, now), now):
            often = times(threshold.at_most.times if threshold.at_most is not None else 0)
            self._hold(threshold, name, Reason.BREAKER_OPEN, f"{task} ran {often}", now)
            LOG.error("remedy %s is held: it ran %s without lasting help", name, often)
            return None
        run = submit(
            self._store,
            self._policies.tasks[task],
            policy=self._policies.digest,
            origin=Origin.THRESHOLD,
            cause=threshold.name,
            due=now,
            now=now,
        )
        if run is None:
            return None
        watched = run.id if threshold.helps_within is not None else None
        self._store.remedies.set(name, acted(threshold.at_most, remedy, watched, now))
        return run.id

    def _failed(self, threshold: Threshold, name: str, task: str, remedy: Remedy, now: float) -> bool:
        """A task did not help: remember that, and return whether it may be tried again."""
        after = failed(remedy, self._released(name, now), now)
        self._store.remedies.set(name, after)
        LOG.warning("remedy %s did not help within %s", name, format_duration(threshold.helps_within or 0.0))
        if len(after.failures) < threshold.gives_up_after:
            return True
        if not self._store.holds.is_held(name):
            detail = f"{task} did not help {times(len(after.failures))}"
            self._hold(threshold, name, Reason.DOES_NOT_HELP, detail, now)
            LOG.error("remedy %s is held: it did not help %d times in a row", name, len(after.failures))
        return False

    def _hold(self, threshold: Threshold, name: str, reason: Reason, detail: str, now: float) -> None:
        self._store.holds.place(name, reason, detail, now)
        self._store.outbox.put(remedy_held(threshold, name, detail, now))

    def _run(self, remedy: Remedy) -> Run | None:
        with suppress(NotFound):
            return self._store.runs.get(remedy.awaited) if remedy.awaited is not None else None
        return None

    def _released(self, name: str, now: float) -> float:
        hold = self._store.holds.of(name)
        return counted_from(hold.released if hold is not None else None, now)
