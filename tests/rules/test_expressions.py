from __future__ import annotations

import pytest

from agent.rules.expressions import BadExpression, search_of


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        ("b+", b"abba", True),
        ("^b", b"abba", False),
        ("a.c", b"a\nc", False),
        ("\u00e4", "\u00e4".encode(), True),
        ("\u00e4", b"\xff\xfe", False),
    ],
)
def test_expression_is_looked_for_anywhere(expression: str, text: bytes, found: bool) -> None:
    assert search_of(expression)(text) is found


@pytest.mark.parametrize("expression", ["(a", "(?=a)b", r"(a)\1", "a{2000}", "[z-a]"])
def test_expression_that_cannot_be_used_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression, match="not a regular expression"):
        search_of(expression)
