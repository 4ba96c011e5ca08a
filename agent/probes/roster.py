"""Which processes a pass looks at, so that it need not look at all of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

YOUNG_FOR = 3
LOOKED_AT_EVERY = 6
KERNEL_THREADS_LOOKED_AT_EVERY = 60


class _PassedOver(NamedTuple):
    """How often a process was looked at in vain, and every how many passes that happens."""

    looks: int
    every: int


class Roster:
    """Processes that are of interest are looked at in every pass, the others seldom.

    A process that was of no interest in its first `YOUNG_FOR` passes, by which time a program has started and named
    itself, is looked at again every `LOOKED_AT_EVERY` passes, a thread of the kernel's even more seldom. One that
    takes another name later in its life is noticed that much later.
    """

    def __init__(self) -> None:
        self._passes = 0
        self._passed_over: dict[str, _PassedOver] = {}
        self._due: dict[int, list[str]] = {}

    def due(self, processes: AbstractSet[str]) -> list[str]:
        """Given all processes there are, begin a pass, and return those to look at."""
        self._passes += 1
        for ended in self._passed_over.keys() - processes:
            del self._passed_over[ended]
        again = [pid for pid in self._due.pop(self._passes, ()) if pid in self._passed_over]
        return [*(processes - self._passed_over.keys()), *again]

    def of_interest(self, pid: str) -> None:
        """Given a process that is of interest, look at it in every pass from now on."""
        self._passed_over.pop(pid, None)

    def pass_over(self, pid: str, is_kernel_thread: Callable[[str], bool]) -> None:
        """Given a process that is of no interest, settle when to look at it again."""
        looks, every = self._passed_over.get(pid, _PassedOver(0, 1))
        until = self._passes + every
        if looks + 1 == YOUNG_FOR:
            every = KERNEL_THREADS_LOOKED_AT_EVERY if is_kernel_thread(pid) else LOOKED_AT_EVERY
            # Those that came together are looked at in different passes from here on.
            until = self._passes + 1 + int(pid) % every
        self._passed_over[pid] = _PassedOver(looks + 1, every)
        self._due.setdefault(until, []).append(pid)
