"""Processes as /proc shows them: who they are, who descends from whom, and how to end them for certain.

A process is known by its id and its start time together; an id alone may have been given to another meanwhile.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Container, Iterable, Iterator

from msgspec import Struct

_PR_SET_CHILD_SUBREAPER = 36


class Process(Struct, frozen=True):
    """One process. `started` is clock ticks after boot, the kernel's own count; `state` is the letter of proc(5)."""

    pid: int
    parent: int
    session: int
    state: str
    started: int

    @property
    def dead(self) -> bool:
        """True for a zombie: it runs nothing and only waits to be reaped."""
        return self.state in "ZX"


Find = Callable[[], Iterable[Process]]
"""Looks for the processes that are to be ended, afresh at each call."""


def look(pid: int) -> Process | None:
    """Given a process id, return the process, or None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses is chosen by the process and may hold spaces and parentheses.
    fields = line[line.rindex(b")") + 2 :].split()
    return Process(pid, int(fields[1]), int(fields[3]), fields[0].decode(), int(fields[19]))


def started_ticks(pid: int) -> float:
    """Given the id of a process that exists, return its start time in clock ticks after boot, a whole number."""
    process = look(pid)
    if process is None:
        raise ProcessLookupError(f"no process {pid}")
    return float(process.started)


def same(pid: int, started: float) -> Process | None:
    """Given an id and a start time in ticks after boot, return the living process that has both, or None."""
    process = look(pid)
    if process is None or process.dead or process.started != started:
        return None
    return process


def held(pid: int, started: float) -> tuple[Process, int] | None:
    """Given an id and a start time, return the living process that has both, and a pidfd of it, or None."""
    try:
        descriptor = os.pidfd_open(pid)
    except (ProcessLookupError, ValueError):
        return None
    # Looked at second: from here on the id cannot be another's without the descriptor telling.
    process = same(pid, started)
    if process is None:
        os.close(descriptor)
        return None
    return process, descriptor


def everyone() -> Iterator[int]:
    """Yield the id of every process there is."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def children(pid: int) -> list[int]:
    """Given a process id, return the ids of its children, zombies included."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        if os.path.exists(f"/proc/{pid}") and not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return [other.pid for other in map(look, everyone()) if other and other.parent == pid]
    return found


def descendants(roots: Iterable[int]) -> list[Process]:
    """Given process ids, return those processes and all that descend from them."""
    found: dict[int, Process] = {}
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        process = look(pid)
        if pid not in found and process is not None:
            found[pid] = process
            waiting += children(pid)
    return list(found.values())


def alive(processes: Iterable[Process]) -> list[Process]:
    """Given processes seen before, return those of them that still live, with all that descend from them."""
    return descendants(process.pid for process in processes if same(process.pid, process.started))


def carries(pid: int, variable: str, value: str) -> bool:
    """Return whether a process's environment at its start held `variable=value`; False when it may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{variable}={value}".encode() in file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def marked(variable: str, value: str) -> list[Process]:
    """Return every process whose environment at its start held `variable=value`, this one and its parents excepted."""
    spared = set(ancestors())
    found = [pid for pid in everyone() if pid not in spared and carries(pid, variable, value)]
    return [process for process in map(look, found) if process is not None]


def marks(variable: str, prefix: str) -> set[str]:
    """Return what comes after `prefix` in the values that processes' environments held of `variable` at their start."""
    found = set()
    for pid in everyone():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                values = file.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        wanted = f"{variable}={prefix}".encode()
        found |= {os.fsdecode(value.removeprefix(wanted)) for value in values if value.startswith(wanted)}
    return found


def ancestors() -> Iterator[int]:
    """Yield the id of this process, its parent, its parent's parent and so on."""
    process = look(os.getpid())
    while process is not None:
        yield process.pid
        process = look(process.parent) if process.parent else None


def become_subreaper() -> None:
    """Make orphans among this process's descendants its own children, instead of init's, from here on."""
    import ctypes  # noqa: PLC0415 - who only looks at processes need not wait for it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def send(process: Process, number: signal.Signals) -> None:
    """Given a process and a signal, send it, unless the process is gone or may not be signalled."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        # Gone, or no descriptor to spare; the second leaves the id, which was right a moment ago.
        descriptor = -1
    try:
        if same(process.pid, process.started) is None:
            return
        if descriptor >= 0:
            signal.pidfd_send_signal(descriptor, number)
        else:
            os.kill(process.pid, number)
    except (ProcessLookupError, PermissionError):
        # Whoever may not be signalled shows up among the survivors that `end` returns.
        return
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def reap(process: Process) -> None:
    """Given a process, take it off the process table if it is dead and this process's own child."""
    if process.dead and process.parent == os.getpid():
        try:
            os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            return


def end(
    find: Find, patience: float, *, known: Iterable[Process] = (), keep: Container[int] = ()
) -> tuple[Process, ...]:
    """Kill whatever `find` returns, again and again until it finds no living process; return those that survive.

    `patience` is seconds; processes in an uninterruptible wait may outlast it. `known` are processes to end that
    `find` may no longer see once they are dead. `keep` holds the ids of children whose exit codes somebody else
    collects, so they are killed but not reaped.
    """
    deadline = time.monotonic() + patience
    pause = 0.001
    condemned = {process.pid: process for process in known}
    quiet = 0
    # A child may change its parent, dead or alive, while `find` looks past it; whoever passed it on is then seen
    # ending in the same look. So one look that finds nobody is not yet believed.
    while quiet < 2:
        condemned |= {process.pid: process for process in find() if not (process.dead and process.pid in keep)}
        quiet = 0 if condemned else quiet + 1
        for process in list(condemned.values()):
            if _is_over(process, condemned, keep):
                del condemned[process.pid]
        if time.monotonic() >= deadline:
            return tuple(process for process in condemned.values() if same(process.pid, process.started))
        if condemned:
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
    return ()


def _is_over(process: Process, condemned: Container[int], keep: Container[int]) -> bool:
    """Kill a process that lives; return True once it is gone for good, as far as it is ours to see to."""
    seen = look(process.pid)
    if seen is None or seen.started != process.started:
        return True
    if not seen.dead:
        send(seen, signal.SIGKILL)
        return False
    if seen.parent in condemned:
        # With its parent's end it becomes our child, and ours to reap.
        return False
    if seen.pid not in keep:
        reap(seen)
    return True
