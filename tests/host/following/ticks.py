"""Instants of files: the kernel takes them from a clock that goes by ticks, or, once looked at, from a finer one.

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
