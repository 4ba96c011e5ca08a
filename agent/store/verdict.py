"""What was found out about the history."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from agent.store.chain import Head

MOST_NAMED = 20
"""Findings that are named; further ones are counted."""


class Fault(StrEnum):
    """What is wrong at a place of the history."""

    EDITED = "edited"
    REMOVED = "removed"
    REORDERED = "reordered"
    INSERTED = "inserted"
    UNREADABLE = "unreadable"
    ROLLED_BACK = "rolled_back"
    REWRITTEN = "rewritten"


class Finding(Struct, frozen=True):
    """One thing wrong: the place in the chain (0 where the chain has none), and the run where there is one."""

    seq: int
    fault: Fault
    sentence: str
    run: int | None = None


class Verdict(Struct):
    """What was looked at and what was found; `more` counts findings that are not named.

    Breaks of the chain come first, then rows that are not what the chain says, then what heads from elsewhere say; each
    kind in the order of the chain. `kept` is after how many seconds anything was forgotten at the earliest; None if
    nothing was.
    """

    head: Head | None = None
    first: int = 0
    records: int = 0
    runs: int = 0
    heads: int = 0
    kept: float | None = None
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Add a finding, or count it when enough are named."""
        if len(self.findings) < MOST_NAMED:
            self.findings.append(finding)
        else:
            self.more += 1
