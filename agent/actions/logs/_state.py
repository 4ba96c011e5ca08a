"""What an analysis remembers from run to run, as one value: how far it has read, and what it has counted by then.

Both are written together, so a process that is killed at any instant has neither counted a line twice nor missed one.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from agent.host.following import Position
from agent.ports import Memory
from agent.rules.sudden import Hour
from agent.rules.templates import Template

KEY = "analysis"


class Tally(Struct):
    """What one run has counted: lines, messages by level and by template, and new templates.

    `lost` counts logs of which something was gone before it was read, `unreported` new templates that are no
    findings of their own. `problems` says by source why it could not be read.
    """

    run: int = 0
    lines: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    templates: dict[int, int] = field(default_factory=dict)
    new: int = 0
    unreported: int = 0
    lost: int = 0
    problems: dict[str, str] = field(default_factory=dict)


class State(Struct):
    """What is remembered. `began` tells by source when it was first read, `last` when a run last ended.

    Instants are seconds since the epoch.
    """

    files: dict[str, Position] = field(default_factory=dict)
    cursor: str = ""
    began: dict[str, float] = field(default_factory=dict)
    last: float = 0.0
    templates: list[Template] = field(default_factory=list)
    following: int = 1
    hour: Hour | None = None
    past: list[Hour] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def recalled(memory: Memory) -> State:
    """Return what is remembered; nothing before the first run."""
    known: Any = memory.recall(KEY)
    return State() if known is None else msgspec.convert(known, State, str_keys=True)


def remember(memory: Memory, state: State) -> None:
    """Remember all of it, or nothing."""
    memory.remember(KEY, msgspec.to_builtins(state, str_keys=True))
