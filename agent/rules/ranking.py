"""Rank the objects of many groups by age, and say for each group where its budgets run out."""

from __future__ import annotations

from msgspec import Struct

from agent.rules.newest import KEEP_ALL, KEEP_NONE, Newest

ROOM = 20_000
"""So many objects are held in memory at once, over all groups."""

MAX_GROUPS = 10_000
MAX_PARTS = 256
MIN_PARTS = 8
PARTS_IN_ALL = 50_000


class Budgets(Struct, frozen=True):
    """How many of the newest of each group no rule touches; how many, and how many bytes, may stay at most."""

    keep_latest: int
    max_count: int | None
    max_size: int | None

    def any(self) -> bool:
        """Whether objects must be ranked at all."""
        return bool(self.keep_latest or self.max_count is not None or self.max_size is not None)


class Cutoffs(Struct, frozen=True):
    """For one group: from `latest` on objects are always kept; below `count` or `size` they are over that budget."""

    latest: int
    count: int
    size: int


class TooManyGroups(Exception):
    """There are more groups than may be told apart."""


class _Group:
    """The searches of one group; `open` are those without a final answer, and whether they weigh bytes."""

    __slots__ = ("count", "latest", "open", "size")

    def __init__(self, budgets: Budgets) -> None:
        self.latest = Newest(budgets.keep_latest) if budgets.keep_latest else None
        self.count = None if budgets.max_count is None else Newest(budgets.max_count)
        self.size = None if budgets.max_size is None else Newest(budgets.max_size)
        searches = ((self.latest, False), (self.count, False), (self.size, True))
        self.open = [(search, weighs) for search, weighs in searches if search is not None]


class Ranking:
    """The cutoffs of every group. Feed every object with `add`, then call `settle`; repeat until that says True.

    About `room` objects are in memory at once, whatever their number; there are at most `groups` groups.
    """

    def __init__(self, budgets: Budgets, *, room: int = ROOM, groups: int = MAX_GROUPS) -> None:
        self._budgets = budgets
        self._room = room
        self._most = groups
        self._groups: dict[str, _Group] = {}
        self._added = 0

    def add(self, group: str, key: int, size: int) -> None:
        """Take an object of a group into account. Raises TooManyGroups."""
        searches = self._groups.get(group)
        if searches is None:
            if len(self._groups) >= self._most:
                raise TooManyGroups(f"there are more than {self._most} groups")
            searches = self._groups[group] = _Group(self._budgets)
        for search, weighs in searches.open:
            search.add(key, size if weighs else 1)
        self._added += len(searches.open)
        if self._added > self._room:
            share = self._share(2)
            self._added = sum(search.compact(share) for one in self._groups.values() for search, _ in one.open)

    def settle(self) -> bool:
        """End a pass. Return whether all cutoffs are final; if not, feed all objects again."""
        # Half of what `add` allows, so that what a pass sets out to hold it can hold.
        share, parts = self._share(4), max(MIN_PARTS, min(MAX_PARTS, PARTS_IN_ALL // self._searches()))
        for group in self._groups.values():
            group.open = [(search, weighs) for search, weighs in group.open if not search.settle(share, parts)]
        self._added = 0
        return not any(group.open for group in self._groups.values())

    def _searches(self) -> int:
        return sum(len(group.open) for group in self._groups.values()) or 1

    def _share(self, parts: int) -> int:
        """Return how many objects each search may hold when the room is shared out in `parts`."""
        return max(1, self._room // (parts * self._searches()))

    def cutoffs(self, group: str) -> Cutoffs:
        """Return the cutoffs of a group; of one that was not seen, nothing is over a budget."""
        found = self._groups.get(group)
        return Cutoffs(
            latest=self._latest(found),
            count=found.count.cutoff if found and found.count else KEEP_ALL,
            size=found.size.cutoff if found and found.size else KEEP_ALL,
        )

    def _latest(self, group: _Group | None) -> int:
        if not self._budgets.keep_latest:
            return KEEP_NONE
        return group.latest.cutoff if group and group.latest else KEEP_ALL
