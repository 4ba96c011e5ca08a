"""Numbers that make any condition fire, and clear."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.conditions import Against, As, Bound, Comparison, Condition, Rate
from agent.model.signals import ConditionState
from agent.rules.conditions import Event, evaluate, violates
from agent.rules.provoking import PAST, STEPS, Provoker, interval, patience, violating, well

T0 = 1_772_366_400.0
FINITE = st.floats(-1e9, 1e9).filter(lambda number: number == 0 or abs(number) > 1e-9)


def one_sided(kind: str, number: float) -> Bound:
    return replace(Bound(), **{kind: number})


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    kind = draw(st.sampled_from(["above", "below", "outside", "equals", "not_equals"]))
    shape = draw(st.sampled_from(["plain", "change", "compare"]))
    number, further = draw(FINITE), draw(st.floats(0, 1e6))
    if kind in ("equals", "not_equals") and shape != "plain":
        number = 0.0  # what is worked out is hardly ever exactly any other number
    if kind == "outside" and shape != "plain":
        further += 1.0  # nor within a range that is hardly wider than one
    clear = Bound()
    if kind == "outside":
        bound = Bound(outside=(number, number + further))
        clear = draw(st.sampled_from([bound, Bound(outside=(number + further / 4, number + further / 2))]))
    else:
        bound = one_sided(kind, number)
        if kind in ("above", "below"):
            eased = number - further if kind == "above" else number + further
            clear = draw(st.sampled_from([bound, one_sided(kind, eased)]))
    of = draw(st.one_of(st.none(), st.integers(1, 20)))
    samples = draw(st.integers(1, of or 20))
    over = draw(st.floats(1, 1e5))
    return Condition(
        signal="x.y",
        bound=bound,
        clear=clear if clear != Bound() else bound,
        for_=draw(st.floats(0, 1e5)),
        keep_for=draw(st.floats(0, 1e5)),
        samples=samples,
        of=of,
        change=Rate(over, draw(st.floats(1, 1e5))) if shape == "change" else None,
        compare=Comparison(Against.YESTERDAY, draw(st.sampled_from(list(As)))) if shape == "compare" else None,
    )


@settings(max_examples=60)
@given(conditions(), st.sampled_from([1.0, 10.0, 600.0]))
def test_every_condition_fires_and_clears_within_its_patience(condition: Condition, usual: float) -> None:
    step = interval(condition, usual)
    provoker, state, at = Provoker(condition, T0), ConditionState(), T0
    for event, bad in ((Event.FIRED, True), (Event.CLEARED, False)):
        last = at + patience(condition, step)
        while True:
            assert at <= last, event
            found = evaluate(condition, state, provoker.number(at, bad=bad), at, step, PAST)
            state, at = found.state, at + step
            if found.event is event:
                break


def test_long_wait_is_gone_through_in_few_steps() -> None:
    condition = Condition(signal="x.y", bound=Bound(above=1), clear=Bound(above=1), for_=31 * 86_400.0)
    assert interval(condition, 10.0) == 31 * 86_400.0 / STEPS
    assert patience(condition, interval(condition, 10.0)) / interval(condition, 10.0) <= STEPS + 10


@pytest.mark.parametrize("bound", [Bound(above=0), Bound(below=0), Bound(equals=0), Bound(not_equals=0)])
def test_bound_of_zero_is_no_exception(bound: Bound) -> None:
    condition = Condition(signal="x.y", bound=bound, clear=bound)
    provoker = Provoker(condition, T0)
    assert evaluate(condition, ConditionState(), provoker.number(T0, bad=True), T0).event is Event.FIRED
    assert evaluate(condition, ConditionState(), provoker.number(T0, bad=False), T0).event is Event.NONE


@pytest.mark.parametrize("kind", ["above", "below", "equals", "not_equals"])
@pytest.mark.parametrize("number", [9e18, -9e18, 2.0**53])
def test_bound_too_large_to_add_one_to_is_violated_and_left(kind: str, number: float) -> None:
    bound = one_sided(kind, number)
    assert violates(bound, violating(bound))
    assert not violates(bound, well(Condition(signal="x.y", bound=bound, clear=bound)))
