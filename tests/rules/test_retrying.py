from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.model.runs import Origin, Run, RunState
from agent.rules.retrying import is_retried

TEXTS = dict.fromkeys(
    ("task", "action", "cause", "detail", "stop", "document", "policy", "code", "boot", "on_interrupt"), ""
)
FAILED = Run(
    id=1,
    state=RunState.FAILED,
    origin=Origin.SCHEDULE,
    due=0.0,
    not_before=0.0,
    created=0.0,
    started=0.0,
    ended=1.0,
    attempt=1,
    tries=1,
    why="step_failed",
    pid=None,
    pid_started=None,
    fruitless=0,
    **TEXTS,
)


@pytest.mark.parametrize(
    ("changes", "retried"),
    [
        ({}, True),
        ({"state": RunState.UNDONE, "why": "killed"}, True),
        ({"tries": 2}, False),
        ({"origin": Origin.MANUAL}, False),
        ({"why": "refused"}, False),
        ({"state": RunState.STUCK}, False),
        ({"state": RunState.SUCCEEDED, "why": ""}, False),
    ],
)
def test_run_is_retried_if_it_failed_by_itself_and_tries_are_left(changes: dict[str, object], retried: bool) -> None:
    assert is_retried(replace(FAILED, **changes), 2) is retried
