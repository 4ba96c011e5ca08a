"""A clock for those who wait for others: each sleep is longer than anybody waits, and something may happen in it."""

from __future__ import annotations

from collections.abc import Callable

from agent.host.clock import SystemClock


class Hasty(SystemClock):
    """Time that passes by itself, and by an hour in each sleep. `slept` counts those."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None, hours: float = 1.0) -> None:
        self._meanwhile = meanwhile
        self._hours = hours
        self.slept = 0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept * self._hours * 3600.0

    def sleep(self, seconds: float) -> None:
        self.slept += 1
        self._meanwhile()
