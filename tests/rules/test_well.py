"""What is well within its bounds, all of it at once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.conditions import Against, As, Bound, Comparison, Condition, Rate
from agent.model.samples import Samples
from agent.model.signals import ConditionState, Verdict
from agent.rules.conditions import Gap, evaluate, violates
from agent.rules.well import WellKept, good_range, stays_missing
from tests.rules.test_conditions import CONDITION

numbers = st.floats() | st.sampled_from([0.0, 1.0, 5.0])
bounds = st.one_of(
    st.builds(lambda bound: Bound(above=bound), st.sampled_from([0.0, 1.0, 1e308, math.inf])),
    st.builds(lambda bound: Bound(below=bound), st.sampled_from([0.0, 1.0, -1e308])),
    st.builds(lambda low, high: Bound(outside=(low, high)), st.sampled_from([-1.0, 0.0]), st.sampled_from([0.0, 5.0])),
    st.builds(lambda bound: Bound(not_equals=bound), st.sampled_from([0.0, 1.0])),
)
KEYS = (("load.1m", ()), (CONDITION.signal, ()))


def about(bound: Bound) -> Condition:
    return replace(CONDITION, bound=bound, clear=bound)


@given(bounds, numbers)
def test_good_range_is_what_does_not_violate(bound: Bound, value: float) -> None:
    within = good_range(about(bound))
    assert within is not None
    assert (within[0] <= value <= within[1]) is (math.isfinite(value) and not violates(bound, value))


@pytest.mark.parametrize(
    "condition",
    [
        about(Bound(equals=1.0)),
        replace(CONDITION, change=Rate(60.0, 1.0)),
        replace(CONDITION, compare=Comparison(Against.YESTERDAY, As.RATIO)),
    ],
)
def test_condition_that_takes_more_than_two_bounds_has_no_range(condition: Condition) -> None:
    assert good_range(condition) is None
    assert WellKept(Samples(KEYS, (1.0, 1.0)), {}, {"t": (condition, [()])}, {}).names == frozenset()


@given(bounds, numbers)
def test_all_is_well_while_every_number_is(bound: Bound, value: float) -> None:
    kept = WellKept(Samples(KEYS, (9.0, 1.0)), {}, {"t": (about(bound), [()])}, {})
    well = kept.still(Samples(KEYS, (9.0, value)), {}, 10.0)
    assert (well is not None) is (math.isfinite(value) and not violates(bound, value))
    if well is not None:
        assert list(well.states()) == [("t", (), ConditionState(Verdict.PASS, None, 0, None, value, 10.0, 10.0))]


def test_other_series_or_errors_are_judged_anew() -> None:
    kept = WellKept(Samples(KEYS, (9.0, 1.0)), {"disk": "x"}, {"t": (about(Bound(above=5.0)), [()])}, {})
    assert kept.still(Samples(KEYS, (9.0, 1.0)), {"disk": "y"}, 10.0) is not None
    assert kept.still(Samples(KEYS, (9.0, 1.0)), {}, 10.0) is None
    assert kept.still(Samples((*KEYS, ("load.5m", ())), (9.0, 1.0, 1.0)), {"disk": "x"}, 10.0) is None


def test_what_has_nothing_to_measure_stays_so_once_only_the_instant_changes() -> None:
    first = evaluate(CONDITION, ConditionState(), Gap.NO_DATA, 10.0)
    second = evaluate(CONDITION, first.state, Gap.NO_DATA, 20.0)
    assert not stays_missing(CONDITION, (), {(): ConditionState()}, {(): first})
    assert stays_missing(CONDITION, (), {(): first.state}, {(): second})
    missing = {"t": ((), second.state)}
    others = KEYS[:1]
    well = WellKept(Samples(others, (9.0,)), {}, {}, missing).still(Samples(others, (8.0,)), {}, 30.0)
    assert well is not None
    assert list(well.states()) == [("t", (), evaluate(CONDITION, second.state, Gap.NO_DATA, 30.0).state)]
