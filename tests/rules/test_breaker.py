"""The circuit breaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.policies import Breaker
from agent.rules.breaker import Admission, admit, counted_from

THREE_A_DAY = Breaker(times=3, per=86_400.0)


@pytest.mark.parametrize(
    ("past", "now", "allowed", "used"),
    [
        ([], 0.0, True, 0),
        ([0.0, 10.0], 20.0, True, 2),
        ([0.0, 10.0, 20.0], 30.0, False, 3),
        ([0.0, 10.0, 20.0], 86_399.9, False, 3),
        ([0.0, 10.0, 20.0], 86_400.0, True, 2),
        ([0.0, 10.0, 20.0], 86_500.0, True, 0),
        ([1e9, 1e9, 1e9], 0.0, False, 3),
    ],
)
def test_breaker_counts_what_is_younger_than_its_time(past: list[float], now: float, allowed: bool, used: int) -> None:
    assert admit(THREE_A_DAY, past, now) == Admission(allowed, used)


@pytest.mark.parametrize(("released", "start"), [(None, 0.0), (90.0, 90.0), (100.0, 100.0), (100.1, 0.0)])
def test_runs_count_from_the_last_release_unless_that_is_yet_to_come(released: float | None, start: float) -> None:
    assert counted_from(released, 100.0) == start


def test_task_without_a_breaker_is_always_allowed() -> None:
    assert admit(None, [0.0] * 1000, 0.0).allowed


@given(st.integers(1, 5), st.integers(1, 100), st.lists(st.integers(0, 1000)).map(sorted))
def test_no_stretch_of_time_sees_more_runs_than_the_breaker_has(times: int, per: int, instants: list[int]) -> None:
    breaker, ran = Breaker(times, per), list[float]()
    for now in instants:
        if admit(breaker, ran, now).allowed:
            ran.append(now)
    assert all(sum(start <= t < start + per for t in ran) <= times for start in ran)
