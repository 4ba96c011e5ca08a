"""Processes by name, for the names that thresholds ask for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured, Rates

_KERNEL_NAME_LENGTH = 15


class Processes:
    """All processes of a name are one series.

    The kernel keeps 15 bytes of a name; a longer one is compared with the file name of the first argument. One read
    per process finds those of interest: psutil takes three times as long to tell only the names.
    """

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._rates = Rates[tuple[str, int, float]]()

    def read(self, now: float) -> Measured:
        """Return count, memory and processor time of each name asked for."""
        if not self.asked:
            return Measured()
        counts = dict.fromkeys(sorted(self.asked), 0)
        memory: dict[str, float] = {}
        cpu: dict[tuple[str, int, float], tuple[float, ...]] = {}
        for name, process in self._of_interest(psutil.pids()):
            try:
                with process.oneshot():
                    times, resident = process.cpu_times(), process.memory_info().rss
                    key = (name, process.pid, process.create_time())
            except psutil.NoSuchProcess:
                continue
            counts[name] += 1
            memory[name] = memory.get(name, 0.0) + resident
            cpu[key] = (times.user + times.system,)
        used: dict[str, float] = {}
        for (name, _, _), (seconds,) in self._rates.per_second(cpu, now).items():
            used[name] = used.get(name, 0.0) + 100.0 * seconds
        return Measured([*_samples("count", counts), *_samples("memory_bytes", memory), *_samples("cpu_percent", used)])

    def _of_interest(self, pids: Iterable[int]) -> Iterator[tuple[str, psutil.Process]]:
        short = {name.encode()[:_KERNEL_NAME_LENGTH]: name for name in self.asked}
        long = {name for name in self.asked if len(name.encode()) > _KERNEL_NAME_LENGTH}
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                    line = file.read()
                name = short.get(line[line.index(b"(") + 1 : line.rindex(b")")])
                if name is None or (name in long and _first_argument(pid) not in long):
                    continue
                yield name if name not in long else _first_argument(pid), psutil.Process(pid)
            except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
                continue


def _first_argument(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
        return os.path.basename(file.read(4096).partition(b"\0")[0]).decode("utf-8", "replace")


def _samples(what: str, numbers: dict[str, int] | dict[str, float]) -> Iterator[Sample]:
    return (Sample(f"process.{what}", (("name", name),), float(number)) for name, number in numbers.items())
