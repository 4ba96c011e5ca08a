"""Processor time, load and uptime."""

from __future__ import annotations

import os
import time

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured

_COUNT_EVERY = 60.0
_NAMES = ("used", "user", "system", "iowait", "steal")


class Cpu:
    """Shares of processor time between two passes."""

    def __init__(self) -> None:
        self._before: tuple[float, ...] | None = None

    def read(self, now: float) -> Measured:
        """Return the shares; none on the first pass."""
        del now  # shares are of processor time, not of elapsed time
        t = psutil.cpu_times()
        user, system = t.user + t.nice, t.system + t.irq + t.softirq
        used = user + system + t.steal
        current = (used, user, system, t.iowait, t.steal, used + t.iowait + t.idle)
        before, self._before = self._before, current
        if before is None:
            return Measured()
        *parts, total = (new - old for new, old in zip(current, before, strict=True))
        if total <= 0:
            return Measured()
        # The kernel's iowait counter can go backwards by a tick, and then a share would leave 0..100.
        shares = (min(100.0, max(0.0, 100.0 * part / total)) for part in parts)
        return Measured([Sample(f"cpu.{name}_percent", (), share) for name, share in zip(_NAMES, shares, strict=True)])


class Load:
    """Load averages. Processors come and go seldom, and to count them is to open a file: that is done once a minute."""

    def __init__(self) -> None:
        self._processors = 0
        self._counted = 0.0

    def read(self, now: float) -> Measured:
        """Return the load averages, as they are and per processor."""
        if not self._processors or now - self._counted >= _COUNT_EVERY:
            self._processors, self._counted = os.cpu_count() or 1, now
        found = Measured()
        for name, load in zip(("1m", "5m", "15m"), os.getloadavg(), strict=True):
            found.samples += [
                Sample(f"load.{name}", (), load),
                Sample(f"load.per_cpu_{name}", (), load / self._processors),
            ]
        return found


def read_uptime(now: float) -> Measured:
    """Return the time since the kernel started, suspended time included."""
    del now  # whoever asks may count from another instant
    return Measured([Sample("uptime.seconds", (), time.clock_gettime(time.CLOCK_BOOTTIME))])
