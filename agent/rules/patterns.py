"""Glob patterns for names and paths, matched in time linear in the name.

A pattern without a slash judges the name alone: `*` is any text, `?` any one character, `[a-z]` and `[!a-z]` one of a
set. A pattern with a slash judges the path below the configured one, name by name; `**` stands for any number of names,
and a slash at the end for everything below. Bytes that are no UTF-8 arrive as lone surrogates and count as characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

Matches = Callable[[str], object]

ANY_DEPTH = "**"


def _one_of(body: str) -> str:
    """Given what stands between the brackets of a set, return the regular expression of one character of it."""
    negated = body.startswith("!")
    body = body[1:] if negated else body
    parts = []
    at = 0
    while at < len(body):
        low = high = body[at]
        if at + 2 < len(body) and body[at + 1] == "-":
            high = body[at + 2]
            at += 2
        if low <= high:
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
        at += 1
    if not parts:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def _pieces(pattern: str) -> list[str]:
    """Return the regular expressions between the stars of a pattern."""
    pieces = [""]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        # A bracket right after the opening one belongs to the set.
        end = pattern.find("]", at + 1 + (pattern[at : at + 1] == "!")) if char == "[" else -1
        if char == "*":
            pieces.append("")
        elif char == "?":
            pieces[-1] += "."
        elif end > 0:
            pieces[-1] += _one_of(pattern[at:end])
            at = end + 1
        else:
            pieces[-1] += re.escape(char)
    return pieces


def name_expression(pattern: str) -> str:
    """Given a pattern for one name, return a regular expression for `fullmatch` that never backtracks over a star.

    The first place where a piece between two stars fits is as good as any other, so it is not reconsidered.
    """
    first, *rest = _pieces(pattern)
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"


@lru_cache(maxsize=4096)
def _compiled(expressions: tuple[str, ...]) -> Matches:
    return re.compile("|".join(f"(?:{one})" for one in expressions), re.DOTALL).fullmatch


def everything(_name: str) -> object:
    """Match whatever there is."""
    return True


def nothing(_name: str) -> object:
    """Match not at all."""
    return None


def _leads_to(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a pattern's names match a path's names; one place to go back to is enough, as with stars in a name."""
    part = name = 0
    retry: tuple[int, int] | None = None
    while name < len(names):
        if part < len(parts) and parts[part] == ANY_DEPTH:
            retry = (part, name)
            part += 1
        elif part < len(parts) and _compiled((name_expression(parts[part]),))(names[name]):
            part += 1
            name += 1
        elif retry is not None:
            part, name = retry[0] + 1, retry[1] + 1
            retry = (retry[0], name)
        else:
            return False
    return all(left == ANY_DEPTH for left in parts[part:])


def picks(patterns: Sequence[str]) -> bool:
    """Tell whether patterns are about some files and not about all: each has something beside stars and slashes."""
    return all(pattern.strip("*/") for pattern in patterns)


class Patterns:
    """A list of patterns that matches whatever one of them matches."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._names = tuple(name_expression(one) for one in patterns if "/" not in one)
        self._all = "*" in patterns
        self._paths = [self._parts(one) for one in patterns if "/" in one]

    @staticmethod
    def _parts(pattern: str) -> tuple[list[str], str]:
        parts = [part for part in pattern.split("/") if part]
        if pattern.endswith("/"):
            parts.append(ANY_DEPTH)
        return (parts, "*") if parts[-1:] == [ANY_DEPTH] else (parts[:-1], parts[-1] if parts else "")

    def within(self, directory: str) -> Matches:
        """Given a directory's path below the configured one, return what judges the names in it."""
        if self._all:
            return everything
        if not self._paths:
            return _compiled(self._names) if self._names else nothing
        here = directory.split("/") if directory else []
        paths = (name_expression(name) for parts, name in self._paths if _leads_to(parts, here))
        expressions = (*self._names, *paths)
        return _compiled(expressions) if expressions else nothing
