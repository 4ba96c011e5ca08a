"""Runs that the command line makes beside the daemon: it tells of their ends too, so that what it tells is complete."""

from __future__ import annotations

from collections.abc import Callable, Collection

from agent.model.runs import Run
from agent.store import Store


class Others:
    """Keeps the runs that others made since `start` until they have ended. `ended` hears of each that has."""

    def __init__(self, store: Store, ended: Callable[[Run], None]) -> None:
        self._store = store
        self._ended = ended
        self._seen = 0
        self._at_work: set[int] = set()
        self._told: set[int] = set()
        """Runs newer than the last look, of which somebody has told already."""

    def start(self) -> None:
        """What is in the store by now is known."""
        self._seen = self._store.runs.last_id()

    def told(self, number: int) -> None:
        """The end of a run was told: whoever adopted it did."""
        self._at_work.discard(number)
        if number > self._seen:
            self._told.add(number)

    def look(self, watched: Collection[int]) -> None:
        """Others have written: tell of the runs of theirs that have ended, but for those that were adopted.

        Whoever watches a run's process tells of the run once the process has ended, a moment after the run.
        """
        before, self._seen = self._seen, self._store.runs.last_id()
        self._at_work.update(set(self._store.runs.made_by_hand(before, self._seen)) - self._told)
        self._told = {number for number in self._told if number > self._seen}
        for number in sorted(self._at_work.difference(watched)):
            run = self._store.runs.get(number)
            if run.ended is not None:
                self.told(number)
                self._ended(run)
