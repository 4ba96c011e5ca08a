"""What is well, all of it at once: nearly every pass over a host finds every number within the bounds it was within.

To judge each series for itself is to touch a state, a condition and a sample of each. As long as the same series come
in the same order, two rows of bounds held against one row of numbers say as much.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from operator import le

from msgspec import Struct
from msgspec.structs import replace

from agent.model.conditions import Bound, Condition
from agent.model.samples import Samples, picker
from agent.model.signals import ConditionState, Labels, Verdict
from agent.rules.conditions import Evaluation

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


def stays_missing(
    condition: Condition,
    named: Labels,
    before: Mapping[Labels, ConditionState],
    after: Mapping[Labels, Evaluation],
) -> bool:
    """Given what became of a condition in a pass that had nothing to measure, tell whether the next one says the same.

    `named` are the labels that it names. Nothing but the instant of the evaluation has changed then, nor will it.
    """
    if before.keys() != {named} or after.keys() != {named} or condition.change or condition.compare:
        return False
    state = after[named].state
    quiet = state.since is None and state.fired_at is None and state.good_since is None and not state.recent
    return quiet and state == replace(before[named], evaluated_at=state.evaluated_at)


class Wellness(Struct, frozen=True):
    """The series of `members` were all well at `at` (seconds since the epoch), with these values.

    Of the thresholds of `missing` there was nothing to measure, as when their states were made.
    """

    members: tuple[Member, ...]
    values: tuple[float, ...]
    missing: Mapping[str, tuple[Labels, ConditionState]]
    at: float

    def states(self) -> Iterator[tuple[str, Labels, ConditionState]]:
        """Return the state of each of them, as `conditions.evaluate` concludes it."""
        for (name, series), value in zip(self.members, self.values, strict=True):
            yield name, series, ConditionState(Verdict.PASS, None, 0, None, value, self.at, self.at)
        for name, (series, state) in self.missing.items():
            yield name, series, replace(state, evaluated_at=self.at)


class WellKept:
    """Conditions of which every series was well in one pass, by the names of their thresholds.

    `found` are the samples of that pass, `errors` says of which groups something could not be measured, and `series`
    are of each condition the series that it watches. `missing` are the states of those that had nothing to measure, of
    which `stays_missing` is true.
    """

    def __init__(
        self,
        found: Samples,
        errors: Mapping[str, str],
        series: Mapping[str, tuple[Condition, Iterable[Labels]]],
        missing: Mapping[str, tuple[Labels, ConditionState]],
    ) -> None:
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
        self.names = frozenset(name for name, _ in members).union(missing)
        self._keys = found.keys
        self._failed = frozenset(errors)
        self._members = tuple(members)
        self._least = [least for least, _ in ranges]
        self._most = [most for _, most in ranges]
        self._pick = picker(places)
        self._missing = missing

    def still(self, found: Samples, errors: Mapping[str, str], now: float) -> Wellness | None:
        """Given samples and errors of a later pass at `now`, return how all stands if all is as it was, else None."""
        if found.keys is not self._keys or errors.keys() != self._failed or not self.names:
            return None
        values = self._pick(found.values)
        if all(map(le, self._least, values)) and all(map(le, values, self._most)):
            return Wellness(self._members, tuple(values), self._missing, now)
        return None
