"""What the notice of a run says beside how it ended."""

from __future__ import annotations

from pathlib import Path

from agent.engine.submit import submit
from agent.model.notices import Event
from agent.model.policies import Notify, Severity
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.fakes import task
from tests.notices import NOW
from tests.store.test_outbox import TOLD_BY_DEFAULT, end_try, fail_try

GOOD, BAD, SKIPPED = RunState.SUCCEEDED, RunState.FAILED, RunState.SKIPPED


def test_recovery_is_since_the_task_failed_first(tmp_path: Path) -> None:
    one = task(notify=Notify(("ops",), ("recovery",), Severity.WARNING))
    with Store(str(tmp_path / "state")) as store:
        for number, end in enumerate([BAD, GOOD, GOOD, BAD, SKIPPED, BAD, GOOD]):
            begun = NOW + 60 * number
            run = submit(store, one, policy="p", origin=Origin.MANUAL, due=begun, now=begun)
            assert run is not None
            state = RunState.PENDING
            if end is not SKIPPED:
                state = RunState.RUNNING
                store.runs.advance(run.id, RunState.PENDING, state, started=begun)
            store.runs.advance(run.id, state, end, ended=begun + 1)
        found = [(one.event, one.since - NOW, one.at - NOW) for one in store.outbox.notices()]
    assert found == [(Event.RECOVERY, 1, 61), (Event.RECOVERY, 181, 361)]


def test_run_that_was_replaced_or_a_plan_that_was_refused_is_told_to_nobody(tmp_path: Path) -> None:
    one = task(notify=Notify(("ops",), ("failure", "recovery", "skipped", "try"), Severity.CRITICAL))
    with Store(str(tmp_path / "state")) as store:
        end_try(store, one, 1, RunState.SUCCEEDED)
        end_try(store, one, 1, RunState.FAILED, why="replaced", due=NOW + 60)
        run = submit(store, one, policy="p", origin=Origin.APPLY, due=NOW + 90, now=NOW + 90)
        assert run is not None
        store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=NOW + 90)
        store.runs.advance(run.id, RunState.RUNNING, RunState.SKIPPED, why="world_drifted", ended=NOW + 91)
        end_try(store, one, 1, RunState.SUCCEEDED, due=NOW + 120)
        assert store.outbox.notices() == []


def test_recovery_after_a_run_that_was_replaced_is_of_the_failure_before_it(tmp_path: Path) -> None:
    one = task(notify=Notify(("ops",), TOLD_BY_DEFAULT, Severity.CRITICAL))
    with Store(str(tmp_path / "state")) as store:
        fail_try(store, one, 1)
        end_try(store, one, 1, RunState.FAILED, why="replaced", due=NOW + 60)
        end_try(store, one, 1, RunState.SUCCEEDED, due=NOW + 120)
        found = [(told.event, told.since - NOW) for told in store.outbox.notices()]
        assert found == [(Event.FAILURE, 0), (Event.RECOVERY, 1)]
