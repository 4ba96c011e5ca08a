from __future__ import annotations

from pathlib import Path

from agent.engine.nothing import NoBackups, NoDiscoveries, NoSamples
from agent.engine.process import StopFlag, context
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
