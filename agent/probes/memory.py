"""Memory and swap."""

from __future__ import annotations

from agent.model.samples import Samples
from agent.probes.group import Measured
from agent.probes.kernel_file import KernelFile

_MEMORY = tuple((f"memory.{name}", ()) for name in ("used_percent", "available_bytes", "total_bytes"))
_SWAP = tuple((f"swap.{name}", ()) for name in ("used_percent", "free_bytes"))


class Memory:
    """Memory and swap by the kernel's own table, which one reading gives both of."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/meminfo")
        self._table = b""

    def read(self, now: float) -> Measured:
        """Return what is used and available of memory."""
        del now
        table = self._table = self._file.read()
        total, available = _bytes(table, b"MemTotal:"), _bytes(table, b"\nMemAvailable:")
        return Measured(Samples(_MEMORY, (100.0 * (total - available) / total, float(available), float(total))))

    def read_swap(self, now: float) -> Measured:
        """Return what is used of swap, by the table that `read` took last; nothing on a host without swap."""
        del now
        table, self._table = self._table or self._file.read(), b""
        total = _bytes(table, b"\nSwapTotal:")
        if total == 0:
            return Measured()
        free = _bytes(table, b"\nSwapFree:")
        return Measured(Samples(_SWAP, (100.0 * (total - free) / total, float(free))))


def _bytes(table: bytes, name: bytes) -> int:
    """Given the text of /proc/meminfo, return a number that it gives in kibibytes."""
    begin = table.index(name) + len(name)
    return 1024 * int(table[begin : table.index(b"k", begin)])
