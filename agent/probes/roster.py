"""Which processes a pass looks at, so that it need not look at all of them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet

YOUNG_FOR = 2
LOOKED_AT_EVERY = 6
SETTLED_LOOKED_AT_EVERY = 60
KERNELS_LOOKED_AT_EVERY = 600
SETTLED_AFTER = 12
"""After so many looks in vain a process is not expected to become another one soon."""

LISTED_EVERY = 30
MOST_GUESSED = 64


_PassedOver = tuple[int, int, int]
"""How often a process was looked at in vain, every how many passes that happens, and in which it will next."""

_UNKNOWN: _PassedOver = (0, 1, 0)


class Roster:
    """Processes that are of interest are looked at in every pass, the others seldom.

    A process that was of no interest in its first `YOUNG_FOR` passes, by which time a program has started and named
    itself, is looked at again every `LOOKED_AT_EVERY` passes, and a settled one every `SETTLED_LOOKED_AT_EVERY`. One
    that takes another name later in its life is noticed that much later. The kernel's own never become a program, so
    they are looked at every `KERNELS_LOOKED_AT_EVERY`, in case that an id is another process' although it seemed not.

    `listing` returns the ids of all processes, and makes the kernel look up each; `newest` returns the id that was
    given last. Ids are given in order, so those given since the previous pass are known without a listing.
    """

    def __init__(self, listing: Callable[[], AbstractSet[str]], newest: Callable[[], int]) -> None:
        self._listing = listing
        self._newest = newest
        self._passes = 0
        self._seen = 0
        self._interesting: set[str] = set()
        self._passed_over: dict[str, _PassedOver] = {}
        self._due: dict[int, list[str]] = {}

    def due(self) -> list[str]:
        """Begin a pass, and return the ids to look at; not all of them need be those of processes."""
        self._passes += 1
        before, self._seen = self._seen, self._newest()
        if self._seen < before:  # ids have begun anew, and any may be another process than it was
            self._interesting, self._passed_over, self._due = set(), {}, {}
        if before <= self._seen <= before + MOST_GUESSED and self._passes % LISTED_EVERY != 1:
            fresh = [str(pid) for pid in range(before + 1, self._seen + 1)]
        else:
            fresh = self._list()
        again = [pid for pid in self._due.pop(self._passes, ()) if self._is_due(pid)]
        return [*{*self._interesting, *fresh, *again}]

    def _is_due(self, pid: str) -> bool:
        passed_over = self._passed_over.get(pid)
        return passed_over is not None and passed_over[2] == self._passes

    def _list(self) -> list[str]:
        listed = self._listing()
        for ended in self._passed_over.keys() - listed:
            del self._passed_over[ended]
        return list(listed - self._passed_over.keys() - self._interesting)

    def of_interest(self, pid: str) -> bool:
        """Given a process that is of interest, look at it in every pass; tell whether that is news."""
        if pid in self._interesting:
            return False
        self._passed_over.pop(pid, None)
        self._interesting.add(pid)
        return True

    def gone(self, pid: str) -> None:
        """Given an id that is no process, look at it no longer."""
        self._passed_over.pop(pid, None)
        self._interesting.discard(pid)

    def pass_over(self, pid: str, how_often: Callable[[str], int]) -> None:
        """Given a process that is of no interest, say when to look at it again.

        `how_often` is asked once every how many passes that is; after `SETTLED_AFTER` looks it is taken for settled.
        """
        self._interesting.discard(pid)
        looks, every, _ = self._passed_over.get(pid, _UNKNOWN)
        following = self._passes + every
        if looks + 1 == YOUNG_FOR:
            every = how_often(pid)
            # Those that came together are looked at in different passes from here on.
            following = self._passes + 1 + int(pid) % every
        elif looks == SETTLED_AFTER and every == LOOKED_AT_EVERY:
            every = SETTLED_LOOKED_AT_EVERY
            following = self._passes + every
        self._passed_over[pid] = (looks + 1, every, following)
        self._due.setdefault(following, []).append(pid)
