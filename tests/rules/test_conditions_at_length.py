"""Conditions on more than a value and a row of samples: some of the last ones, kept firing, changes and comparisons."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.model.conditions import Against, As, Bound, Comparison, NoData, Rate
from agent.model.signals import Verdict
from agent.rules.conditions import SHORTEST_GAP_LIMIT, Event, Gap, Reading, Standing, evaluate, standing, violates
from tests.rules.test_conditions import BAD, CONDITION, FRESH, GOOD, events, history


def test_equals_is_violated_by_that_number_alone_and_its_opposite_by_all_others() -> None:
    assert [violates(Bound(equals=1.0), value) for value in (1.0, 0.0, 1.0000001)] == [True, False, False]
    assert [violates(Bound(not_equals=200.0), value) for value in (200.0, 500.0)] == [False, True]


THREE_OF_FIVE = replace(CONDITION, samples=3, of=5)


def test_so_many_of_the_last_samples_fire_in_any_order_and_clear_when_they_are_fewer() -> None:
    values = [BAD, GOOD, BAD, GOOD, BAD, GOOD, GOOD, BAD, BAD]
    steps = history(THREE_OF_FIVE, [(10.0 * turn, value) for turn, value in enumerate(values)])
    assert [event for event, _ in steps] == [
        *[Event.NONE] * 4,
        *(Event.FIRED, Event.CLEARED, Event.NONE, Event.NONE, Event.FIRED),
    ]
    assert standing(steps[6][1]) is Standing.PENDING


def test_missing_sample_takes_a_place_among_the_last_and_makes_nothing_fire() -> None:
    readings: list[tuple[float, Reading]] = [
        (0, BAD),
        (10, BAD),
        (20, Gap.NO_DATA),
        (30, Gap.ERROR),
        (40, Gap.NO_DATA),
        (50, BAD),
    ]
    assert events(THREE_OF_FIVE, readings) == [Event.NONE] * 6


def test_long_pause_forgets_the_samples_before_it() -> None:
    after = SHORTEST_GAP_LIMIT + 20
    assert events(THREE_OF_FIVE, [(0, BAD), (10, BAD), (after, BAD), (after + 10, BAD), (after + 20, BAD)])[2:] == [
        *(Event.NONE, Event.NONE, Event.FIRED)
    ]


def test_keep_for_bears_with_what_comes_and_goes() -> None:
    kept = replace(CONDITION, keep_for=30.0)
    readings = [(0, BAD), (10, GOOD), (20, BAD), (30, GOOD), (40, GOOD), (50, GOOD), (60, GOOD), (70, GOOD)]
    assert events(kept, readings) == [Event.FIRED, *[Event.NONE] * 5, Event.CLEARED, Event.NONE]


def test_keep_for_does_not_end_with_a_missing_reading() -> None:
    kept = replace(CONDITION, keep_for=30.0)
    readings: list[tuple[float, Reading]] = [(0, BAD), (10, GOOD), (40, Gap.NO_DATA), (50, GOOD)]
    assert events(kept, readings) == [Event.FIRED, Event.NONE, Event.NONE, Event.CLEARED]


LEAK = replace(CONDITION, bound=Bound(above=50.0), clear=Bound(above=50.0), change=Rate(over=60.0, per=3600.0))


def test_change_fires_by_the_rate_and_clears_when_it_is_slow() -> None:
    values = [1.0 * turn for turn in range(10)] + [9.0] * 8
    steps = history(LEAK, [(10.0 * turn, value) for turn, value in enumerate(values)])
    assert [turn for turn, (event, _) in enumerate(steps) if event is Event.FIRED] == [6]
    assert steps[6][1].value == pytest.approx(360.0)
    assert [turn for turn, (event, _) in enumerate(steps) if event is Event.CLEARED] == [15]


@pytest.mark.parametrize("no_data", list(NoData))
def test_change_that_cannot_be_told_yet_proves_nothing(no_data: NoData) -> None:
    steps = history(replace(LEAK, no_data=no_data), [(10.0 * turn, 99.0 * turn) for turn in range(6)])
    assert {(event, state.verdict) for event, state in steps} == {(Event.NONE, Verdict.INCONCLUSIVE)}


def test_comparison_with_a_missing_past_is_a_missing_reading() -> None:
    doubled = replace(
        CONDITION,
        bound=Bound(above=2.0),
        clear=Bound(above=2.0),
        compare=Comparison(Against.LAST_WEEK, As.RATIO),
        no_data=NoData.FAIL,
    )
    assert evaluate(doubled, FRESH, 9.0, 0.0, then=3.0).event is Event.FIRED
    assert evaluate(doubled, FRESH, 5.0, 0.0, then=3.0).state.value == pytest.approx(5 / 3)
    missing = evaluate(doubled, FRESH, 9.0, 0.0, then=None)
    assert (missing.event, missing.state.verdict, missing.state.value) == (Event.FIRED, Verdict.FAIL, None)
    assert evaluate(replace(doubled, no_data=NoData.INCONCLUSIVE), FRESH, 9.0, 0.0).event is Event.NONE


def test_mute_is_remembered_until_the_condition_clears() -> None:
    state = replace(history(CONDITION, [(0, BAD)])[-1][1], muted="parent_firing", muted_by="router")
    state = evaluate(CONDITION, state, BAD, 10.0).state
    assert (state.muted, state.muted_by) == ("parent_firing", "router")
    assert evaluate(CONDITION, state, GOOD, 20.0).state.muted == ""
