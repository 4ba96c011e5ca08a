"""What is known of remedies, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.engine.submit import pending_run
from agent.model.policies import Breaker
from agent.model.runs import Origin, Run, RunState
from agent.rules.remedies import (
    Help,
    Remedy,
    acted,
    cleared,
    dump_remedy,
    failed,
    help_of,
    is_of,
    load_remedy,
    may_act,
    remedy_name,
)
from tests.fakes import task

TWICE = Breaker(times=2, per=100.0)


def run(state: RunState, ended: float | None = None) -> Run:
    made = pending_run(task(), policy="p", origin=Origin.THRESHOLD, due=0.0, now=0.0)
    return replace(made, state=state, ended=ended)


@pytest.mark.parametrize(
    ("found", "now", "help_"),
    [
        (None, 50.0, Help.UNTRIED),
        (run(RunState.SKIPPED, 10.0), 50.0, Help.UNTRIED),
        (run(RunState.PENDING), 1e9, Help.OPEN),
        (run(RunState.RUNNING), 1e9, Help.OPEN),
        (run(RunState.SUCCEEDED, 10.0), 39.9, Help.OPEN),
        (run(RunState.SUCCEEDED, 10.0), 40.0, Help.NONE),
        (run(RunState.FAILED, 10.0), 40.0, Help.NONE),
    ],
)
def test_help_is_known_so_long_after_the_end_of_the_run(found: Run | None, now: float, help_: Help) -> None:
    assert help_of(found, 30.0, now) is help_


def test_remedy_that_helped_forgets_when_it_did_not() -> None:
    remedy = Remedy(made=(1.0,), awaited=7, failures=(5.0, 6.0))
    assert cleared(remedy, run(RunState.SUCCEEDED, 10.0), 30.0, 20.0).failures == ()


@pytest.mark.parametrize("found", [None, run(RunState.RUNNING), run(RunState.SKIPPED, 10.0)])
def test_condition_that_clears_without_the_remedy_says_nothing_of_it(found: Run | None) -> None:
    remedy = Remedy(made=(1.0,), awaited=7, failures=(5.0, 6.0))
    assert cleared(remedy, found, 30.0, 20.0) == replace(remedy, awaited=None)


def test_failures_before_a_release_do_not_count() -> None:
    assert failed(Remedy(awaited=1, failures=(5.0, 9.0)), 8.0, 12.0) == Remedy(failures=(9.0, 12.0))


@given(st.lists(st.floats(0, 60), max_size=30), st.none() | st.just(TWICE))
def test_breaker_counts_what_it_must_and_keeps_no_more(steps: list[float], at_most: Breaker | None) -> None:
    remedy, now = Remedy(), 0.0
    made: list[float] = []
    for step in steps:
        now += step
        allowed = may_act(at_most, remedy, 0.0, now)
        assert allowed is (at_most is None or sum(now - one < at_most.per for one in made) < at_most.times)
        if allowed:
            remedy = acted(at_most, remedy, None, now)
            made.append(now)
        assert len(remedy.made) <= (1 if at_most is None else at_most.times)


def test_release_gives_the_breaker_all_of_its_times_anew() -> None:
    full = Remedy(made=(1.0, 2.0))
    assert not may_act(TWICE, full, 0.0, 3.0)
    assert may_act(TWICE, full, 2.5, 3.0)


def test_name_of_a_remedy_tells_threshold_task_and_series() -> None:
    name = remedy_name("full", "free", (("device", 'a"b'), ("mountpoint", "/")))
    assert name == 'full/free{device="a\\"b",mountpoint="/"}'
    assert remedy_name("full", "free", ()) == "full/free"
    assert [is_of(name, thing) for thing in ("full", "free", "ful", name)] == [True, True, False, False]
    assert not is_of("full", "full")


remedies = st.builds(
    Remedy,
    made=st.lists(st.floats(0, 1e10), max_size=3).map(tuple),
    awaited=st.none() | st.integers(1, 1 << 40),
    failures=st.lists(st.floats(0, 1e10), max_size=3).map(tuple),
)


@given(remedies)
def test_remedy_is_read_back_as_it_was(remedy: Remedy) -> None:
    assert load_remedy(dump_remedy(remedy)) == remedy


@pytest.mark.parametrize("text", ["", "[]", '{"made": 1}', '{"colour": "red"}'])
def test_what_is_no_remedy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_remedy(text)
