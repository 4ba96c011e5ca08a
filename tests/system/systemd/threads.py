"""What can be done to a thread from outside: stop it alone, or leave its process next to no processor."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.system.agent import wait_for

_PTRACE_SEIZE, _PTRACE_INTERRUPT = 0x4206, 0x4207
CPU_GROUPS = Path("/sys/fs/cgroup/cpu")
LEAST_MICROSECONDS = 1000
"""The shortest time that the kernel lets a group have in a period."""


def hang(thread: int) -> None:
    """Stop one thread of a process for good, while it waits; the others go on.

    A thread of Python's that is stopped at work holds the interpreter's lock, and with it all the others.
    """
    looks = Looks(thread)
    wait_for(looks.idle, saying="for a thread that waits")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    for request in (_PTRACE_SEIZE, _PTRACE_INTERRUPT):
        if libc.ptrace(request, thread, None, None) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.waitpid(thread, 0)


class Looks:
    """Looks at a thread again and again."""

    def __init__(self, thread: int) -> None:
        self._path = Path(f"/proc/{thread}/task/{thread}/status")
        self._before: list[str] = []
        self._same = 0

    def idle(self) -> bool:
        """Tell whether it has slept without waking up since the tenth look before this one."""
        wanted = ("State:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")
        seen = [line for line in self._path.read_text().splitlines() if line.startswith(wanted)]
        self._same = self._same + 1 if seen == self._before and "S (sleeping)" in seen[0] else 0
        self._before = seen
        return self._same >= 10


def bury(thread: int) -> int:
    """After `hang`, wait until the process has ended, as whoever stopped it must; return its wait status."""

    def status() -> int | None:
        found, status = os.waitpid(thread, os.WNOHANG)
        return status if found and (os.WIFSIGNALED(status) or os.WIFEXITED(status)) else None

    return wait_for(status, saying="for a process that hangs to end")


@contextmanager
def starved(processes: Sequence[int], percent: float) -> Iterator[None]:
    """Let processes have so many percent of one processor between them."""
    group = CPU_GROUPS / f"starved-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text(str(round(LEAST_MICROSECONDS * 100 / percent)))
        (group / "cpu.cfs_quota_us").write_text(str(LEAST_MICROSECONDS))
        for process in processes:
            (group / "cgroup.procs").write_text(str(process))
        yield
    finally:
        wait_for(lambda: _disbanded(group), saying="for a control group that nobody is in any more")


def _disbanded(group: Path) -> bool:
    """Let everybody in a group have a processor again; tell whether it is gone: who was ending may still be in it."""
    with suppress(OSError):
        for member in (group / "cgroup.procs").read_text().split():
            (CPU_GROUPS / "cgroup.procs").write_text(member)
        group.rmdir()
        return True
    return False


def waited(process: int) -> float:
    """Return for how many seconds the main thread of a process has waited for a processor."""
    return _account(process)[1]


def worked(process: int) -> float:
    """Return for how many seconds the main thread of a process has had a processor."""
    return _account(process)[0]


def _account(process: int) -> tuple[float, float]:
    had, missed, _ = Path(f"/proc/{process}/schedstat").read_text().split()
    return int(had) / 1e9, int(missed) / 1e9
