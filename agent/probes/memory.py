"""Memory and swap."""

from __future__ import annotations

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured, read_text


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


def read_swap(now: float) -> Measured:
    """Return what is used of swap; nothing on a host without swap."""
    del now
    # psutil would also count what is swapped in and out, for which it reads a far larger file than this one.
    total, free = parse_swap(read_text("/proc/meminfo"))
    if total == 0:
        return Measured()
    return Measured(
        [
            Sample("swap.used_percent", (), 100.0 * (total - free) / total),
            Sample("swap.free_bytes", (), float(free)),
        ]
    )


def parse_swap(text: str) -> tuple[int, int]:
    """Given the text of /proc/meminfo, return the bytes of swap there are, and those that are free."""
    total, free = (int(text.partition(f"\n{name}:")[2].split(maxsplit=1)[0]) for name in ("SwapTotal", "SwapFree"))
    return total * 1024, free * 1024
