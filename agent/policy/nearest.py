"""The nearest known name for a misspelt one, as the half of a message that says what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agent.nearest import LONGEST, nearest

SHOWN = 12
COMPARED = 100
"""So many names are compared letter by letter; of more, those that look alike at either end."""


def quoted(name: str) -> str:
    """Given a name from outside, return it in quotes, short, and in plain ASCII characters."""
    return json.dumps(name if len(name) <= 64 else f"{name[:61]}...")


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """Given a name that is not known, those that are and what they are called (plural), say what would be right."""
    names = sorted(known)
    if not names:
        return f"there are no {what}"
    candidates = _candidates(name, names)
    alike = (full for full in candidates if _folded(name[:LONGEST]) == _folded(full))
    close = nearest(name, candidates) or next(alike, None)
    if close is not None:
        return f"did you mean {close}?"
    return listed(names, what)


def listed(known: Iterable[str], what: str) -> str:
    """Given the names that would be right and what they are called (plural), say the first few of them."""
    names = sorted(known)
    if not names:
        return f"there are no {what}"
    shown = ", ".join(names[:SHOWN])
    return f"known {what}: {shown}{', ...' if len(names) > SHOWN else ''}"


def _candidates(name: str, names: list[str]) -> list[str]:
    """Return the names worth comparing: all, unless they are many."""
    if len(names) > COMPARED:
        names = [full for full in names if abs(len(full) - len(name)) <= 3]
    if len(names) > COMPARED:
        names = [full for full in names if full[:2] == name[:2] or full[-2:] == name[-2:]]
    return names[:COMPARED]


def _folded(name: str) -> str:
    """Return a name without what people mix up: letter case, hyphens, underscores, dots and blanks."""
    return name.lower().translate(str.maketrans("", "", "-_. "))
