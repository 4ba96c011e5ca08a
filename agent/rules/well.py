"""What is well, all of it at once: nearly every pass over a host finds every number within the bounds it was within.

To judge each series for itself is to touch a state, a condition and a sample of each. As long as the same series come
in the same order, two rows of bounds held against one row of numbers say as much.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from operator import le

from msgspec import Struct

from agent.model.conditions import Bound, Condition
from agent.model.samples import Samples, picker
from agent.model.signals import ConditionState, Labels, Verdict

Member = tuple[str, Labels]
"""A series of a threshold: the threshold's name, and the labels of the series."""


def good_range(condition: Condition) -> tuple[float, float] | None:
    """Given a condition, return the least and the greatest number that does not violate it, None if it takes more."""
    if condition.change is not None or condition.compare is not None:
        return None
    return _within(condition.bound)


def _within(bound: Bound) -> tuple[float, float] | None:
    # The infinities could not be measured, so they are never good.
    least, most = -sys.float_info.max, sys.float_info.max
    if bound.above is not None:
        most = min(most, bound.above)
    elif bound.below is not None:
        least = max(least, bound.below)
    elif bound.outside is not None:
        least, most = max(least, bound.outside[0]), min(most, bound.outside[1])
    elif bound.not_equals is not None:
        least = most = bound.not_equals
    else:
        return None
    return least, most


class Wellness(Struct, frozen=True):
    """The series of `members` were all well at `at` (seconds since the epoch), with these values."""

    members: tuple[Member, ...]
    values: tuple[float, ...]
    at: float

    def states(self) -> Iterator[tuple[str, Labels, ConditionState]]:
        """Return the state of each of them, as `conditions.evaluate` concludes it."""
        for (name, series), value in zip(self.members, self.values, strict=True):
            yield name, series, ConditionState(Verdict.PASS, None, 0, None, value, self.at, self.at)


class WellKept:
    """Conditions of which every series was well in one pass, by the names of their thresholds.

    `found` are the samples of that pass, and `series` are of each condition the series that it watches.
    """

    def __init__(self, found: Samples, series: Mapping[str, tuple[Condition, Iterable[Labels]]]) -> None:
        place = {key: index for index, key in enumerate(found.keys)}
        members: list[Member] = []
        places: list[int] = []
        ranges: list[tuple[float, float]] = []
        for name, (condition, watched) in series.items():
            within = good_range(condition)
            if within is not None:
                for labels in watched:
                    members.append((name, labels))
                    places.append(place[condition.signal, labels])
                    ranges.append(within)
        self.names = frozenset(name for name, _ in members)
        self._keys = found.keys
        self._members = tuple(members)
        self._least = [least for least, _ in ranges]
        self._most = [most for _, most in ranges]
        self._pick = picker(places)

    def still(self, found: Samples, now: float) -> Wellness | None:
        """Given the samples of a later pass at `now`, return how all stands if all is well, else None."""
        if found.keys is not self._keys or not self._members:
            return None
        values = self._pick(found.values)
        if all(map(le, self._least, values)) and all(map(le, values, self._most)):
            return Wellness(self._members, tuple(values), now)
        return None
