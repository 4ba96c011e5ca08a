"""Memory and swap."""

from __future__ import annotations

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured
from agent.probes.kernel_file import KernelFile


def read_memory(now: float) -> Measured:
    """Return what is used and available of memory."""
    del now
    memory = psutil.virtual_memory()
    return Measured(
        [
            Sample("memory.used_percent", (), 100.0 * (memory.total - memory.available) / memory.total),
            Sample("memory.available_bytes", (), float(memory.available)),
            Sample("memory.total_bytes", (), float(memory.total)),
        ]
    )


class Swap:
    """Swap as the kernel's table of memory tells it; psutil reads paging counters with it, for ten times the time."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/meminfo")

    def read(self, now: float) -> Measured:
        """Return what is used of swap; nothing on a host without swap."""
        del now
        table = self._file.read()
        total, free = _bytes(table, b"\nSwapTotal:"), _bytes(table, b"\nSwapFree:")
        if total == 0:
            return Measured()
        return Measured(
            [
                Sample("swap.used_percent", (), 100.0 * (total - free) / total),
                Sample("swap.free_bytes", (), float(free)),
            ]
        )


def _bytes(table: bytes, name: bytes) -> int:
    """Given the text of /proc/meminfo, return a number that it gives in kibibytes."""
    return 1024 * int(table.partition(name)[2].split(maxsplit=1)[0])
