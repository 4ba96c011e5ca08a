"""Which thresholds another one explains: its parents, theirs, and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def explains(series: Labels, states: Mapping[Labels, ConditionState]) -> bool:
    """Given a series and the states of a parent by series, tell whether the parent explains what is wrong with it.

    It does where it fires, or is violated but not yet for long enough: so what it causes is not told of before it is
    itself. A parent that cannot be judged explains nothing. Of a parent's series only those count that agree with the
    series in every label that both have.
    """
    return any(
        (state.fired_at is not None or state.verdict is Verdict.FAIL) and _agree(series, other)
        for other, state in states.items()
    )


def _agree(series: Labels, other: Labels) -> bool:
    mine = dict(series)
    return all(mine.get(name, value) == value for name, value in other)
