"""Numbers that make a condition fire, and numbers that make it clear, so that it can be seen to do both."""

from __future__ import annotations

from agent.model.conditions import As, Bound, Condition

PAST = 100.0
"""What a condition that compares is given as the value of the other day."""

STEPS = 400
"""In about so many steps the time that a condition takes is gone through."""


class Provoker:
    """Gives the numbers of one series of a condition, at instants that rise; the first is that of `start`."""

    def __init__(self, condition: Condition, start: float) -> None:
        self._condition = condition
        self._at, self._value = start, 0.0

    def number(self, now: float, *, bad: bool) -> float:
        """Return a number that violates the bound, or one that violates neither it nor the clear bound."""
        wanted = violating(self._condition.bound) if bad else well(self._condition)
        if self._condition.change is not None:
            self._value += wanted / self._condition.change.per * (now - self._at)
            self._at = now
            return self._value
        if self._condition.compare is not None:
            how = self._condition.compare.as_
            return (
                PAST * (1 + wanted / 100) if how is As.PERCENT else PAST * wanted if how is As.RATIO else PAST + wanted
            )
        return wanted


def interval(condition: Condition, usual: float) -> float:
    """Given the usual seconds between two measurements, return those between the steps, few enough for a long wait."""
    over = condition.change.over if condition.change is not None else 0.0
    return max(usual, (condition.for_ + condition.keep_for + over) / STEPS)


def patience(condition: Condition, step: float) -> float:
    """Given the seconds between two steps, return after how many it must have fired, or cleared, at the latest."""
    over = 2 * condition.change.over if condition.change is not None else 0.0
    return condition.for_ + condition.keep_for + over + step * (max(condition.samples, condition.of or 0) + 5)


def violating(bound: Bound) -> float:
    """Given a bound, return a number well beyond it."""
    if bound.above is not None:
        return bound.above + _margin(bound.above)
    if bound.below is not None:
        return bound.below - _margin(bound.below)
    if bound.outside is not None:
        return bound.outside[1] + _margin(bound.outside[1])
    if bound.equals is not None:
        return bound.equals
    other = bound.not_equals or 0.0
    return other + _margin(other)


def well(condition: Condition) -> float:
    """Given a condition, return a number that violates neither of its bounds."""
    bound, clear = condition.bound, condition.clear
    if bound.above is not None:
        return min(bound.above, bound.above if clear.above is None else clear.above) - _margin(bound.above)
    if bound.below is not None:
        return max(bound.below, bound.below if clear.below is None else clear.below) + _margin(bound.below)
    if bound.outside is not None:
        low, high = clear.outside or bound.outside
        return (low + high) / 2
    if bound.equals is not None:
        return bound.equals + _margin(bound.equals)
    return bound.not_equals or 0.0


def _margin(bound: float) -> float:
    return max(1.0, abs(bound) / 10)
