"""A bell for the watcher to ring."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.host.watch import Watcher

WITHIN = 1.0


class Bell:
    """Counts wake-ups; a test waits until one more has come."""

    def __init__(self) -> None:
        self.count = 0
        self._condition = threading.Condition()

    def ring(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def rang_after(self, count: int, within: float = WITHIN) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self.count > count, within)


@contextmanager
def watching(directory: Path, *, inotify: bool = True) -> Iterator[tuple[Watcher, Bell]]:
    bell = Bell()
    watcher = Watcher(str(directory), bell.ring, inotify=inotify, poll_every=0.05)
    watcher.start()
    try:
        yield watcher, bell
    finally:
        watcher.stop()


def settled(bell: Bell) -> int:
    """Return the count of wake-ups once none has come for a while."""
    while bell.rang_after(bell.count, within=0.15):
        pass
    return bell.count
