"""Processes by name, for the names that thresholds ask for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured, Rates

_KERNEL_NAME_LENGTH = 15
YOUNG_FOR = 3
LOOKED_AT_EVERY = 6

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process uses; `started` (ticks since boot) tells it from a later one with the same id."""

    started: int
    cpu_seconds: float
    resident_bytes: int


class Processes:
    """All processes of a name are one series.

    The kernel's files are read directly, and little of them: psutil takes ten times as long to tell the same, and
    this is the largest part of a pass on a host with many processes. For the same reason a process that was not of
    interest in its first `YOUNG_FOR` passes is looked at again only every `LOOKED_AT_EVERY` passes, each time others:
    one that takes another name late in its life is noticed that much later.
    """

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._rates = Rates[tuple[str, int, int]]()
        self._passes = 0
        self._passed_over: dict[int, int] = {}
        self._passed_over_for: frozenset[str] = frozenset()

    def read(self, now: float) -> Measured:
        """Return count, memory and processor time of each name asked for."""
        if not self.asked:
            return Measured()
        counts = dict.fromkeys(sorted(self.asked), 0)
        memory: dict[str, float] = {}
        cpu: dict[tuple[str, int, int], tuple[float, ...]] = {}
        for name, pid, usage in self._found(psutil.pids()):
            counts[name] += 1
            memory[name] = memory.get(name, 0.0) + usage.resident_bytes
            cpu[name, pid, usage.started] = (usage.cpu_seconds,)
        used: dict[str, float] = {}
        for (name, _, _), (seconds,) in self._rates.per_second(cpu, now).items():
            used[name] = used.get(name, 0.0) + 100.0 * seconds
        return Measured([*_samples("count", counts), *_samples("memory_bytes", memory), *_samples("cpu_percent", used)])

    def _found(self, pids: Iterable[int]) -> Iterator[tuple[str, int, Usage]]:
        asked: dict[bytes, list[str]] = {}
        for name in self.asked:
            asked.setdefault(os.fsencode(name)[:_KERNEL_NAME_LENGTH], []).append(name)
        directory = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for pid in self._worth_a_look(pids):
                try:
                    short = _read(f"{pid}/comm", directory)[:-1]
                    name = _whole_name(short, pid, directory) if short in asked else ""
                    if name not in asked.get(short, ()):
                        self._passed_over[pid] = self._passed_over.get(pid, 0) + 1
                        continue
                    self._passed_over.pop(pid, None)
                    yield name, pid, parse_usage(_read(f"{pid}/stat", directory))
                except (FileNotFoundError, ProcessLookupError):
                    continue  # the process has ended since it was listed
        finally:
            os.close(directory)

    def _worth_a_look(self, pids: Iterable[int]) -> list[int]:
        """Given all processes, return those to look at in this pass, and forget those that have ended."""
        if self._passed_over_for != self.asked:
            self._passed_over_for, self._passed_over = self.asked, {}
        self._passes += 1
        turn = self._passes % LOOKED_AT_EVERY
        before = self._passed_over
        self._passed_over = {pid: before[pid] for pid in pids if pid in before}
        return [pid for pid in pids if before.get(pid, 0) < YOUNG_FOR or pid % LOOKED_AT_EVERY == turn]


def parse_usage(line: bytes) -> Usage:
    """Given the bytes of /proc/PID/stat, return what the process uses; its name may hold any character."""
    fields = line[line.rindex(b")") + 2 :].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(int(fields[19]), ticks / _TICKS_PER_SECOND, int(fields[21]) * _PAGE_BYTES)


def _whole_name(short: bytes, pid: int, directory: int) -> str:
    """Given the kernel's name of a process, return it whole: what was cut off stands in its arguments, if anywhere.

    The first argument is the program; of a script it is the interpreter, and the second is the script.
    """
    if len(short) == _KERNEL_NAME_LENGTH:
        for argument in _read(f"{pid}/cmdline", directory).split(b"\0")[:2]:
            whole = os.path.basename(argument)
            if whole.startswith(short):
                return os.fsdecode(whole)
    return os.fsdecode(short)


def _read(path: str, directory: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        return os.read(file, 4096)
    finally:
        os.close(file)


def _samples(what: str, numbers: dict[str, int] | dict[str, float]) -> Iterator[Sample]:
    return (Sample(f"process.{what}", (("name", name),), float(number)) for name, number in numbers.items())
