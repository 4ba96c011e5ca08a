"""Success criteria: conditions whose bound says what has to be so, judged by the evaluator of all conditions.

What a threshold calls violated is here what was asked for: a criterion is met once so many measurements, over so long,
were beyond its bound, and it is no longer met with the first that was not. It concludes

- `pass` while it is met, which takes at least one number that was measured;
- `fail` where the last measurement did not meet it, or was missing and `no_data` says `fail`;
- `inconclusive` where it was met by too few yet, or where nobody knows.

With `no_data: pass` a missing measurement meets it, but one that could not be taken never does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec.structs import replace

from agent.model.conditions import Condition, NoData
from agent.model.signals import ConditionState, Verdict
from agent.rules.conditions import Gap, Reading, evaluate


def judge(
    criterion: Condition,
    state: ConditionState,
    reading: Reading,
    now: float,
    interval: float = 0.0,
    then: float | None = None,
) -> ConditionState:
    """Given a criterion, its state and a reading, as for `evaluate`, return the state to remember."""
    failed = reading is Gap.ERROR or (not isinstance(reading, Gap) and not math.isfinite(reading))
    missing = NoData.INCONCLUSIVE
    if criterion.no_data is NoData.FAIL:
        # Not met: the same as a number on the wrong side of the bound.
        missing, reading = NoData.PASS, Gap.NO_DATA if failed else reading
    elif criterion.no_data is NoData.PASS and not failed:
        missing = NoData.FAIL
    condition = replace(criterion, clear=criterion.bound, keep_for=0.0, no_data=missing)
    return evaluate(condition, state, reading, now, interval, then).state


def conclude(state: ConditionState) -> Verdict:
    """Given the state of a criterion when it is to be decided, return `pass`, `fail` or `inconclusive`."""
    if state.verdict not in (Verdict.PASS, Verdict.FAIL):
        return Verdict.INCONCLUSIVE
    if state.fired_at is not None and state.measured_at is not None:
        return Verdict.PASS
    return Verdict.FAIL if state.verdict is Verdict.PASS else Verdict.INCONCLUSIVE


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Given what several criteria concluded, return what they conclude together; of none nothing is known."""
    found = set(verdicts)
    if Verdict.FAIL in found:
        return Verdict.FAIL
    return Verdict.PASS if found == {Verdict.PASS} else Verdict.INCONCLUSIVE
