from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from msgspec.structs import asdict, replace

from agent.engine import document
from agent.engine.document import Document
from agent.engine.nothing import NoBackups, NoDiscoveries, NoSamples
from agent.engine.process import StopFlag, context
from agent.engine.submit import pending_run
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.actions.files.world import options
from tests.fakes import EPOCH, FakeMemory, FakeObjectLog, task


def test_context_has_a_place_for_each_task_below_the_real_state_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "state").symlink_to("real")
    state = str(tmp_path / "state")
    made = [
        context(
            task(name),
            1,
            EPOCH,
            StopFlag(),
            FakeMemory(),
            FakeObjectLog(),
            NoBackups(),
            NoDiscoveries(),
            NoSamples(),
            state,
        )
        for name in ("one", "other")
    ]
    assert [one.place for one in made] == [f"{tmp_path}/real/tasks/one", f"{tmp_path}/real/tasks/other"]
    assert list((tmp_path / "real").iterdir()) == []


STOPPED_AT_ONCE = """
import os, signal, sys, threading, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
from agent.engine import process
def stop():
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.001)
threading.Thread(target=stop, daemon=True).start()
sys.exit(process.main(sys.argv[1], int(sys.argv[2]), 1, undo=False))
"""


def test_run_that_is_stopped_while_its_plan_is_compared_ends_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    written = json.dumps(asdict(options(tmp_path / "tree", max_age=86400.0)))
    retain = task(action="files.retain", options=written)
    with Store(str(tmp_path / "state")) as store:
        digest = store.documents.put(document.dump(Document(retain, EPOCH.timestamp(), (("retain", "as planned"),))))
        run = pending_run(retain, policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
        number = store.runs.create(replace(run, document=digest))
        assert number is not None
        store.runs.advance(number, RunState.PENDING, RunState.RUNNING, started=1.0, attempt=1)
        argv = [sys.executable, "-c", STOPPED_AT_ONCE, store.directory, str(number)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
        assert store.steps.of(number) == []
