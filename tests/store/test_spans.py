from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from agent.store.spans import Spans


@given(st.sets(st.integers(1, 60)))
def test_spans_hold_what_was_put_in(numbers: set[int]) -> None:
    spans = Spans.read(Spans.of(random.Random(0).sample(sorted(numbers), len(numbers))).text())
    assert {number for number in range(70) if number in spans} == numbers
    assert all(last + 1 < first for last, first in zip(spans.lasts, spans.firsts[1:], strict=False))


def test_spans_of_text_that_is_none_are_empty() -> None:
    assert Spans.read("") == Spans.read("x,-,3-y") == Spans()
