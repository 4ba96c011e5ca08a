"""Work that its next run replaces each time: no single run failed, but `hostkeeper status` says that none succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from agent.engine.picture import look
from agent.engine.replacing import IN_A_ROW, LOOKED_AT, always_replaced
from agent.engine.submit import submit
from agent.model.policies import Overlap, PolicySet, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.fakes import task

POLL = task("poll", overlap=Overlap.REPLACE)
NOON = 1_800_014_400.0
ADVICE = "replaced by the next before it was done: let it fall due less often, or set `overlap: queue`"
GOOD, REPLACED, SKIPPED, FAILED = "good", "replaced", "skipped", "failed"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def policies(one: Task = POLL) -> PolicySet:
    return PolicySet("d", 1, {}, {one.name: one}, {})


def ran(store: Store, *ends: str) -> float:
    """Let runs of the task have ended so, a minute after each other; return when the last did."""
    for number, end in enumerate(ends):
        at = NOON + 60 * number
        run = submit(store, POLL, policy="d", origin=Origin.SCHEDULE, due=at, now=at)
        assert run is not None
        if end == SKIPPED:
            store.runs.advance(run.id, RunState.PENDING, RunState.SKIPPED, why=Reason.SUPERSEDED, ended=at)
            continue
        store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=at, attempt=1)
        state, why = {
            GOOD: (RunState.SUCCEEDED, ""),
            REPLACED: (RunState.FAILED, Reason.REPLACED),
            FAILED: (RunState.FAILED, Reason.STEP_FAILED),
        }[end]
        store.runs.advance(run.id, RunState.RUNNING, state, why=why, ended=at)
    return NOON + 60 * len(ends)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ([REPLACED] * (IN_A_ROW - 1), ""),
        ([REPLACED] * IN_A_ROW, "no success yet: each of its last 3 runs was"),
        ([GOOD, *[REPLACED] * 5], "no success for 6m00s: each of its last 5 runs was"),
        ([REPLACED, SKIPPED, REPLACED, SKIPPED, REPLACED], "no success yet: each of its last 3 runs was"),
        ([*[REPLACED] * 5, GOOD], ""),
        ([REPLACED, REPLACED, GOOD, REPLACED], ""),
        ([REPLACED] * (LOOKED_AT + 1), f"no success yet: each of its last {LOOKED_AT} runs was"),
    ],
)
def test_task_whose_runs_are_all_replaced_is_told_of_until_one_succeeds(
    store: Store, ends: list[str], told: str
) -> None:
    now = ran(store, *ends)
    found = list(always_replaced(store, policies(), now))
    assert found == ([f"poll: {told} {ADVICE}"] if told else [])
    trouble = look(store, policies(), UTC, 4, now).trouble
    assert [line for line in trouble if line.startswith("poll")] == found


def test_task_that_is_disabled_or_replaces_no_more_is_not_told_of(store: Store) -> None:
    now = ran(store, *[REPLACED] * 5)
    for one in (task("poll", overlap=Overlap.QUEUE), task("poll", overlap=Overlap.REPLACE, enabled=False)):
        assert list(always_replaced(store, policies(one), now)) == []


def test_status_with_a_replaced_run_is_that_of_the_run_before_it(store: Store) -> None:
    now = ran(store, GOOD, REPLACED)
    picture = look(store, policies(), UTC, 4, now)
    assert picture.trouble == ("the agent is not running",)
    assert [run.why for run in picture.latest] == [Reason.REPLACED]
    assert store.runs.failing() == set()


def test_failure_before_a_replaced_run_is_still_told(store: Store) -> None:
    now = ran(store, FAILED, REPLACED)
    picture = look(store, policies(), UTC, 4, now)
    assert [run.id for run in picture.bad] == [1]
    assert store.runs.failing() == {"poll"}
