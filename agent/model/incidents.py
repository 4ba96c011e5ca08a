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


class Incident(Struct, frozen=True, kw_only=True):
    """A threshold that fired on one of its series, and what became of it. Instants are seconds since the epoch.

    `cleared` is when the condition cleared last, None while it fires; `subject` says in words what was wrong. The
    runbook is that of the policy in force when it opened.
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


class PolicyChange(Struct, frozen=True, kw_only=True):
    """A policy set that was put in force, and what of it was not as before: `section.name` of every such thing."""

    at: float
    digest: str
    files: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
