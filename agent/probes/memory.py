"""Memory and swap."""

from __future__ import annotations

from agent.model.signals import Sample
from agent.probes.group import Measured
from agent.probes.kernel_file import KernelFile


class Memory:
    """Memory and swap by the kernel's own table, which one reading gives both of."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/meminfo")
        self._table = b""

    def read(self, now: float) -> Measured:
        """Return what is used and available of memory."""
        del now
        self._table = self._file.read()
        total, available = _bytes(self._table, b"MemTotal:"), _bytes(self._table, b"\nMemAvailable:")
        return Measured(
            [
                Sample("memory.used_percent", (), 100.0 * (total - available) / total),
                Sample("memory.available_bytes", (), float(available)),
                Sample("memory.total_bytes", (), float(total)),
            ]
        )

    def read_swap(self, now: float) -> Measured:
        """Return what is used of swap, by the table that `read` took last; nothing on a host without swap."""
        del now
        table, self._table = self._table or self._file.read(), b""
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
