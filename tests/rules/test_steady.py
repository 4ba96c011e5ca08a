"""What is decided at once is what would have been decided at length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.model.policies import Threshold
from agent.model.signals import Verdict
from agent.rules.conditions import Event, Reading, evaluate, steady
from tests.rules.test_conditions import FRESH, readings_in_time, thresholds


@given(thresholds, readings_in_time, st.floats())
def test_steady_is_what_evaluate_concludes_or_leaves_it_to_it(
    threshold: Threshold, readings: list[tuple[float, Reading]], value: float
) -> None:
    now, state = 0.0, FRESH
    for now, reading in readings:
        state = evaluate(threshold, state, reading, now, 10.0).state
    well = steady(threshold, state, value, now + 10.0)
    evaluation = evaluate(threshold, state, value, now + 10.0, 10.0)
    good_before = state.verdict is Verdict.PASS and state.since is None and state.fired_at is None
    assert (well is not None) is (good_before and evaluation.state.verdict is Verdict.PASS)
    if well is not None:
        assert evaluation.event is Event.NONE
        assert well == evaluation.state
