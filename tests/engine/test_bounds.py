"""What a supervisor holds the process of a run to: the box of its own task, and its time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.submit import submit
from agent.engine.supervise import Supervisor
from agent.model.box import Box
from agent.model.runs import Origin
from agent.ports import Bounds
from agent.registry import box_of
from agent.store import Store
from tests.fakes import FakeClock, FakeLauncher, task

OPTIONS = {"command": ["true"], "writable": ["/srv"], "user": "nobody"}
TASK = task(options=json.dumps(OPTIONS), max_duration=60.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_run_of_an_action_that_is_no_more_may_do_nothing(store: Store) -> None:
    launcher = FakeLauncher()
    gone = task(action="files.rotate", options="{}")
    run = submit(store, gone, policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
    assert run is not None
    assert Supervisor(store, launcher, FakeClock(), grace=10.0, boot="boot").start(run, gone) is not None
    assert launcher.bounds[0].box == Box()


def test_run_is_held_to_the_box_of_its_task_and_to_its_time(store: Store) -> None:
    launcher = FakeLauncher()
    supervisor = Supervisor(store, launcher, FakeClock(), grace=10.0, boot="boot")
    run = submit(store, TASK, policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
    assert run is not None
    supervisor.start(run, TASK)
    box = box_of(TASK.action, OPTIONS)
    assert box != Box()
    assert launcher.bounds == [Bounds(task="task", box=box, seconds=60.0)]
    # The document that the run executes is what its undo is held to: the task may be gone by then.
    store.runs.claim(run.id, 1, pid=5, pid_started=6.0, boot="boot", on_interrupt="undo")
    launcher.children[run.id].end(-9)
    supervisor.settle(run.id)
    assert launcher.started[-1][2][-1] == "undo"
    assert launcher.bounds[-1] == Bounds(task="task", box=box, seconds=None)
