"""Threads that measure: as many as measurements are under way, and no measurement waits for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

MOST_THREADS = 256
"""So many measurements are under way at most; further ones wait, and are late."""

_STACK = 1 << 19


class Crew:
    """Takes jobs and does each in a thread of its own choice; a job must not raise."""

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._most = most
        self._spare = self._threads = 0

    def do(self, job: Callable[[], None]) -> None:
        """Have a job done."""
        with self._lock:
            self._spare -= 1
            hire = self._spare < 0 and self._threads < self._most
            self._threads += hire
            self._spare += hire
        self._jobs.put(job)
        if hire:
            threading.stack_size(_STACK)
            threading.Thread(target=self._work, name="probe", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                self._spare += 1
