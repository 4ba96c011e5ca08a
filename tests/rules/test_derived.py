"""Rates of change, and the same time of another day."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.conditions import Against, As, Comparison, Rate
from agent.rules.derived import PARTS, Points, compared, follow, same_time

HOURLY = Rate(over=600.0, per=3600.0)


def rates(rate: Rate, series: list[tuple[float, float]], interval: float = 10.0) -> tuple[list[float | None], Points]:
    points: Points = ()
    found = []
    for now, value in series:
        one, points = follow(rate, points, value, now, interval)
        found.append(one)
    return found, points


def test_rate_is_the_slope_of_a_line_once_it_is_covered() -> None:
    found, _ = rates(HOURLY, [(t, 5.0 + t / 100) for t in range(0, 1300, 10)])
    assert found[:60] == [None] * 60
    assert found[60:] == pytest.approx([36.0] * 70)


def test_rate_of_what_is_measured_more_rarely_than_over_is_told_all_the_same() -> None:
    found, _ = rates(Rate(60.0, 60.0), [(0, 0.0), (300, 10.0), (600, 20.0)], interval=300.0)
    assert found == pytest.approx([None, 2.0, 2.0])


def test_rate_over_a_long_pause_is_not_told() -> None:
    found, _ = rates(HOURLY, [*((t, 1.0) for t in range(0, 700, 10)), (9000, 100.0), (9010, 100.0)])
    assert found[-2:] == [None, None]


def test_clock_set_back_begins_a_rate_anew() -> None:
    found, points = rates(HOURLY, [*((t, 1.0) for t in range(1000, 1700, 10)), (500, 1.0)])
    assert (found[-1], points) == (None, ((500, 1.0),))


@given(st.lists(st.tuples(st.floats(0.5, 400), st.floats(-1e6, 1e6)), max_size=120))
def test_points_are_few_in_order_and_end_within_the_rate(steps: list[tuple[float, float]]) -> None:
    now, series = 0.0, []
    for step, value in steps:
        now += step
        series.append((now, value))
    points: Points = ()
    for now, value in series:
        _, points = follow(HOURLY, points, value, now, 10.0)
        assert len(points) <= PARTS + 2
        assert list(points) == sorted(points)
        assert set(points) <= set(series)


@pytest.mark.parametrize(
    ("as_", "value", "then", "found"),
    [
        (As.DIFFERENCE, 5.0, 3.0, 2.0),
        (As.RATIO, 6.0, 3.0, 2.0),
        (As.PERCENT, 6.0, 3.0, 100.0),
        (As.PERCENT, -6.0, -3.0, -100.0),
        (As.RATIO, 6.0, 0.0, None),
        (As.PERCENT, 6.0, 0.0, None),
        (As.DIFFERENCE, 6.0, 0.0, 6.0),
        (As.DIFFERENCE, 6.0, None, None),
    ],
)
def test_comparison(as_: As, value: float, then: float | None, found: float | None) -> None:
    assert compared(Comparison(Against.YESTERDAY, as_), value, then) == found


@pytest.mark.parametrize(
    ("now", "against", "then"),
    [
        ("2026-03-30T12:00+02:00", Against.YESTERDAY, "2026-03-29T12:00+02:00"),
        ("2026-03-29T12:00+02:00", Against.YESTERDAY, "2026-03-28T12:00+01:00"),
        ("2026-10-25T12:00+01:00", Against.YESTERDAY, "2026-10-24T12:00+02:00"),
        ("2026-04-01T12:00+02:00", Against.LAST_WEEK, "2026-03-25T12:00+01:00"),
    ],
)
def test_same_time_is_that_of_the_clock_on_the_wall(now: str, against: Against, then: str) -> None:
    found = same_time(datetime.fromisoformat(now).timestamp(), against, ZoneInfo("Europe/Berlin"))
    assert datetime.fromtimestamp(found, UTC) == datetime.fromisoformat(then)
