"""Memory and swap."""

from __future__ import annotations

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured


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
    swap = psutil.swap_memory()
    if swap.total == 0:
        return Measured()
    return Measured(
        [
            Sample("swap.used_percent", (), 100.0 * swap.used / swap.total),
            Sample("swap.free_bytes", (), float(swap.free)),
        ]
    )
