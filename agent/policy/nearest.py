"""The nearest known name for a misspelt one, as the half of a message that says what would be right."""

from __future__ import annotations

import json
from collections.abc import Iterable

SHOWN = 12


def quoted(name: str) -> str:
    """Given a name from outside, return it in quotes, short, and in plain ASCII characters."""
    return json.dumps(name if len(name) <= 64 else f"{name[:61]}...")


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """Given a name that is not known, those that are and what they are called (plural), say what would be right."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    names = sorted(known)
    close = get_close_matches(name[:64], names, 1, 0.6) or [full for full in names if _alike(name, full)]
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return f"there are no {what}"
    shown = ", ".join(names[:SHOWN])
    return f"known {what}: {shown}{', ...' if len(names) > SHOWN else ''}"


def _alike(name: str, full: str) -> bool:
    """Say whether two names differ only in letter case, hyphens, underscores and dots."""
    fold = str.maketrans({"-": None, "_": None, ".": None, " ": None})
    return name[:64].lower().translate(fold) == full.lower().translate(fold)
