"""Incidents: what was seen when a threshold fired, what was done about it, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from agent.model.policies import Instruction
from agent.model.signals import Labels


class IncidentState(StrEnum):
    """Where an incident stands. It is closed by a person, who says what the cause was, and by nobody else."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


MOVES: Mapping[IncidentState, frozenset[IncidentState]] = {
    IncidentState.OPEN: frozenset({IncidentState.ACKNOWLEDGED, IncidentState.CLOSED}),
    IncidentState.ACKNOWLEDGED: frozenset({IncidentState.CLOSED}),
    IncidentState.CLOSED: frozenset(),
}
"""Every allowed move."""


class EntryKind(StrEnum):
    """What an entry of a timeline tells of; runs and policies are told of by their own records, and never written."""

    FIRED = "fired"
    CLEARED = "cleared"
    EXHIBITS = "exhibits"
    NOTE = "note"
    STEP = "step"
    RUN = "run"
    POLICIES = "policies"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a timeline, at an instant in seconds since the epoch; `who` is "" where the agent itself wrote it."""

    at: float
    kind: EntryKind
    who: str
    text: str


class Exhibit(Struct, frozen=True, kw_only=True):
    """One piece of evidence, collected at an instant (seconds since the epoch): a title and a text of many lines.

    `error` says why it could not be had, wholly or in part, "" where nothing is missing.
    """

    name: str
    title: str
    at: float
    text: str
    error: str = ""


class Word(StrEnum):
    """How a series of an incident came to fire, as the timeline says it."""

    FIRST = "fired"
    JOINED = "also fired"
    AGAIN = "fired again"
    STILL = "still fires"


class Member(Struct, frozen=True, kw_only=True):
    """One series of an incident's threshold, and how it stands. Instants are seconds since the epoch.

    `word` says how it came to fire when it did last, at `fired`; `runs` are the ids of the runs made for it then.
    `cleared` is when it cleared, after it had fired for `lasted` seconds: both are None while it fires. `value` is what
    it was at the later of the two, None for no data.
    """

    series: Labels
    word: Word
    fired: float
    value: float | None
    runs: tuple[int, ...] = ()
    cleared: float | None = None
    lasted: float | None = None


class Incident(Struct, frozen=True, kw_only=True):
    """A threshold that fired on some of its series, and what became of it. Instants are seconds since the epoch.

    `series` is the one that fired first, and `joined` how many have joined it since. `cleared` is when the condition
    had cleared on all of them, None while it fires on one; `subject` says in words what was wrong. The runbook is that
    of the policy in force when it opened.
    """

    id: int
    threshold: str
    series: Labels
    severity: str
    subject: str
    description: str
    signal: str
    value: float | None
    policy: str
    runbook: tuple[Instruction, ...]
    opened: float
    state: IncidentState
    cleared: float | None
    ended: float | None
    cause: str
    joined: int = 0

    @property
    def what(self) -> str:
        """In words what was wrong, and of how many series beside the first."""
        return f"{self.subject} (and {self.joined} more series)" if self.joined else self.subject


class PolicyChange(Struct, frozen=True, kw_only=True):
    """A policy set that was put in force, and what of it was not as before: `section.name` of every such thing."""

    at: float
    digest: str
    files: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
