"""The store's own maintenance: forget what is old, keep the file small, and keep room for the day the disk is full."""

from __future__ import annotations

from agent.daemon.loop import Loop
from agent.ports import Clock
from agent.store import Store
from agent.store.runs import PRUNED_AT_MOST

UPKEEP_SECONDS = 3600.0

AGAIN_SECONDS = 1.0
"""How soon it goes on where there was more to forget than is forgotten at a time."""


class Upkeep:
    """Keeps a store, given after how many seconds runs are forgotten."""

    def __init__(self, store: Store, history: float, loop: Loop, clock: Clock) -> None:
        self._store = store
        self._history = history
        self._loop = loop
        self._clock = clock

    def start(self) -> None:
        """Do it every hour from here on."""
        self._loop.every(UPKEEP_SECONDS, self.do)

    def do(self) -> None:
        """Do it once."""
        now = self._clock.now().timestamp()
        removed = self._store.runs.prune(now - self._history, now)
        again = self._clock.monotonic() + AGAIN_SECONDS if removed >= PRUNED_AT_MOST else None
        self._loop.alarm("upkeep", again, self.do)
        self._store.connection.checkpoint()
        self._store.connection.restore_ballast()
