"""A run, its steps, and the one table of moves between their states."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"
    UNDONE = "undone"
    STUCK = "stuck"


MOVES: Mapping[RunState, frozenset[RunState]] = {
    RunState.PENDING: frozenset({RunState.RUNNING, RunState.SKIPPED, RunState.MISSED}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.INTERRUPTED, RunState.SKIPPED}),
    RunState.FAILED: frozenset({RunState.UNDONE, RunState.STUCK}),
    RunState.INTERRUPTED: frozenset({RunState.RUNNING, RunState.FAILED, RunState.UNDONE, RunState.STUCK}),
    RunState.SUCCEEDED: frozenset(),
    RunState.SKIPPED: frozenset(),
    RunState.MISSED: frozenset(),
    RunState.UNDONE: frozenset(),
    RunState.STUCK: frozenset(),
}
"""Every allowed move.

`running -> skipped` is a command that says there was nothing for it to do, or a plan that was refused before anything
was touched, `interrupted -> failed` a run that the window was too short for time and again.
"""


class RunOutcome(StrEnum):
    """How a run is told of and counted: as the state it stands in, but for what says nothing of its task.

    `replaced` is a run that was stopped for the next one, as its task wants it, `refused` a plan that was not applied.
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"
    UNDONE = "undone"
    STUCK = "stuck"
    REPLACED = "replaced"
    REFUSED = "refused"


BAD = frozenset({RunOutcome.FAILED, RunOutcome.UNDONE, RunOutcome.STUCK, RunOutcome.MISSED})
"""How a run ends that a person should look at, and after which a success is a recovery."""

IDLE = frozenset({RunOutcome.SKIPPED, RunOutcome.REPLACED, RunOutcome.REFUSED})
"""How a run ends that says nothing of its task."""


class StepState(StrEnum):
    """Where a step stands: `doing` is written before the act, `done` after it."""

    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class Origin(StrEnum):
    """What made a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    THRESHOLD = "threshold"
    MANUAL = "manual"
    RETRY = "retry"
    APPLY = "apply"


class Run(Struct, frozen=True, kw_only=True):
    """One execution of a task. Instants are seconds since the epoch, UTC.

    `attempt` counts the processes that were started for this run (resuming adds one); `tries` counts the runs
    made for one due time (retrying adds one). `why` is the first reason that moved the run off its way, or ""; of one
    that went on and then failed it is why it failed.
    `stop` is the reason for which its process was asked to stop. `pid`, `pid_started` (clock ticks after boot) and
    `boot` name its process beyond doubt. `on_interrupt` is what becomes of it if that process is lost;
    `fruitless` counts how often that has happened, or its window has ended before a step was completed.
    """

    id: int
    task: str
    action: str
    state: RunState
    origin: Origin
    cause: str
    due: float
    not_before: float
    created: float
    started: float | None
    ended: float | None
    attempt: int
    tries: int
    why: str
    detail: str
    stop: str
    document: str
    policy: str
    code: str
    pid: int | None
    pid_started: float | None
    boot: str
    on_interrupt: str
    fruitless: int


SUSPENDED = "suspended_seconds"
"""The fact of a step by which the journal tells for how long the host was suspended meanwhile."""


class StepRecord(Struct, frozen=True, kw_only=True):
    """What the journal says of one step; `facts` is JSON, `output` the tail of what a command printed."""

    run: int
    seq: int
    name: str
    state: StepState
    started: float
    ended: float | None
    facts: str
    error: str
    output: str
