from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.trend import line, others, quantile, residuals, thinned

NUMBERS = st.floats(-100, 100)


@given(NUMBERS, NUMBERS, st.integers(2, 30))
def test_line_through_points_of_a_line_is_that_line(height: float, slope: float, count: int) -> None:
    found = line([(float(x), height + slope * x) for x in range(count)], 0.0)
    assert found.slope == pytest.approx(slope, abs=1e-9)
    assert found(10.0) == pytest.approx(height + slope * 10, abs=1e-6)


def test_line_is_not_bent_by_a_quarter_of_outliers() -> None:
    points = [(float(x), 2.0 * x + (500 if x % 4 == 1 else 0)) for x in range(40)]
    assert line(points, 0.0).slope == pytest.approx(2.0, abs=0.5)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=200), st.integers(1, 50))
def test_thinned_points_are_no_more_than_asked_for_and_end_with_the_last(
    points: list[tuple[float, float]], most: int
) -> None:
    found = thinned(points, most)
    assert len(found) <= most
    assert found[-1:] == points[-1:]
    assert len(points) > most or found == points


def test_lines_of_other_noise_lie_around_the_line_and_are_the_same_each_time() -> None:
    points = [(float(x), x + math.sin(x * 12.9) * 3) for x in range(30)]
    through = line(points, 0.0)
    found = others(points, through, 2, seed=1)
    assert found == others(points, through, 2, seed=1)
    slopes = sorted(one.slope for one in found)
    assert slopes[0] < through.slope < slopes[-1]
    assert abs(sum(residuals(points, through))) < 30


def test_lines_of_no_noise_are_the_line() -> None:
    points = [(float(x), 2.0 * x) for x in range(10)]
    assert {one.slope for one in others(points, line(points, 0.0), 3, seed=1)} == {2.0}


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.9, math.inf), (1.0, math.inf)])
def test_quantile_bears_what_is_infinite(share: float, expected: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, math.inf], share) == expected
