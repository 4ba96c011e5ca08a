"""Processor time of other processes."""

from __future__ import annotations

import time


def cpu_seconds(pid: int) -> float:
    """Given a process, return its processor time so far, to the nanosecond, that of its ended threads included.

    The number of a process' clock is made as the kernel does it (CPUCLOCK_SCHED in posix-timers.h), since Python has
    no clock_getcpuclockid.
    """
    return time.clock_gettime((~pid << 3) | 2)
