"""How a run is counted: what was replaced, or a plan that was refused, is no failure of the task."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.model.reasons import Reason
from agent.model.runs import Origin, RunOutcome, RunState, StepRecord, StepState
from agent.rules.outcomes import is_bad, is_refused_plan, outcome
from tests.rules.test_retrying import FAILED

STEP = StepRecord(
    run=1, seq=0, name="a", state=StepState.FAILED, started=1.0, ended=1.0, facts="{}", error="no", output=""
)


@pytest.mark.parametrize(
    ("state", "origin", "why", "counted", "bad"),
    [
        (RunState.FAILED, Origin.SCHEDULE, Reason.REPLACED, RunOutcome.REPLACED, False),
        (RunState.UNDONE, Origin.THRESHOLD, Reason.REPLACED, RunOutcome.REPLACED, False),
        (RunState.STUCK, Origin.SCHEDULE, Reason.REPLACED, RunOutcome.STUCK, True),
        (RunState.SUCCEEDED, Origin.SCHEDULE, Reason.REPLACED, RunOutcome.SUCCEEDED, False),
        (RunState.SKIPPED, Origin.APPLY, Reason.WORLD_DRIFTED, RunOutcome.REFUSED, False),
        (RunState.SKIPPED, Origin.APPLY, Reason.COMMAND_SAYS_SKIP, RunOutcome.SKIPPED, False),
        (RunState.SKIPPED, Origin.SCHEDULE, Reason.BREAKER_OPEN, RunOutcome.SKIPPED, False),
        (RunState.FAILED, Origin.APPLY, Reason.STEP_FAILED, RunOutcome.FAILED, True),
        (RunState.FAILED, Origin.SCHEDULE, Reason.LIMIT_ITEMS, RunOutcome.FAILED, True),
        (RunState.FAILED, Origin.SCHEDULE, Reason.MAX_DURATION, RunOutcome.FAILED, True),
        (RunState.UNDONE, Origin.SCHEDULE, Reason.STEP_FAILED, RunOutcome.UNDONE, True),
        (RunState.MISSED, Origin.SCHEDULE, Reason.DUE_WHILE_DOWN, RunOutcome.MISSED, True),
        (RunState.RUNNING, Origin.SCHEDULE, "", RunOutcome.RUNNING, False),
        (RunState.INTERRUPTED, Origin.SCHEDULE, Reason.KILLED, RunOutcome.INTERRUPTED, False),
    ],
)
def test_outcome_is_the_state_but_for_what_says_nothing_of_the_task(
    state: RunState, origin: Origin, why: str, counted: RunOutcome, bad: bool
) -> None:
    run = replace(FAILED, state=state, origin=origin, why=why)
    assert (outcome(run), is_bad(run)) == (counted, bad)


@pytest.mark.parametrize("state", RunState)
def test_every_state_has_an_outcome_of_its_name(state: RunState) -> None:
    assert outcome(replace(FAILED, state=state, why="")).value == state.value


@pytest.mark.parametrize(
    ("origin", "reason", "steps", "refused"),
    [
        (Origin.APPLY, Reason.WORLD_DRIFTED, [], True),
        (Origin.APPLY, Reason.LIMIT_ITEMS, [STEP], True),
        (Origin.APPLY, Reason.LIMIT_ITEMS, [replace(STEP, state=StepState.DONE), replace(STEP, seq=1)], False),
        (Origin.APPLY, Reason.STEP_FAILED, [STEP], False),
        (Origin.MANUAL, Reason.LIMIT_ITEMS, [STEP], False),
        (Origin.SCHEDULE, Reason.WORLD_DRIFTED, [], False),
    ],
)
def test_plan_is_refused_that_was_applied_and_has_touched_nothing(
    origin: Origin, reason: Reason, steps: list[StepRecord], refused: bool
) -> None:
    assert is_refused_plan(origin, reason, steps) is refused
