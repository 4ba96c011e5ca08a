"""The known name that a misspelt one most resembles."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 64
"""No longer name is compared: the time that comparing takes grows with the square of the length."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Given a name that is not known and those that are, return the one that resembles it, or None if none does."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    return next(iter(get_close_matches(name[:LONGEST], list(known), 1)), None)
