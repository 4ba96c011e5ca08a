"""Instants of files, which the kernel takes from a clock that goes by ticks."""

from __future__ import annotations

import time

CLOCK_REALTIME_COARSE = 5
"""The clock that instants of files are taken from (clock_gettime(2))."""


def tick() -> float:
    """Wait until instants of files differ from those before, and return the new one."""
    before = now = time.clock_gettime(CLOCK_REALTIME_COARSE)
    while now == before:
        now = time.clock_gettime(CLOCK_REALTIME_COARSE)
    return now
