from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pages.charts import (
    HEIGHT,
    ceiling,
    ceiling_of_counts,
    ceiling_of_seconds,
    columns,
    dots,
    plot,
)


@given(st.floats(1e-6, 1e15))
def test_ceilings_are_not_less_and_not_much_more(value: float) -> None:
    assert value * (1 - 1e-6) <= ceiling(value) <= 2 * value
    assert value * (1 - 1e-6) <= ceiling_of_seconds(value) <= 4 * max(value, 0.001)
    assert value * (1 - 1e-6) <= ceiling_of_counts(value)
    assert ceiling_of_counts(value) % 2 == 0


@pytest.mark.parametrize(
    ("value", "top"),
    [(0.0, 1.0), (float("nan"), 1.0), (0.42, 0.5), (37, 60), (61, 120), (2000, 2400), (90_000, 129_600)],
)
def test_ceiling_of_seconds_is_round_as_clocks_have_it(value: float, top: float) -> None:
    found = ceiling_of_seconds(value)
    assert found == pytest.approx(top) or found >= value


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), min_size=1, max_size=70))
def test_columns_stay_within_the_drawing_and_hide_nothing(numbers: list[tuple[float, float]]) -> None:
    top = ceiling_of_counts(max(sum(pair) for pair in numbers))
    text = columns([("<x>", {"good": good, "bad": bad}) for good, bad in numbers], top, "a & b").text
    heights = [float(found) for found in re.findall(r"V(-?[0-9.]+)", text)]
    assert all(-3.1 <= height <= HEIGHT for height in heights)
    assert text.count("z") == sum(number > 0 for pair in numbers for number in pair)
    assert text.count('class="hit"') == len(numbers)
    assert "&lt;x&gt;" in text
    assert 'aria-label="a &amp; b"' in text


def test_dots_are_placed_from_the_lower_left_by_class() -> None:
    text = dots([(0.0, 0.0, "good"), (1.0, 1.0, "bad"), (0.5, 0.5, "good")], [0.25], "x").text
    assert 'class="dot good" d="M0 100.0h0M500 50.0h0"' in text
    assert 'class="dot bad" d="M1000 0.0h0"' in text
    assert 'class="mark" d="M0 75.0H1000"' in text


def test_plot_puts_labels_beside_the_drawing() -> None:
    text = plot(dots([], [], "x"), ["9", "0"], ["<a>", "b"]).text
    assert "<span>9</span><span>0</span></div><svg" in text
    assert "<span>&lt;a&gt;</span><span>b</span></div></div>" in text
