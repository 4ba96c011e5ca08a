"""Patterns for text that is looked for anywhere in a line, matched in time linear in the line.

`*` is any text, `?` any one character, `[a-z]` and `[!a-z]` one of a set; a pattern need not fit the whole line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.rules.patterns import name_expression


def anywhere(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Given patterns, return what tells whether one of them is in a line; of none, none is."""
    plain = tuple(one for one in patterns if not set(one) & set("*?["))
    others = [name_expression(f"*{one}*") for one in patterns if set(one) & set("*?[")]
    fits = re.compile("|".join(f"(?:{one})" for one in others), re.DOTALL).fullmatch if others else None

    def found(line: str) -> bool:
        return any(one in line for one in plain) or (fits is not None and fits(line) is not None)

    return found
