"""Whether work fits, from its own history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.fit import LATEST, LEAST, Fit, fits, p95


def test_p95_with_too_little_history_is_unknown() -> None:
    assert p95([]) is None
    assert p95([1.0] * (LEAST - 1)) is None
    assert p95([1.0] * LEAST) == 1.0


@pytest.mark.parametrize(
    ("count", "expected"), [(5, 5), (10, 10), (19, 19), (20, 19), (21, 20), (39, 38), (40, 38), (100, 95)]
)
def test_p95_is_the_nearest_rank(count: int, expected: float) -> None:
    durations = [float(number) for number in range(1, count + 1)]
    assert p95(durations) == p95(durations[::-1]) == expected


def test_p95_looks_at_the_latest_durations_only() -> None:
    assert p95([1000.0] * 50 + [10.0] * LATEST) == 10.0
    assert p95([10.0] * LATEST + [1000.0] * 6) == 1000.0


@given(st.lists(st.floats(0, 1e6), min_size=LEAST, max_size=LATEST))
def test_p95_is_not_exceeded_by_at_least_95_in_100_and_by_no_smaller_duration(durations: list[float]) -> None:
    found = p95(durations)
    assert found in durations
    assert sum(100 for duration in durations if duration <= found) >= 95 * len(durations)
    assert sum(100 for duration in durations if duration < found) < 95 * len(durations)


def test_fits_has_three_answers() -> None:
    assert fits(None, 1.0) is Fit.UNKNOWN
    assert fits(60.0, 60.0) is Fit.YES
    assert fits(60.0, 59.999) is Fit.NO
