"""What of a signal counts for its trend: peaks, falls that come again, and jumps that do not."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.rules.envelope import DAY, STEP, WEEK, Place, cycle, hours_of, jumps, peaks, places, spliced, spread
from tests.rules.histories import T0, Shape, flat, history, leak, nightly, rotated, stairs, step, together, wave, week


def of(shape: Shape, days: float = 30, noise: float = 0.2) -> list[Place]:
    made = history(shape, days, 5, noise)
    return places(hours_of(made.points), T0 + days * DAY)


def test_places_are_a_quarter_of_a_day_apart_and_have_the_middle_and_the_peak_of_a_day() -> None:
    found = of(together(flat(60), nightly(30)), noise=0.0)
    assert {round(after.time - before.time) for before, after in pairwise(found)} == {STEP}
    assert found[-1].time == T0 + 30 * DAY
    assert {(place.middle, place.peak) for place in found} == {(60.0, 90.0)}


def test_places_are_left_out_where_less_than_a_quarter_of_a_day_is_known() -> None:
    points = history(flat(60), 3, 5, 0.0).points
    hours = hours_of(points)
    few = type(hours)(dict(list(hours.mean.items())[:5]), hours.high)
    assert places(few, T0 + DAY) == []
    assert places(type(hours)({}, {}), T0) == []


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        (flat(50), []),
        (together(flat(40), leak(2)), []),
        (together(flat(40), stairs(1.5)), []),
        (together(flat(60), nightly(30)), []),
        (together(flat(60), rotated(20, 1)), []),
        (together(flat(40), step(30, 14.3)), [30]),
        (together(flat(80), step(-30, 14.3)), [-30]),
        (together(flat(30), step(20, 9.1), step(25, 20.8)), [20, 25]),
    ],
)
def test_jump_is_what_comes_at_once_and_stays(shape: Shape, sizes: list[float]) -> None:
    found = jumps(of(shape), 100.0)
    assert [jump.size for jump in found] == pytest.approx(sizes, abs=1.5)


def test_boot_is_a_jump_whatever_came_of_it() -> None:
    (jump,) = jumps(of(flat(50)), 100.0, [T0 + 10 * DAY])
    assert (jump.first, jump.size) == (T0 + 10 * DAY, 0.0)


@pytest.mark.parametrize(
    ("shape", "least", "most"),
    [
        (flat(50), DAY, DAY),
        (together(flat(50), nightly(30)), DAY, DAY),
        (together(flat(40), leak(1.5)), DAY, DAY),
        (together(flat(40), week(40)), WEEK, 10 * DAY),
        (together(flat(60), wave(30)), WEEK, WEEK + DAY),
        (together(flat(40), rotated(30, 7)), WEEK, 11 * DAY),
        (together(flat(40), rotated(40, 12)), 12 * DAY, 17 * DAY),
    ],
)
def test_cycle_is_the_longest_wave_that_comes_again(shape: Shape, least: float, most: float) -> None:
    found = of(shape)
    assert least <= cycle(found, jumps(found, 100.0), 100.0, 100.0) <= most


def test_fall_from_the_limit_is_nobodys_habit() -> None:
    found = of(together(flat(60), step(38, 5.2), step(-50, 20.4)))
    assert cycle(found, jumps(found, 100.0), 100.0, 100.0) == DAY


def test_peaks_of_a_wave_are_level() -> None:
    found = peaks(of(together(flat(40), rotated(30, 7)), noise=0.0), 8 * DAY)
    assert {round(top) for time, top in found if time > T0 + 9 * DAY} == {70}


def test_splicing_joins_both_sides_of_a_jump_by_what_they_rise_otherwise() -> None:
    found = of(together(flat(30), leak(0.5), step(30, 14.3)), noise=0.0)
    joined = spliced(found, jumps(found, 100.0))
    rises = [(b.middle - a.middle) / (b.time - a.time) * DAY for a, b in pairwise(joined)]
    assert rises == pytest.approx([0.5] * len(rises), abs=0.05)
    assert joined[-1] == found[-1]


@pytest.mark.parametrize(
    ("values", "expected"), [([], 0.0), ([5.0], 0.0), ([1.0, 1.0, 1.0, 50.0], 0.0), ([1.0, 2.0, 3.0], 1.4826)]
)
def test_spread_of_few_outliers_is_that_of_the_rest(values: list[float], expected: float) -> None:
    assert spread(values) == expected
