"""What is decided at once is what would have been decided at length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.model.conditions import Condition
from agent.model.signals import Verdict
from agent.rules.conditions import Event, Reading, evaluate, steady
from tests.rules.test_conditions import FRESH, conditions, readings_in_time


@given(conditions, readings_in_time, st.floats())
def test_steady_is_what_evaluate_concludes_or_leaves_it_to_it(
    condition: Condition, readings: list[tuple[float, Reading]], value: float
) -> None:
    now, state = 0.0, FRESH
    for now, reading in readings:
        state = evaluate(condition, state, reading, now, 10.0).state
    well = steady(condition, state, value, now + 10.0)
    evaluation = evaluate(condition, state, value, now + 10.0, 10.0)
    quiet = state.since is None and state.fired_at is None and state.missing_since is None
    good_before = state.verdict is Verdict.PASS and quiet
    assert (well is not None) is (good_before and evaluation.state.verdict is Verdict.PASS)
    if well is not None:
        assert evaluation.event is Event.NONE
        assert well == evaluation.state
