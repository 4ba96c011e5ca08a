from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.supervise import MAX_FRUITLESS
from agent.model.actions import OnInterrupt
from agent.model.reasons import Reason
from agent.store import Store
from tests.engine.test_supervise import TASK, House


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_undo_takes_an_interrupted_run_back_however_often_it_was_lost(store: Store) -> None:
    house = House(store)
    run, _ = house.running()
    for _ in range(MAX_FRUITLESS - 1):
        run = house.lose(run.id)
        house.supervisor.start(run, TASK)
        house.claim(run.id, OnInterrupt.RESUME)
    house.supervisor.request_stop(run.id, Reason.AGENT_STOPPING)
    run = house.lose(run.id)
    assert house.supervisor.undo(run)
    number, attempt, argv = house.launcher.started[-1]
    assert (number, attempt, argv[-1]) == (run.id, run.attempt + 1, "undo")
    assert store.runs.get(run.id).on_interrupt == OnInterrupt.UNDO, "whoever finds it lost goes on with taking it back"
    assert not house.supervisor.undo(run), "it is at work"
