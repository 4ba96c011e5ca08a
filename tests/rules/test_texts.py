from __future__ import annotations

import time

import pytest

from agent.rules.texts import anywhere


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("status=5[0-9][0-9]", "x status=503 y", True),
        ("status=5[0-9][0-9]", "x status=53 y", False),
        ("out*memory", "out of all memory", True),
        ("out*memory", "memory is out", False),
        ("*", "", True),
        ("a.b", "axb", False),
    ],
)
def test_anywhere_looks_for_text_in_a_line(pattern: str, line: str, found: bool) -> None:
    assert anywhere([pattern])(line) is found


def test_anywhere_of_no_pattern_finds_nothing() -> None:
    assert not anywhere([])("text")


def test_anywhere_of_many_stars_in_a_long_line_ends_soon() -> None:
    began = time.process_time()
    assert not anywhere(["a*" * 100 + "b"])("a" * 60_000)
    assert time.process_time() - began < 2
