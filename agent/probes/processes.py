"""Processes by name, for the names that thresholds ask for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from agent.model.samples import Key, Samples
from agent.probes.cpu import Load
from agent.probes.group import Measured, read_bytes, read_short
from agent.probes.kernel_file import KernelFile
from agent.probes.roster import KERNELS_LOOKED_AT_EVERY, LOOKED_AT_EVERY, SETTLED_LOOKED_AT_EVERY, Roster

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


_Seen = tuple[str, str, Usage]
"""The name of a process of interest, its id, and what it uses."""


class _Total:
    """What all processes of a name use; `known` tells whether it is known of any what it has spent since before."""

    __slots__ = ("count", "known", "pages", "spent")

    def __init__(self) -> None:
        self.count = self.pages = self.spent = 0
        self.known = False


class _Held:
    """A process of interest, whose file is kept open; `head` is how that began when `name` was found."""

    __slots__ = ("_line", "_usage", "file", "head", "name")

    def __init__(self, file: KernelFile) -> None:
        self.file = file
        self.head = b""
        self.name = ""
        self._line = b""
        self._usage: Usage = (0, 0, 0)

    def usage(self, line: bytes) -> Usage:
        """Given what the file says, return what the process uses; of one that has done nothing it says the same."""
        if line != self._line:
            self._line, self._usage = line, parse_usage(line)
        return self._usage


class Processes:
    """All processes of a name are one series.

    The kernel's files are read directly, and few of them: psutil takes ten times as long to tell the same, and this
    is the largest part of a pass on a host with many processes. `newest` returns the id that was given last.
    """

    def __init__(self, newest: Callable[[], int] | None = None) -> None:
        self._asked: dict[bytes, list[str]] = {}
        self._names: frozenset[str] = frozenset()
        self._sorted: list[str] = []
        self._at = 0.0
        self._ticks: dict[tuple[str, int], int] = {}
        self._newest = newest or Load().newest
        self._held: dict[str, _Held] = {}
        self._said: dict[str, bytes] | None = None
        self._totals: dict[str, _Total] = {}
        self._at_rest: Samples | None = None
        self._roster = Roster(_list_processes, self._newest)

    def ask(self, names: frozenset[str]) -> None:
        """Given the names of interest, measure these from the next pass on."""
        if names != self._names:
            self._names, self._sorted, self._asked, self._held, self._said = names, sorted(names), {}, {}, None
            self._roster = Roster(_list_processes, self._newest)
            for name in names:
                self._asked.setdefault(os.fsencode(name)[:_KERNEL_NAME_LENGTH], []).append(name)

    def read(self, now: float) -> Measured:
        """Return count, memory and processor time of each name asked for."""
        if not self._names:
            return Measured()
        due = self._roster.due()
        lines = self._lines(due)
        found = [one for pid in due if pid not in lines and (one := self._look(pid, b""))]
        if not found and lines == self._said and now > self._at:
            self._at = now
            if self._at_rest is None:
                self._at_rest = self._resting()
            return Measured(self._at_rest)
        self._at_rest, self._said = None, None if found else lines
        for pid, line in lines.items():
            held = self._held[pid]
            if line.startswith(held.head):
                found.append((held.name, pid, held.usage(line)))
            else:
                self._said = None
                if one := self._look(pid, line):
                    found.append(one)
        return self._measured(found, now)

    def _measured(self, found: Iterable[_Seen], now: float) -> Measured:
        totals = self._totals = {name: _Total() for name in self._sorted}
        ticks: dict[tuple[str, int], int] = {}
        for name, pid, (started, spent, resident) in found:
            total = totals[name]
            total.count += 1
            total.pages += resident
            ticks[pid, started] = spent
            before = self._ticks.get((pid, started))
            if before is not None and before <= spent:
                total.spent, total.known = total.spent + spent - before, True
        elapsed, self._at, self._ticks = now - self._at, now, ticks
        told: list[tuple[str, bool, bool]] = []
        values: list[float] = []
        for name, total in totals.items():
            known = total.known and elapsed > 0
            told.append((name, total.count > 0, known))
            values.append(float(total.count))
            if total.count:
                values.append(float(total.pages * _PAGE_BYTES))
            if known:
                values.append(100.0 * total.spent / _TICKS_PER_SECOND / elapsed)
        return Measured(Samples(_series(tuple(told)), values))

    def _resting(self) -> Samples:
        """Return what is told as long as all files that are kept open say what they said in the previous pass."""
        values: list[float] = []
        for total in self._totals.values():
            values += (float(total.count), float(total.pages * _PAGE_BYTES), 0.0) if total.count else (0.0,)
        told = tuple([(name, total.count > 0, total.count > 0) for name, total in self._totals.items()])
        return Samples(_series(told), values)

    def _lines(self, due: Collection[str]) -> dict[str, bytes]:
        """Given the ids to look at, return what the files say that are kept open of them."""
        for ended in self._held.keys() - due:
            del self._held[ended]
        lines: dict[str, bytes] = {}
        for pid, held in list(self._held.items()):
            try:
                lines[pid] = held.file.read()
            except ProcessLookupError:
                # An open file stays with its process: once that has ended, another one may have its id.
                del self._held[pid]
        return lines

    def _look(self, pid: str, line: bytes) -> _Seen | None:
        """Given an id and what its file says, if that is kept open, return what it uses if it is of interest."""
        # Most ids that are new since the last pass are gone again, and an error costs more than a question.
        if not line and not os.access(f"/proc/{pid}", os.F_OK):
            self._roster.gone(pid)
            return None
        try:
            name = self._name_of_interest(pid, line)
            if not name:
                self._held.pop(pid, None)
                self._roster.pass_over(pid, _how_often)
            elif self._roster.of_interest(pid) and not _is_process(pid):
                self._roster.gone(pid)
            else:
                return name, pid, self._hold(pid, name, line)
        except (FileNotFoundError, ProcessLookupError):
            self._roster.gone(pid)
        return None

    def _name_of_interest(self, pid: str, line: bytes) -> str:
        told = parse_name(line) if line else read_short(f"/proc/{pid}/comm")[:-1]
        candidates = self._asked.get(told[:_KERNEL_NAME_LENGTH])
        if not candidates:
            return ""
        name = _whole_name(told, pid)
        return name if name in candidates else ""

    def _hold(self, pid: str, name: str, line: bytes) -> Usage:
        """Given a process of interest, keep its file open if there is room; return what it uses."""
        held = self._held.get(pid) or _Held(KernelFile(f"/proc/{pid}/stat"))
        line = line or held.file.read()
        told = parse_name(line)
        # What stands behind a name that was cut off may change unseen.
        held.name, held.head = name, line[: line.rindex(b")")] if len(told) < _KERNEL_NAME_LENGTH else b"\n"
        if len(self._held) < _MOST_HELD:
            self._held[pid] = held
        return held.usage(line)


@lru_cache(maxsize=8)
def _series(told: tuple[tuple[str, bool, bool], ...]) -> tuple[Key, ...]:
    """Given names, each with whether memory and processor time of it are told too, return what the numbers are."""
    keys: list[Key] = []
    for name, resident, spent in told:
        for what, is_told in (("count", True), ("memory_bytes", resident), ("cpu_percent", spent)):
            if is_told:
                keys.append((f"process.{what}", (("name", name),)))
    return tuple(keys)


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


def _how_often(pid: str) -> int:
    """Given an id, return every how many passes to look at the process, by how soon it may take another name."""
    fields = read_short(f"/proc/{pid}/stat").rpartition(b") ")[2].split(b" ", 20)
    if int(fields[6]) & _PF_KTHREAD:
        return KERNELS_LOOKED_AT_EVERY
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / _TICKS_PER_SECOND
    return SETTLED_LOOKED_AT_EVERY if age > _OLD else LOOKED_AT_EVERY


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
