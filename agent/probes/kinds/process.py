"""Finds processes by name, pid file or command line, and adds up what they take."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator

from msgspec import Struct

from agent.errors import RunFailed
from agent.host import proc
from agent.model.signals import Sample
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.patterns import name_expression

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_NAME_BYTES = 15


class Taken(Struct, frozen=True):
    """What one process takes: processor ticks, resident bytes, threads, descriptors where they may be counted."""

    started: int
    ticks: int
    resident: int
    threads: int
    descriptors: int | None


class Processes:
    """Some processes. Shares of processors are of the time between two measurements."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._before: dict[tuple[int, int], int] = {}
        self._at = 0.0

    def measure(self, _timeout: float) -> Measured:
        """Look at every process once."""
        taken = {pid: found for pid in self._pids() if (found := taken_of(pid)) is not None}
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        samples = given({"count": len(taken), "up": float(bool(taken))})
        if taken:
            samples += self._sums(taken, now)
        self._before = {(pid, one.started): one.ticks for pid, one in taken.items()}
        self._at = now
        return Measured(samples)

    def _sums(self, taken: dict[int, Taken], now: float) -> list[Sample]:
        every = taken.values()
        descriptors = [one.descriptors for one in every]
        ticks = sum(one.ticks - self._before.get((pid, one.started), 0) for pid, one in taken.items())
        elapsed = now - self._at
        return given(
            {
                "memory_bytes": sum(one.resident for one in every),
                "threads": sum(one.threads for one in every),
                "age_seconds": max(0.0, now - max(one.started for one in every) / _TICKS),
                "descriptors": None if None in descriptors else sum(n for n in descriptors if n is not None),
                "cpu_percent": 100.0 * ticks / _TICKS / elapsed if self._at and elapsed > 0 else None,
            }
        )

    def _pids(self) -> Iterator[int]:
        path = self._settings["pid_file"]
        if path is not None:
            yield from _written(path)
            return
        name, pattern = self._settings["name"], self._settings["command_line"]
        fits = _name_fits(name) if name is not None else _line_fits(pattern)
        own = os.getpid()
        yield from (pid for pid in proc.everyone() if pid != own and fits(pid))


def _written(path: str) -> list[int]:
    try:
        # A pipe in its place would never answer.
        with open(path, encoding="ascii", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            return [int(file.read(64).split()[0])]
    except FileNotFoundError:
        return []
    except (ValueError, IndexError) as error:
        raise Down(f"{path} holds no process id") from error
    except OSError as error:
        raise RunFailed(f"{path} cannot be read: {error.strerror}") from error


def _name_fits(name: str) -> Callable[[int], bool]:
    # The kernel keeps fifteen bytes of a name.
    wanted = name.encode()[:_NAME_BYTES]
    return lambda pid: _said(pid, "comm").rstrip(b"\n") == wanted


def _line_fits(pattern: str) -> Callable[[int], bool]:
    match = re.compile(name_expression(pattern), re.DOTALL).fullmatch

    def fits(pid: int) -> bool:
        line = _said(pid, "cmdline").rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "surrogateescape")
        return bool(line) and match(line) is not None

    return fits


def _said(pid: int, what: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read(1 << 16)
    except OSError:
        return b""


def taken_of(pid: int) -> Taken | None:
    """Given a process id, return what the process takes, None when there is none or it has ended."""
    line = _said(pid, "stat")
    fields = line[line.rfind(b")") + 2 :].split()
    if not fields or fields[0] in (b"Z", b"X"):
        return None
    try:
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        descriptors = None
    return Taken(
        started=int(fields[19]),
        ticks=int(fields[11]) + int(fields[12]),
        resident=int(fields[21]) * _PAGE,
        threads=int(fields[17]),
        descriptors=descriptors,
    )


def connect_to(_name: str, settings: Settings, _tools: Tools) -> Processes:
    """Return the probe."""
    return Processes(settings)


KIND = Kind(connect=connect_to)
