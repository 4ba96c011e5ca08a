"""How much of the host's processors, memory and disks is used, and how long tasks wait for them."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

from agent.readable import size

MOST_DISKS = 40

_MEMORY = ("MemTotal", "MemFree", "MemAvailable", "Cached", "Dirty", "Writeback", "Shmem", "SReclaimable", "SUnreclaim")
_PRESSURES = ("cpu", "memory", "io")


def collect() -> tuple[str, str]:
    """Return what the kernel says of itself."""
    missing = [f"/proc/pressure/{name}" for name in _PRESSURES if not _read(f"/proc/pressure/{name}")]
    lines = [f"load {_read('/proc/loadavg').strip()}", f"processors {psutil.cpu_count() or 0}", ""]
    for name in _PRESSURES:
        lines += [f"{name} {line}" for line in _read(f"/proc/pressure/{name}").splitlines()]
    lines += ["", *_memory(), "", *_disks()]
    return "\n".join(lines), f"not there: {', '.join(missing)}" if missing else ""


def _read(path: str) -> str:
    with suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read()
    return ""


def _memory() -> list[str]:
    found = dict(line.split(":", 1) for line in _read("/proc/meminfo").splitlines() if ":" in line)
    lines = [f"{name:<14} {found[name].strip()}" for name in _MEMORY if name in found]
    swap = psutil.swap_memory()
    return [*lines, f"{'Swap used':<14} {size(swap.used)} of {size(swap.total)}"]


def _disks() -> list[str]:
    lines = [f"{'used':>6}  {'free':>12}  {'size':>12}  {'inodes':>6}  mount point"]
    # Those of other hosts may never answer.
    for partition in psutil.disk_partitions(all=False)[:MOST_DISKS]:
        with suppress(OSError):
            usage, inodes = psutil.disk_usage(partition.mountpoint), _inodes(partition.mountpoint)
            lines.append(
                f"{usage.percent:>5.1f}%  {size(usage.free):>12}  {size(usage.total):>12}  {inodes:>6}  "
                f"{partition.mountpoint}"
            )
    return lines


def _inodes(path: str) -> str:
    found = os.statvfs(path)
    return f"{100 * (1 - found.f_favail / found.f_files):.1f}%" if found.f_files else "-"
