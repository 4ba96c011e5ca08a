"""What only reads a repository works where its disk is read-only: an export of another host, or one that is failing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from agent.errors import ExitCode
from tests.host.trees import mounted
from tests.system.agent import agent_in

pytestmark = pytest.mark.root


def test_read_only_repository_is_verified_drilled_and_restored_from(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "file").write_text("kept")
    repository = tmp_path / "repository"
    create = {"repository": "local", "sources": [{"path": str(tmp_path / "srv")}]}
    tasks = {
        "task": {"action": "backup.create", "with": create},
        "look": {"action": "backup.verify", "with": {"repository": "local"}},
        "prove": {"action": "backup.drill", "with": {"repository": "local", "task": "task"}},
    }
    with agent_in(tmp_path) as agent:
        local = {"tar": {"path": str(repository)}}
        agent.policy(yaml.safe_dump({"version": 1, "repositories": {"local": local}, "tasks": tasks}))
        assert agent.command("run", "task").returncode == 0
        with mounted("--bind", repository, repository):
            subprocess.run(["mount", "-o", "remount,bind,ro", repository], check=True)
            for words in (
                ("run", "look"),
                ("run", "prove"),
                ("backup", "restore", "latest", "--task", "task", "--to", str(tmp_path / "out")),
            ):
                done = agent.command(*words)
                assert done.returncode == 0, done.stdout + done.stderr
            done = agent.command("run", "task")
            assert done.returncode == ExitCode.RUN_FAILED
            assert "it may only be read from here" in done.stdout
        assert [path.read_text() for path in (tmp_path / "out").rglob("file")] == ["kept"]
