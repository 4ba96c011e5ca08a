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
