"""How long a connection waits for another's write, and how often it looks whether that is over."""

from __future__ import annotations

from agent.host.clock import SystemClock
from agent.ports import Clock

SHARE, LEAST, MOST = 0.125, 0.0005, 0.02
"""It sleeps for a share of what it has waited, no shorter and no longer than so many seconds at a time.

A write takes some milliseconds; SQLite's own handler soon sleeps for 10 and for 20, in which others overtake it.
"""


class Patience:
    """A busy handler for SQLite that gives up after so many seconds."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._begun = 0.0

    def __call__(self, tries: int) -> bool:
        """Given how often it was asked about the same lock before, wait a little; False when it has been too long."""
        now = self._clock.monotonic()
        if not tries:
            self._begun = now
        waited = now - self._begun
        if waited >= self._seconds:
            return False
        self._clock.sleep(min(MOST, max(LEAST, SHARE * waited)))
        return True
