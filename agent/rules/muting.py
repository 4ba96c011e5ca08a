"""Which thresholds another one explains: its parents, theirs, and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from agent.model.signals import ConditionState, Labels, Verdict


def ancestors(parents: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Given the parents of each threshold, without loops, return all above each that has any, the nearest first."""
    found: dict[str, tuple[str, ...]] = {}
    for name in parents:
        above: dict[str, None] = {}
        level = list(parents[name])
        while level:
            above.update(dict.fromkeys(level))
            level = [one for parent in level for one in parents.get(parent, ()) if one not in above]
        if above:
            found[name] = tuple(above)
    return found


def explaining(states: Mapping[Labels, ConditionState]) -> frozenset[Labels]:
    """Given the states of a parent by series, return those of its series that explain what is wrong elsewhere.

    They do where it fires, or is violated but not yet for long enough: so what it causes is not told of before it is
    itself. A parent that cannot be judged explains nothing.
    """
    return frozenset(
        series for series, state in states.items() if state.fired_at is not None or state.verdict is Verdict.FAIL
    )


def explains(series: Labels, parent: Set[Labels]) -> bool:
    """Given a series and those of a parent that explain, tell whether one of them explains what is wrong with it.

    It does where it agrees with the series in every label that both have.
    """
    if series in parent:  # of thousands that fire at once nearly every one ends here
        return True
    mine = dict(series)
    return any(all(mine.get(name, value) == value for name, value in other) for other in parent)
