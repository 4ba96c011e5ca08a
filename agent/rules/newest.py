"""Find where "the newest ones" end, among more objects than fit into memory.

Objects come as (key, weight), a greater key being newer. The newest ones whose weights add up to no more than a budget
are kept; the cutoff is the key of the oldest of them. With weight 1 the budget is a count, with the size it is bytes.
Objects with the same key stay or go together: they stay when the lightest of them is within the budget, or when there
are more of them than fit into memory.

One pass is enough while the kept ones fit into the given room. Otherwise the objects are fed again: one pass sorts
them into ranges of keys, each further pass looks at the one range in which the budget runs out, until that one fits.
If objects change between passes, the cutoff may come out lower than it would be then, which keeps more of them.
"""

from __future__ import annotations

KEEP_ALL = -(1 << 128)
KEEP_NONE = 1 << 128
"""No key is as low, or as high."""


class Newest:
    """The search for one cutoff. Feed every object with `add`, then call `settle`; repeat until that says True."""

    __slots__ = (
        "_above",
        "_bounds",
        "_budget",
        "_floor",
        "_held",
        "_high",
        "_low",
        "_origin",
        "_ranges",
        "_width",
        "cutoff",
    )

    def __init__(self, budget: int) -> None:
        self.cutoff = KEEP_ALL
        self._budget = budget
        # The cutoff lies in [low, high); `above` is the weight of this pass's objects from `high` on.
        self._low = KEEP_ALL
        self._high = KEEP_NONE
        self._above = 0
        # What a pass gathers of that range: the objects themselves, or their bounds, or what each part of it weighs.
        self._held: list[tuple[int, int]] = []
        self._floor = KEEP_ALL
        self._bounds: tuple[int, int] | None = None
        self._origin = 0
        self._width = 0
        self._ranges: dict[int, tuple[int, int]] = {}

    def add(self, key: int, weight: int) -> None:
        """Take an object into account."""
        if key >= self._high:
            self._above += weight
        elif key < self._low:
            return
        elif self._width:
            part = (key - self._origin) // self._width
            total, count = self._ranges.get(part, (0, 0))
            self._ranges[part] = (total + weight, count + 1)
        elif self._bounds:
            self._bounds = (min(key, self._bounds[0]), max(key, self._bounds[1]))
        elif key >= self._floor:
            self._held.append((key, -weight))

    def compact(self, room: int) -> int:
        """Hold at most `room` objects: forget those beyond the budget, or else all, and take more passes.

        Return how many are held.
        """
        self._forget_beyond_budget()
        if len(self._held) > room:
            self._bounds = (self._held[-1][0], self._held[0][0])
            self._held = []
        return len(self._held)

    def _forget_beyond_budget(self) -> None:
        """Forget whatever is not newer than the first object that exceeds the budget: newer ones only push it out."""
        self._held.sort(reverse=True)
        left = self._budget - self._above
        for index, (key, minus_weight) in enumerate(self._held):
            left += minus_weight
            if left < 0:
                self._floor = key
                del self._held[index:]
                return

    def settle(self, room: int, parts: int) -> bool:
        """End a pass. Return whether `cutoff` is final; if not, feed all objects again.

        The next pass may hold `room` objects in memory, or divide their keys into `parts` ranges.
        """
        if self._bounds:
            low, high = self._bounds
            return self._divide(low, high + 1, parts)
        if self._width:
            return self._narrow(room, parts)
        self._forget_beyond_budget()
        self.cutoff = self._low
        if self._floor > KEEP_ALL:
            self.cutoff = min(self._floor + 1, self._held[-1][0] if self._held else KEEP_NONE)
        self._held = []
        return True

    def _divide(self, low: int, high: int, parts: int) -> bool:
        """Have the next pass look at what each part of [low, high) weighs; it counts what lies outside, too."""
        self._above = 0
        self._bounds = None
        self._ranges = {}
        self._origin = low
        self._width = (high - low) // parts + 1
        return False

    def _narrow(self, room: int, parts: int) -> bool:
        """Find the part in which the budget runs out; have the next pass look into that one alone."""
        left = self._budget - self._above
        for part in sorted(self._ranges, reverse=True):
            weight, count = self._ranges[part]
            left -= weight
            if left < 0:
                break
        else:
            self.cutoff = self._low
            return True
        low = self._origin + part * self._width
        self._low, self._high = max(self._low, low), min(self._high, low + self._width)
        if count > room and self._high - self._low > 1:
            return self._divide(self._low, self._high, parts)
        if count > room:
            self.cutoff = self._low
            return True
        self._above = self._width = 0
        self._ranges = {}
        return False
