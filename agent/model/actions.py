"""What an action is: a function from valid options to steps, described as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from agent.model.box import Box
from agent.model.reasons import Reason

Fact = str | int | float


class Judgement(Struct, frozen=True):
    """Why one object is kept or deleted. `target` is the path as the bytes the kernel knows."""

    target: bytes
    deleted: bool
    reason: Reason
    detail: str = ""


Explain = Callable[[Judgement], None]


class Preview(Struct, frozen=True):
    """What a step would do now. `fingerprint` changes whenever what it would do changes."""

    summary: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    fingerprint: str = ""


class Outcome(Struct, frozen=True):
    """What a step did: facts for the journal, objects counted by reason, and the tail of a command's output.

    `skipped` set means there was nothing to do, and ends the run as skipped with that reason.
    """

    facts: Mapping[str, Fact] = field(default_factory=dict)
    counts: Mapping[Reason, int] = field(default_factory=dict)
    output: str = ""
    skipped: Reason | None = None


class Step(Struct, frozen=True, kw_only=True):
    """One named act. `do` is safe to repeat; `undo` bears a half-done act; without one, `irreversible` says why.

    `preview` looks and never touches; it is what a dry run and a plan show.
    """

    name: str
    do: Callable[[], Outcome]
    preview: Callable[[Explain], Preview]
    undo: Callable[[], None] | None = None
    irreversible: str = ""


class OnInterrupt(StrEnum):
    """What becomes of a run that lost its process: gone on with, taken back, or left for an admin."""

    RESUME = "resume"
    UNDO = "undo"
    ASK = "ask"


class Action(Struct, frozen=True, kw_only=True):
    """An action as a value.

    `options` is a frozen dataclass with the field names of the action's schema; `plan` gets an instance of it and
    the `agent.ports.Context`, looks, and returns the steps in order; `on_interrupt` decides from the options.
    `box` says from the options, as the mapping they are written as, what a run may do.
    """

    summary: str
    options: type[Any]
    plan: Callable[[Any, Any], Iterable[Step]]
    on_interrupt: Callable[[Any], OnInterrupt]
    box: Callable[[Mapping[str, Any]], Box]
