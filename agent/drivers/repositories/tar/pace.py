"""Holds a stream to so many bytes a second, so that a backup leaves the disk to others."""

from __future__ import annotations

from collections.abc import Callable

from agent.ports import Clock, StopRequested

_SLICE = 0.5
"""Seconds after which it is looked whether the run is to stop."""


class Pace:
    """Waits wherever more has gone by than `limit` bytes a second allow; 0 is no limit.

    What was not used up in a second in which nothing came is not made up for later.
    """

    def __init__(self, clock: Clock, limit: int, stop: Callable[[], bool]) -> None:
        self._clock = clock
        self._limit = limit
        self._stop = stop
        self._free = clock.monotonic()
        """When all that has gone by is paid for."""

    def passed(self, count: int) -> None:
        """Given how many bytes have gone by since the last time, wait as long as they take. Raises StopRequested."""
        if not self._limit:
            return
        self._free = max(self._free, self._clock.monotonic()) + count / self._limit
        while (left := self._free - self._clock.monotonic()) > 0:
            if self._stop():
                raise StopRequested
            self._clock.sleep(min(left, _SLICE))
