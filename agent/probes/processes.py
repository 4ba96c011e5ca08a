"""Processes by name, for the names that thresholds ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec import Struct

from agent.model.signals import Sample
from agent.probes.group import Measured, Rates, read_bytes
from agent.probes.kernel_file import KernelFile
from agent.probes.roster import Roster

_KERNEL_NAME_LENGTH = 15
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MOST_HELD = 64
"""Of how many processes the file is kept open between passes."""

_PF_KTHREAD = 0x00200000
"""The flag of the kernel's own threads, from its sched.h."""


class Usage(Struct, frozen=True):
    """What one process uses; `started` (ticks since boot) tells it from a later one with the same id."""

    started: int
    cpu_seconds: float
    resident_bytes: int


class Processes:
    """All processes of a name are one series.

    The kernel's files are read directly, and few of them: psutil takes ten times as long to tell the same, and this
    is the largest part of a pass on a host with many processes.
    """

    def __init__(self) -> None:
        self._asked: dict[bytes, list[str]] = {}
        self._names: frozenset[str] = frozenset()
        self._rates = Rates[tuple[str, str, int]]()
        self._load = KernelFile("/proc/loadavg")
        self._held: dict[str, KernelFile] = {}
        self._roster = Roster(_list_processes, self._newest)

    def ask(self, names: frozenset[str]) -> None:
        """Given the names of interest, measure these from the next pass on."""
        if names != self._names:
            self._names, self._asked, self._roster = names, {}, Roster(_list_processes, self._newest)
            self._held = {}
            for name in names:
                self._asked.setdefault(os.fsencode(name)[:_KERNEL_NAME_LENGTH], []).append(name)

    def read(self, now: float) -> Measured:
        """Return count, memory and processor time of each name asked for."""
        if not self._names:
            return Measured()
        counts = dict.fromkeys(sorted(self._names), 0)
        memory: dict[str, float] = {}
        cpu: dict[tuple[str, str, int], tuple[float, ...]] = {}
        for name, pid, usage in self._found():
            counts[name] += 1
            memory[name] = memory.get(name, 0.0) + usage.resident_bytes
            cpu[name, pid, usage.started] = (usage.cpu_seconds,)
        used: dict[str, float] = {}
        for (name, _, _), (seconds,) in self._rates.per_second(cpu, now).items():
            used[name] = used.get(name, 0.0) + 100.0 * seconds
        return Measured([*_samples("count", counts), *_samples("memory_bytes", memory), *_samples("cpu_percent", used)])

    def _newest(self) -> int:
        """Return the id that the kernel gave last, to a process or a thread."""
        return int(self._load.read().rsplit(b" ", 1)[1])

    def _found(self) -> Iterator[tuple[str, str, Usage]]:
        due = self._roster.due()
        for ended in self._held.keys() - set(due):
            del self._held[ended]
        for pid in due:
            try:
                line = self._held_line(pid)
                told = parse_name(line) if line else read_bytes(f"/proc/{pid}/comm")[:-1]
                candidates = self._asked.get(told[:_KERNEL_NAME_LENGTH])
                name = _whole_name(told, pid) if candidates else ""
                if not candidates or name not in candidates:
                    self._held.pop(pid, None)
                    self._roster.pass_over(pid, _is_kernel_thread)
                elif self._roster.of_interest(pid) and not _is_process(pid):
                    self._roster.gone(pid)
                else:
                    yield name, pid, parse_usage(line or self._first_line(pid))
            except (FileNotFoundError, ProcessLookupError):
                self._roster.gone(pid)

    def _held_line(self, pid: str) -> bytes:
        """Return what a file that is kept open says, or nothing where none is."""
        held = self._held.get(pid)
        try:
            return b"" if held is None else held.read()
        except ProcessLookupError:
            # An open file stays with its process: once that has ended, another one may have its id.
            del self._held[pid]
            return b""

    def _first_line(self, pid: str) -> bytes:
        file = KernelFile(f"/proc/{pid}/stat")
        if len(self._held) < _MOST_HELD:
            self._held[pid] = file
        return file.read()


def _list_processes() -> set[str]:
    return {entry for entry in os.listdir("/proc") if entry.isdigit()}


def _is_process(pid: str) -> bool:
    """Given an id, tell a process from one of its threads, which has files of its own there without being listed."""
    status = read_bytes(f"/proc/{pid}/status")
    return status.partition(b"\nTgid:")[2].split(maxsplit=1)[0] == pid.encode()


def parse_name(line: bytes) -> bytes:
    """Given the bytes of /proc/PID/stat, return the name that the kernel tells; it may hold any character."""
    return line[line.index(b"(") + 1 : line.rindex(b")")]


def parse_usage(line: bytes) -> Usage:
    """Given the bytes of /proc/PID/stat, return what the process uses; its name may hold any character."""
    fields = line[line.rindex(b")") + 2 :].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(int(fields[19]), ticks / _TICKS_PER_SECOND, int(fields[21]) * _PAGE_BYTES)


def _is_kernel_thread(pid: str) -> bool:
    fields = read_bytes(f"/proc/{pid}/stat").rpartition(b") ")[2].split()
    return bool(int(fields[6]) & _PF_KTHREAD)


def _whole_name(told: bytes, pid: str) -> str:
    """Given the name that the kernel tells, return the whole: what it cut off stands in the arguments, if anywhere.

    The first argument is the program; of a script it is the interpreter, and the second is the script. The names of
    the kernel's own threads are not cut.
    """
    if len(told) == _KERNEL_NAME_LENGTH:
        for argument in read_bytes(f"/proc/{pid}/cmdline").split(b"\0")[:2]:
            whole = os.path.basename(argument)
            if whole.startswith(told):
                return os.fsdecode(whole)
    return os.fsdecode(told)


def _samples(what: str, numbers: dict[str, int] | dict[str, float]) -> Iterator[Sample]:
    return (Sample(f"process.{what}", (("name", name),), float(number)) for name, number in numbers.items())
