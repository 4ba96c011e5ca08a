"""Threads that measure: one does job after job as long as none takes long, and no job waits for one that does."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

MOST_THREADS = 256
"""So many measurements are under way at most; further ones wait, and are late."""

HAND_ON = 0.005
"""Seconds that a job gets before those behind it are handed on: to four more threads, then to sixteen, and so on."""

FULL = 0.1
"""Seconds between two looks while there is no thread to be had."""

_STACK = 1 << 19


class Crew:
    """Takes jobs and does each in a thread of its own choice; a job must not raise.

    To wake a thread costs more than most measurements, and threads that run at once delay one another, which is then
    measured too. `do` and `look` are for one thread.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._most = most
        self._awake = 0
        self._asleep: list[threading.Lock] = []
        """What each thread that sleeps waits for; the last to fall asleep is woken first, for what it holds is warm."""

        self._taken_at = -math.inf
        self._more = 1

    def do(self, job: Callable[[], None]) -> None:
        """Have a job done after the next `look`."""
        with self._lock:
            self._jobs.append(job)

    def look(self) -> float:
        """See that jobs get on, and return after how many seconds to look again."""
        now = time.monotonic()
        with self._lock:
            if not self._jobs:
                self._more = 1
                return math.inf
            if self._awake and now < self._taken_at + HAND_ON:
                return self._taken_at + HAND_ON - now
            waiting = len(self._jobs)
            count = min(self._more, waiting, self._most - self._awake)
            self._awake += count
            called = [self._asleep.pop() for _ in range(min(count, len(self._asleep)))]
            self._more = 1 if count == waiting else min(4 * self._more, self._most)
        for call in called:
            call.release()
        for _ in range(count - len(called)):
            threading.stack_size(_STACK)
            threading.Thread(target=self._work, name="probe", daemon=True).start()
        if count == waiting:  # each takes one at least
            return math.inf
        return HAND_ON if count else FULL

    def _work(self) -> None:
        call = threading.Lock()
        call.acquire()
        while True:
            while (job := self._next(call)) is not None:
                job()
            call.acquire()

    def _next(self, call: threading.Lock) -> Callable[[], None] | None:
        """Return the next job; where there is none, the thread may fall asleep until `call` is released."""
        with self._lock:
            if not self._jobs:
                self._awake -= 1
                self._asleep.append(call)
                return None
            self._taken_at = time.monotonic()
            return self._jobs.popleft()
