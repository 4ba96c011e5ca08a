"""The processes that use the most processor time and memory."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple

import psutil

SECONDS = 0.5
"""Between the two looks of which the difference is what a process uses."""

ROWS = 12


class _Process(NamedTuple):
    pid: int
    name: str
    user: str
    state: str
    threads: int
    seconds: float
    resident: int


def collect() -> tuple[str, str]:
    """Return two tables. Arguments of commands are left out, since people put secrets there."""
    before, begun = _looked(), time.monotonic()
    time.sleep(SECONDS)
    after, elapsed = _looked(), time.monotonic() - begun
    used = {pid: 100 * (one.seconds - before[pid].seconds) / elapsed for pid, one in after.items() if pid in before}
    busiest = sorted(used, key=lambda pid: -used[pid])[:ROWS]
    largest = sorted(after, key=lambda pid: -after[pid].resident)[:ROWS]
    lines = [f"by processor time over {elapsed:.1f} s, of {len(after)} processes", *_table(after, used, busiest)]
    return "\n".join([*lines, "", "by resident memory", *_table(after, used, largest)]), ""


def _looked() -> dict[int, _Process]:
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error), process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
            spent = times.user + times.system
            found[process.pid] = _Process(
                process.pid,
                process.name(),
                process.username(),
                process.status(),
                process.num_threads(),
                spent,
                memory.rss,
            )
    return found


def _table(processes: dict[int, _Process], used: dict[int, float], chosen: list[int]) -> list[str]:
    lines = [f"{'pid':>8}  {'user':<16}  {'cpu %':>6}  {'memory MiB':>10}  {'threads':>7}  {'state':<10}  name"]
    for pid in chosen:
        one = processes[pid]
        lines.append(
            f"{pid:>8}  {one.user[:16]:<16}  {used.get(pid, 0.0):>6.1f}  {one.resident / 2**20:>10.1f}  "
            f"{one.threads:>7}  {one.state:<10}  {one.name}"
        )
    return lines
