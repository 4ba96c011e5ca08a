"""What a threshold would have made of numbers of the past: the same as it made of them when they were measured."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.conditions import Against, As, Bound, Comparison, Condition, Rate
from agent.model.policies import Breaker, Position, Severity, Threshold
from agent.model.signals import ConditionState, Points
from agent.rules.conditions import Event, Standing, evaluate
from agent.rules.replay import Episode
from agent.rules.replay import replay as replayed

T0 = 1_772_366_400.0
ABOVE = Condition(signal="cpu.used_percent", bound=Bound(above=90.0), clear=Bound(above=80.0))
HOT = Threshold(
    name="hot",
    description="",
    condition=ABOVE,
    severity=Severity.WARNING,
    run=("cool",),
    at_most=Breaker(2, 3600.0),
    position=Position("p.yaml", 1, 1),
)


def points(values: Sequence[float], every: float = 10.0, step: int = 0, start: float = T0) -> Points:
    times = array("d", [start + every * place for place in range(len(values))])
    numbers = array("d", values)
    return Points(times, [step] * len(values), numbers, numbers, numbers, [1.0] * len(values))


def test_firing_is_told_with_its_length_and_its_worst_number() -> None:
    found = replayed(HOT, points([50, 91, 99, 85, 70, 50, 95]), 10.0)
    assert found.episodes == (Episode(T0 + 10, T0 + 40, 99.0), Episode(T0 + 60, None, 95.0))
    assert (found.standing, found.points, found.coarse) == (Standing.FIRING, 7, 0)


def test_breaker_bounds_what_it_would_have_run_for_one_series() -> None:
    one = replace(HOT, run=("cool", "tell"))
    found = replayed(one, points([95, 50] * 4), 10.0)
    assert (len(found.episodes), found.acts, found.held) == (4, 4, 4)
    found = replayed(replace(one, at_most=None), points([95, 50] * 4), 10.0)
    assert (found.acts, found.held) == (8, 0)
    found = replayed(replace(one, at_most=Breaker(1, 15.0)), points([95, 50] * 4), 10.0)
    assert (found.acts, found.held) == (8, 0)


@pytest.mark.parametrize(
    ("condition", "values", "fired"),
    [
        (replace(ABOVE, for_=20.0), [91, 91, 50, 91, 91, 91], [50.0]),
        (replace(ABOVE, samples=3), [91, 91, 50, 91, 91, 91], [50.0]),
        (replace(ABOVE, samples=2, of=3), [91, 50, 91, 50], [20.0]),
        (replace(ABOVE, bound=Bound(below=10), clear=Bound(below=10)), [5, 20, 5], [0.0, 20.0]),
        (replace(ABOVE, bound=Bound(equals=0), clear=Bound(equals=0)), [1, 0, 1], [10.0]),
        (replace(ABOVE, bound=Bound(above=50), clear=Bound(above=50), change=Rate(10, 10)), [0, 10, 100, 101], [20.0]),
    ],
)
def test_condition_fires_as_it_would_have(condition: Condition, values: list[float], fired: list[float]) -> None:
    found = replayed(replace(HOT, condition=condition), points(values), 10.0)
    assert [one.fired - T0 for one in found.episodes] == fired


def test_worst_is_the_number_furthest_beyond_the_bound_on_either_side() -> None:
    low = replace(HOT, condition=replace(ABOVE, bound=Bound(below=10), clear=Bound(below=10)))
    assert replayed(low, points([9, 3, 5]), 10.0).episodes[0].worst == 3.0
    out = replace(HOT, condition=replace(ABOVE, bound=Bound(outside=(10, 20)), clear=Bound(outside=(10, 20))))
    assert replayed(out, points([9, 35, 2]), 10.0).episodes[0].worst == 35.0


def test_comparison_is_with_what_is_known_of_that_instant() -> None:
    compared = replace(
        ABOVE, bound=Bound(above=2), clear=Bound(above=2), compare=Comparison(Against.YESTERDAY, As.RATIO)
    )
    found = replayed(
        replace(HOT, condition=compared), points([10, 30, 30]), 10.0, lambda at: 10.0 if at < T0 + 20 else None
    )
    assert found.episodes == (Episode(T0 + 10, None, 3.0),)


def test_means_of_minutes_are_judged_as_if_measured_that_seldom() -> None:
    long = replace(HOT, condition=replace(ABOVE, for_=900.0))
    found = replayed(long, points([95] * 5, every=300.0, step=300), 10.0)
    assert [one.fired - T0 for one in found.episodes] == [900.0]
    assert found.coarse == 5


def test_stretch_without_numbers_starts_what_was_pending_anew() -> None:
    long = replace(HOT, condition=replace(ABOVE, for_=900.0))
    early, late = points([95] * 60), points([95] * 100, start=T0 + 10_000)
    both = Points([*early.times, *late.times], [0] * 160, [95.0] * 160, [95.0] * 160, [95.0] * 160, [1.0] * 160)
    (episode,) = replayed(long, both, 10.0).episodes
    assert episode.fired == T0 + 10_900


@given(st.lists(st.sampled_from([50.0, 85.0, 91.0, 99.0]), max_size=60), st.integers(0, 40), st.integers(1, 4))
def test_replay_fires_and_clears_exactly_when_the_evaluator_did(values: list[float], held: int, samples: int) -> None:
    condition = replace(ABOVE, for_=float(held), samples=samples)
    state, fired, cleared = ConditionState(), [], []
    for place, value in enumerate(values):
        evaluation = evaluate(condition, state, value, T0 + 10 * place, 10.0)
        state = evaluation.state
        fired += [T0 + 10 * place] if evaluation.event is Event.FIRED else []
        cleared += [T0 + 10 * place] if evaluation.event is Event.CLEARED else []
    found = replayed(replace(HOT, condition=condition), points(values), 10.0).episodes
    assert [one.fired for one in found] == fired
    assert [one.cleared for one in found if one.cleared is not None] == cleared
