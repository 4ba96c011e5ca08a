"""How a run is counted, and whether its task failed with it. Pure.

A run that was stopped for the next one of its task (`overlap: replace`) is what the admin chose, and a plan that was
refused has touched nothing and was told to whoever applied it: neither says that the task fails, or that it is well
again. One that was stopped so and could not be taken back is a failure, as any that is stuck.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.model.reasons import Reason
from agent.model.runs import BAD, Origin, Run, RunOutcome, RunState, StepRecord, StepState

REFUSALS = frozenset(
    {Reason.LIMIT_ITEMS, Reason.LIMIT_BYTES, Reason.LIMIT_PERCENT, Reason.BEYOND_HISTORY}
    | {Reason.CLOCK_SUSPECT, Reason.WORLD_DRIFTED, Reason.BREAKER_OPEN, Reason.REPOSITORY_IN_USE}
)
"""Reasons for which a run is refused before it touches anything."""

STOPPED = frozenset({RunState.FAILED, RunState.UNDONE})
"""How a run ends that was stopped for the next one."""


def is_refused_plan(origin: Origin, reason: str, begun: Iterable[StepRecord]) -> bool:
    """Given what made a run, why it cannot go on, and its steps that are not undone, tell whether it touched nothing.

    Only of a plan that is applied: what refuses a run of the schedule, or one made by hand, keeps the task from its
    work, and somebody has to see to that.
    """
    untouched = all(step.state is StepState.FAILED for step in begun)
    return origin is Origin.APPLY and reason in REFUSALS and untouched


def outcome(run: Run) -> RunOutcome:
    """Given a run, return how it is told of and counted."""
    if run.state in STOPPED and run.why == Reason.REPLACED:
        return RunOutcome.REPLACED
    if run.state is RunState.SKIPPED and run.origin is Origin.APPLY and run.why in REFUSALS:
        return RunOutcome.REFUSED
    return RunOutcome(run.state.value)


def is_bad(run: Run) -> bool:
    """Given a run, tell whether a person should look at how it ended."""
    return outcome(run) in BAD
