"""What is told of runs, as far as it takes no listener."""

from __future__ import annotations

import pytest

from agent.daemon.telling import named


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], "0"),
        (["a"], "1 (a)"),
        (["b", "a", "c"], "3 (a, b, c)"),
        (["d", "b", "a", "c", "e"], "5 (a, b, c, 2 more)"),
    ],
)
def test_named_counts_and_names_the_first_few(names: list[str], line: str) -> None:
    assert named(names) == line
