"""Processor time, load and uptime."""

from __future__ import annotations

import os
import time
from operator import sub

from agent.model.samples import Samples
from agent.probes.group import Measured
from agent.probes.kernel_file import KernelFile

_COUNT_EVERY = 60.0
_FIRST_LINE = 512
"""The first line of /proc/stat, that of all processors together, is never as long."""

_SHARES = tuple((f"cpu.{name}_percent", ()) for name in ("used", "user", "system", "iowait", "steal"))
_LOADS = tuple((f"load.{name}", ()) for name in ("1m", "5m", "15m", "per_cpu_1m", "per_cpu_5m", "per_cpu_15m"))
_UPTIME = (("uptime.seconds", ()),)


class Cpu:
    """Shares of processor time between two passes."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/stat")
        self._before: tuple[int, ...] | None = None

    def read(self, now: float) -> Measured:
        """Return the shares; none on the first pass."""
        del now  # shares are of processor time, not of elapsed time
        before, self._before = self._before, parse_cpu(self._file.head(_FIRST_LINE))
        if before is None:
            return Measured()
        *parts, total = map(sub, self._before, before)
        if total <= 0:
            return Measured()
        # The kernel's iowait counter can go backwards by a tick, and then a share would leave 0..100.
        return Measured(Samples(_SHARES, [min(100.0, max(0.0, 100.0 * part / total)) for part in parts]))


def parse_cpu(table: bytes) -> tuple[int, ...]:
    """Given the text of /proc/stat, return ticks used, by users, by the kernel, waiting for I/O, stolen, and all."""
    columns = table.split(b" ", 10)
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, columns[2:10])
    of_users, of_kernel = user + nice, system + irq + softirq
    used = of_users + of_kernel + steal
    return used, of_users, of_kernel, iowait, steal, used + iowait + idle


class Load:
    """Load averages, and what the kernel tells beside them.

    Processors come and go seldom, and to count them is to open a file: that is done once a minute.
    """

    def __init__(self) -> None:
        self._file = KernelFile("/proc/loadavg")
        self._table = b""
        self._processors = 0
        self._counted = 0.0

    def read(self, now: float) -> Measured:
        """Return the load averages, as they are and per processor."""
        if not self._processors or now - self._counted >= _COUNT_EVERY:
            self._processors, self._counted = os.cpu_count() or 1, now
        count = self._processors
        table = self._table = self._file.read()
        one, five, fifteen = map(float, table.split(b" ", 3)[:3])
        return Measured(Samples(_LOADS, (one, five, fifteen, one / count, five / count, fifteen / count)))

    def newest(self) -> int:
        """Return the id that the kernel gave last, to a process or a thread, by the table that `read` took last."""
        table, self._table = self._table or self._file.read(), b""
        return int(table.rsplit(b" ", 1)[1])


def read_uptime(now: float) -> Measured:
    """Return the time since the kernel started, suspended time included."""
    del now  # whoever asks may count from another instant
    return Measured(Samples(_UPTIME, (time.clock_gettime(time.CLOCK_BOOTTIME),)))
