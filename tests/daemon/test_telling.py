"""What is told of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.daemon.telling import Teller, named
from agent.engine.submit import submit
from agent.host.notify import Notifier
from agent.metrics import TaskFacts
from agent.model.reasons import Reason
from agent.model.runs import SUSPENDED, Origin, RunState, StepState
from agent.store import Store
from tests.fakes import task
from tests.metrics.full import empty_metrics, numbers


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], "0"),
        (["a"], "1 (a)"),
        (["b", "a", "c"], "3 (a, b, c)"),
        (["d", "b", "a", "c", "e"], "5 (a, b, c, 2 more)"),
    ],
)
def test_named_counts_and_names_the_first_few(names: list[str], line: str) -> None:
    assert named(names) == line


@pytest.mark.parametrize(
    ("state", "origin", "why", "counted", "took"),
    [
        (RunState.SUCCEEDED, Origin.SCHEDULE, "", "succeeded", 30.0),
        (RunState.FAILED, Origin.SCHEDULE, Reason.REPLACED, "replaced", 30.0),
        (RunState.SKIPPED, Origin.APPLY, Reason.WORLD_DRIFTED, "refused", None),
    ],
)
def test_run_ended_is_counted_as_what_it_was_and_without_the_time_of_a_suspended_host(
    tmp_path: Path, state: RunState, origin: Origin, why: str, counted: str, took: float | None
) -> None:
    metrics = empty_metrics()
    metrics.tasks({"task": TaskFacts()})
    with Store(str(tmp_path)) as store:
        run = submit(store, task(), policy="p", origin=origin, due=1.0, now=1.0)
        assert run is not None
        store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=100.0)
        facts = {"count.too_old": 2, SUSPENDED: 3600.0}
        store.steps.write(run.id, 0, "a", StepState.DONE, started=100.0, ended=3730.0, facts=facts)
        store.runs.advance(run.id, RunState.RUNNING, state, why=why, ended=3730.0)
        Teller(store, metrics, Notifier({})).run_ended(store.runs.get(run.id))
    shown = numbers(metrics)
    assert shown[f'hostkeeper_runs_total{{outcome="{counted}",task="task"}}'] == 1
    assert shown['hostkeeper_task_failing{task="task"}'] == 0
    assert shown.get('hostkeeper_run_duration_seconds_sum{task="task"}') == took
