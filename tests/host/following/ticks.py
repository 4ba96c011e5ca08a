"""Instants of files, which the kernel takes from a clock that goes by ticks, or from a finer one where it was looked at.

Since Linux 6.13 a file whose instants were asked for gets the next ones from the fine clock (multigrain timestamps).
"""

from __future__ import annotations

import time

CLOCK_REALTIME_COARSE = 5
"""The clock that no instant of a file is behind (clock_gettime(2))."""


def tick() -> float:
    """Return an instant after those of all files so far, and before those of all that are written after the next."""
    before = time.time()
    while time.clock_gettime(CLOCK_REALTIME_COARSE) <= before:
        pass
    return time.time()
