"""How much memory this process has held at most.

Not by getrusage(2), which counts for a process also what the one held that started it.
"""

from __future__ import annotations


def peak() -> int:
    """Return the most resident memory since the process began or forgot it, in KiB."""
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def forget() -> None:
    """Let the peak be what is held now (proc(5))."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")
