"""What success criteria conclude."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from agent.model.conditions import Bound, Condition, NoData
from agent.model.signals import ConditionState, Verdict
from agent.rules.conditions import Gap, Reading
from agent.rules.criteria import conclude, judge, worst

FEW_ERRORS = Condition(signal="errors.value", bound=Bound(below=0.01), clear=Bound(below=0.01), samples=3)
GOOD, BAD = 0.001, 0.5


def after(criterion: Condition, *readings: Reading) -> Verdict:
    state = ConditionState()
    for turn, reading in enumerate(readings):
        state = judge(criterion, state, reading, 10.0 * turn, 10.0)
    return conclude(state)


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [
        ((), Verdict.INCONCLUSIVE),
        ((GOOD, GOOD), Verdict.INCONCLUSIVE),
        ((GOOD, GOOD, GOOD), Verdict.PASS),
        ((GOOD, GOOD, GOOD, BAD), Verdict.FAIL),
        ((BAD, GOOD, GOOD, GOOD), Verdict.PASS),
        ((GOOD, GOOD, GOOD, Gap.NO_DATA), Verdict.INCONCLUSIVE),
        ((GOOD, GOOD, GOOD, Gap.ERROR), Verdict.INCONCLUSIVE),
        ((GOOD, GOOD, Gap.NO_DATA, GOOD), Verdict.INCONCLUSIVE),
        ((Gap.NO_DATA,) * 9, Verdict.INCONCLUSIVE),
    ],
)
def test_criterion_concludes_from_so_many_samples(readings: tuple[Reading, ...], verdict: Verdict) -> None:
    assert after(FEW_ERRORS, *readings) is verdict


@pytest.mark.parametrize("reading", [Gap.NO_DATA, Gap.ERROR, math.nan])
def test_missing_measurement_fails_a_criterion_that_says_so(reading: Reading) -> None:
    strict = replace(FEW_ERRORS, no_data=NoData.FAIL)
    assert after(strict, reading) is Verdict.FAIL
    assert after(strict, GOOD, GOOD, GOOD, reading) is Verdict.FAIL


def test_missing_measurement_meets_a_criterion_that_says_so_but_not_by_itself() -> None:
    lenient = replace(FEW_ERRORS, no_data=NoData.PASS)
    assert after(lenient, GOOD, Gap.NO_DATA, GOOD) is Verdict.PASS
    assert after(lenient, *(Gap.NO_DATA,) * 5) is Verdict.INCONCLUSIVE
    assert after(lenient, GOOD, GOOD, GOOD, Gap.ERROR) is Verdict.INCONCLUSIVE


def test_criterion_of_the_last_samples_bears_with_some() -> None:
    tolerant = replace(FEW_ERRORS, samples=3, of=5)
    assert after(tolerant, GOOD, BAD, GOOD, GOOD, BAD) is Verdict.PASS
    assert after(tolerant, GOOD, BAD, GOOD, BAD, BAD) is Verdict.FAIL


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ((), Verdict.INCONCLUSIVE),
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.INCONCLUSIVE), Verdict.INCONCLUSIVE),
        ((Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS), Verdict.FAIL),
    ],
)
def test_worst_criterion_decides(verdicts: tuple[Verdict, ...], together: Verdict) -> None:
    assert worst(verdicts) is together
