"""What the subcommands that write have in common: who it is, and entries of a timeline."""

from __future__ import annotations

import os
from collections.abc import Sequence

from agent.errors import BadArgument
from agent.host.clock import SystemClock
from agent.host.users import account
from agent.model.incidents import Entry, EntryKind

SETTLED = "already_settled"
"""Why a person is refused who comes second."""

LONGEST = 4000
"""Characters of a note, at most."""


def person() -> str:
    """Return the login name of the person at the command line, whoever they have become since."""
    return _readable(os.environ.get("SUDO_USER", ""))[:64] or account(None).name


def said(words: Sequence[str], what: str) -> str:
    """Given words of the command line and what they are, return them as one text. Raises BadArgument."""
    text = _readable(" ".join(words)).strip()
    if not text:
        raise BadArgument(f"{what} is empty: write a few words")
    if len(text) > LONGEST:
        raise BadArgument(f"{what} has {len(text)} characters: {LONGEST} are kept, so say it shorter, or where it is")
    return text


def entry(kind: EntryKind, text: str) -> Entry:
    """Given what a person did or has to say, return it as an entry of now."""
    return Entry(at=SystemClock().now().timestamp(), kind=kind, who=person(), text=text[:LONGEST])


def _readable(text: str) -> str:
    """Given text of the command line, return it with a mark for each byte that is no UTF-8."""
    return os.fsencode(text).decode(errors="replace")
