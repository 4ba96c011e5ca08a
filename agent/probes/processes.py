"""Processes by name, for the names that thresholds ask for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import lru_cache

from agent.model.samples import Key, Samples
from agent.probes.group import Measured, read_bytes, read_short
from agent.probes.kernel_file import KernelFile
from agent.probes.roster import Roster

_KERNEL_NAME_LENGTH = 15
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MOST_HELD = 64
"""Of how many processes the file is kept open between passes."""

_OLD = 600.0
"""So many seconds after its start a process is not expected to become another program."""

_PF_KTHREAD = 0x00200000
"""The flag of the kernel's own threads, from its sched.h."""


Usage = tuple[int, int, int]
"""When a process started (in ticks since boot: that tells it from a later one with the same id), the ticks of processor
time that it has used, and the pages of memory that it has."""


class _Held:
    """A process of interest, whose file is kept open; `head` is how that began when `name` was found."""

    __slots__ = ("file", "head", "name")

    def __init__(self, file: KernelFile) -> None:
        self.file = file
        self.head = b""
        self.name = ""


class Processes:
    """All processes of a name are one series.

    The kernel's files are read directly, and few of them: psutil takes ten times as long to tell the same, and this
    is the largest part of a pass on a host with many processes.
    """

    def __init__(self) -> None:
        self._asked: dict[bytes, list[str]] = {}
        self._names: frozenset[str] = frozenset()
        self._at = 0.0
        self._ticks: dict[tuple[str, int], int] = {}
        self._load = KernelFile("/proc/loadavg")
        self._held: dict[str, _Held] = {}
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
        pages: dict[str, int] = {}
        used: dict[str, int] = {}
        ticks: dict[tuple[str, int], int] = {}
        for name, pid, (started, spent, resident) in self._found():
            counts[name] += 1
            pages[name] = pages.get(name, 0) + resident
            ticks[pid, started] = spent
            before = self._ticks.get((pid, started))
            if before is not None and before <= spent:
                used[name] = used.get(name, 0) + spent - before
        elapsed, self._at, self._ticks = now - self._at, now, ticks
        running = tuple([name for name in counts if name in pages])
        known = tuple([name for name in running if name in used]) if elapsed > 0 else ()
        values = [
            *map(float, counts.values()),
            *[float(pages[name] * _PAGE_BYTES) for name in running],
            *[100.0 * used[name] / _TICKS_PER_SECOND / elapsed for name in known],
        ]
        return Measured(Samples(_series(tuple(counts), running, known), values))

    def _newest(self) -> int:
        """Return the id that the kernel gave last, to a process or a thread."""
        return int(self._load.read().rsplit(b" ", 1)[1])

    def _found(self) -> Iterator[tuple[str, str, Usage]]:
        due = self._roster.due()
        for ended in self._held.keys() - due:
            del self._held[ended]
        for pid in due:
            try:
                held = self._held.get(pid)
                line = b"" if held is None else self._line(pid, held)
                if held is not None and line.startswith(held.head):
                    yield held.name, pid, parse_usage(line)
                    continue
                name = self._name_of_interest(pid, line)
                if not name:
                    self._held.pop(pid, None)
                    self._roster.pass_over(pid, _is_settled)
                elif self._roster.of_interest(pid) and not _is_process(pid):
                    self._roster.gone(pid)
                else:
                    yield name, pid, parse_usage(self._hold(pid, name, line))
            except (FileNotFoundError, ProcessLookupError):
                self._roster.gone(pid)

    def _name_of_interest(self, pid: str, line: bytes) -> str:
        told = parse_name(line) if line else read_short(f"/proc/{pid}/comm")[:-1]
        candidates = self._asked.get(told[:_KERNEL_NAME_LENGTH])
        if not candidates:
            return ""
        name = _whole_name(told, pid)
        return name if name in candidates else ""

    def _line(self, pid: str, held: _Held) -> bytes:
        """Return what a file that is kept open says, or nothing where its process has ended."""
        try:
            return held.file.read()
        except ProcessLookupError:
            # An open file stays with its process: once that has ended, another one may have its id.
            del self._held[pid]
            return b""

    def _hold(self, pid: str, name: str, line: bytes) -> bytes:
        """Given a process of interest, keep its file open if there is room; return what that says."""
        held = self._held.get(pid) or _Held(KernelFile(f"/proc/{pid}/stat"))
        line = line or held.file.read()
        told = parse_name(line)
        # What stands behind a name that was cut off may change unseen.
        held.name, held.head = name, line[: line.rindex(b")")] if len(told) < _KERNEL_NAME_LENGTH else b"\n"
        if len(self._held) < _MOST_HELD:
            self._held[pid] = held
        return line


@lru_cache(maxsize=8)
def _series(counted: tuple[str, ...], resident: tuple[str, ...], used: tuple[str, ...]) -> tuple[Key, ...]:
    columns = (("count", counted), ("memory_bytes", resident), ("cpu_percent", used))
    return tuple([(f"process.{what}", (("name", name),)) for what, names in columns for name in names])


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
    fields = line[line.rindex(b")") + 2 :].split(b" ", 22)
    return int(fields[19]), int(fields[11]) + int(fields[12]), int(fields[21])


def _is_settled(pid: str) -> bool:
    """Given an id, tell a process that is not expected to take another name: the kernel's own, or one that is old."""
    fields = read_short(f"/proc/{pid}/stat").rpartition(b") ")[2].split(b" ", 20)
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / _TICKS_PER_SECOND
    return bool(int(fields[6]) & _PF_KTHREAD) or age > _OLD


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
