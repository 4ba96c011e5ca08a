"""Memory and swap."""

from __future__ import annotations

from agent.model.signals import Sample
from agent.probes.group import Measured
from agent.probes.kernel_file import KernelFile


class Memory:
    """Both groups from one reading of the kernel's table."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/meminfo")
        self._at = -1.0
        self._table = ""

    def read(self, now: float) -> Measured:
        """Return what is used and available of memory."""
        total, available = self._bytes(now, "MemTotal"), self._bytes(now, "MemAvailable")
        return Measured(
            [
                Sample("memory.used_percent", (), 100.0 * (total - available) / total),
                Sample("memory.available_bytes", (), float(available)),
                Sample("memory.total_bytes", (), float(total)),
            ]
        )

    def read_swap(self, now: float) -> Measured:
        """Return what is used of swap; nothing on a host without swap."""
        total, free = self._bytes(now, "SwapTotal"), self._bytes(now, "SwapFree")
        if total == 0:
            return Measured()
        return Measured(
            [
                Sample("swap.used_percent", (), 100.0 * (total - free) / total),
                Sample("swap.free_bytes", (), float(free)),
            ]
        )

    def _bytes(self, now: float, name: str) -> int:
        if self._at != now:
            self._at, self._table = now, self._file.text()
        return parse_bytes(self._table, name)


def parse_bytes(table: str, name: str) -> int:
    """Given the text of /proc/meminfo and the name of a line, return its number of bytes; KeyError without the line."""
    _, found, rest = f"\n{table}".partition(f"\n{name}:")
    if not found:
        raise KeyError(f"/proc/meminfo does not tell {name}")
    return int(rest.split(maxsplit=1)[0]) * 1024
