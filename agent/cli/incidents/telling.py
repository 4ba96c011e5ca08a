"""What the subcommands that write have in common: who it is, and entries of a timeline."""

from __future__ import annotations

import os

from agent.host.clock import SystemClock
from agent.host.users import account
from agent.model.incidents import Entry, EntryKind

SETTLED = "already_settled"
"""Why a person is refused who comes second."""

LONGEST = 4000
"""Characters of a note, at most."""


def person() -> str:
    """Return the login name of the person at the command line, whoever they have become since."""
    return os.environ.get("SUDO_USER", "")[:64] or account(None).name


def entry(kind: EntryKind, text: str) -> Entry:
    """Given what a person did or has to say, return it as an entry of now."""
    return Entry(at=SystemClock().now().timestamp(), kind=kind, who=person(), text=text[:LONGEST])
