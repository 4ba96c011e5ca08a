"""Why a threshold that fires is told to nobody: its parents explain it, or maintenance that this agent does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from msgspec import Struct

from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.model.signals import Labels
from agent.rules.muting import ancestors, explains
from agent.store import Store

Explaining = Callable[[str], Set[Labels]]
"""Given the name of a threshold, which of its series explain at this moment what is wrong elsewhere."""


class Mute(Struct, frozen=True):
    """The reason, and the threshold or task that it comes from."""

    reason: str
    by: str


class Mutes:
    """Which thresholds of the set in force mute which."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._above: Mapping[str, tuple[str, ...]] = {}
        self._tasks: dict[str, list[Task]] = {}

    def put_in_force(self, policies: PolicySet) -> None:
        """Mute by this policy set from now on."""
        self._above = ancestors({name: found.parents for name, found in policies.thresholds.items() if found.parents})
        self._tasks = {}
        for task in policies.tasks.values():
            for name in task.mutes:
                self._tasks.setdefault(name, []).append(task)

    def why(self, threshold: str, series: Labels, explaining: Explaining, now: float) -> Mute | None:
        """Return what mutes a series of a threshold at `now` (seconds since the epoch), None where nothing does."""
        for parent in self._above.get(threshold, ()):
            if explains(series, explaining(parent)):
                return Mute(Reason.PARENT_FIRING, parent)
        for task in self._tasks.get(threshold, ()):
            if self._store.runs.at_work_since(task.name, now - task.mutes_for, now):
                return Mute(Reason.OWN_MAINTENANCE, task.name)
        return None
