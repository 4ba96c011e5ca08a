"""How long a thread has been ready to work and was given no processor."""

from __future__ import annotations


def waited(thread: int) -> float:
    """Given a thread of this process by the kernel's id, return for how many seconds it has waited since its start.

    0.0 where the kernel keeps no account of it (CONFIG_SCHED_INFO). A control group that has used up its share of a
    processor waits too.
    """
    try:
        with open(f"/proc/self/task/{thread}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0
