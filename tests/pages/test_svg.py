"""Small drawings: what is known is drawn, what is not leaves a gap, and everything stays inside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from agent.pages.html import Markup
from agent.pages.svg import HEIGHT, WIDTH, bars, sparkline, strip, ticks

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


def paths(drawing: Markup) -> dict[str, str]:
    tree = ElementTree.fromstring(drawing.text)
    return {path.get("class", ""): path.get("d", "") for path in tree}


def points(path: str) -> list[tuple[float, float]]:
    """Follow a path of absolute and relative moves, and return where it goes."""
    x = y = 0.0
    found = []
    for command, text in re.findall(r"([MlhHvVz])([^MlhHvVz]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
        if command == "M":
            x, y = numbers
        elif command == "l":
            x, y = x + numbers[0], y + numbers[1]
        elif command == "h":
            x += numbers[0]
        elif command == "v":
            y += numbers[0]
        elif command == "H":
            x = numbers[0]
        elif command == "V":
            y = numbers[0]
        found.append((x, y))
    return found


@given(st.lists(NUMBERS, max_size=150), st.lists(st.floats(-10, 10), max_size=3))
@example([5e-324, 0.0], [])
@example([1.7e308, -1.7e308], [0.0])
def test_sparkline_of_any_numbers_stays_inside(values: list[float | None], marks: list[float]) -> None:
    drawn = paths(sparkline(values, "numbers", marks=marks))
    for path in drawn.values():
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(path))
    assert ("line" in drawn) is any(value is not None for value in values)


def test_sparkline_of_unknown_numbers_has_a_gap() -> None:
    line = paths(sparkline([1, 2, None, 2, 1], "gap"))["line"]
    assert points(line) == [(0, 45), (60, 3), (180, 3), (240, 45)]
    assert line.count("M") == 2


def test_sparkline_of_numbers_that_are_none_draws_nothing() -> None:
    assert paths(sparkline([None, float("nan"), float("inf")], "nothing")) == {}


def test_sparkline_of_one_number_is_a_dot() -> None:
    assert paths(sparkline([None, 5.0, None], "dot"))["line"] == "M120 24h0"


def test_sparkline_shows_a_mark_only_within_its_range() -> None:
    assert paths(sparkline([0, 10], "mark", marks=[5]))["mark"] == "M0 24H240"
    assert "mark" not in paths(sparkline([0, 10], "mark", marks=[50]))
    assert "mark" in paths(sparkline([0, 10], "mark", high=100, marks=[50]))


def test_sparkline_escapes_what_it_is_called() -> None:
    tree = ElementTree.fromstring(sparkline([1], '"><script>').text)
    assert tree.get("aria-label") == '"><script>'


@given(st.lists(st.dictionaries(st.sampled_from(["good", "bad"]), st.floats(0, 1e9)), max_size=60))
def test_bars_of_any_numbers_stay_inside(columns: list[dict[str, float]]) -> None:
    for path in paths(bars(columns, "bars")).values():
        assert all(0 <= x <= WIDTH and -2 <= y <= HEIGHT for x, y in points(path))


def test_bars_show_one_failure_among_many_runs() -> None:
    drawn = paths(bars([{"good": 100_000, "bad": 1}], "bars"))
    heights = [y for _, y in points(drawn["bad"])]
    assert max(heights) - min(heights) >= 1.5


def test_bars_without_anything_draw_nothing() -> None:
    assert paths(bars([], "nothing")) == paths(bars([{"good": 0}], "nothing")) == {}


def test_ticks_are_drawn_in_their_order_by_class() -> None:
    drawn = paths(ticks(["good", "bad", "good"], "three runs"))
    assert {name: path.count("M") for name, path in drawn.items()} == {"good": 2, "bad": 1}
    assert points(drawn["bad"])[0] == (12, 0)


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), max_size=9), st.lists(st.floats(-2, 3), max_size=300))
def test_strip_of_a_day_stays_inside(spans: list[tuple[float, float]], instants: list[float]) -> None:
    for path in paths(strip(spans, instants, "a day")).values():
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(path))


def test_strip_shows_instants_that_cannot_be_told_apart_as_one() -> None:
    drawn = paths(strip([(0.25, 0.5)], [0.5, 0.5001, 0.75], "a day"))
    assert drawn["span"] == "M60 0h60v48h-60z"
    assert drawn["at"].count("M") == 2


def test_sparkline_of_one_level_lies_at_the_bottom_only_where_that_is_the_least_shown() -> None:
    assert paths(sparkline([0, 0], "none", low=0))["line"] == "M0 45h240"
    assert paths(sparkline([7, 7], "some"))["line"] == "M0 24h240"
