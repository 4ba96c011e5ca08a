"""A repository without a byte left frees itself of what its task no longer keeps, and backs up again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.system.agent import AgentUnderTest, agent_in

pytestmark = pytest.mark.root

MIB = 1 << 20


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentUnderTest]:
    with agent_in(tmp_path) as made:
        (tmp_path / "srv").mkdir()
        yield made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "none", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def write(agent: AgentUnderTest, disk: Path, keep: int) -> None:
    """Write a policy whose task makes a full backup each time: its sources have another name."""
    source = {"path": str(agent.place / "srv"), "exclude": [f"no-{keep}"]}
    create = {"repository": "local", "sources": [source], "keep": {"last": keep}}
    repository = {"tar": {"path": str(disk / "repository")}}
    task = {"action": "backup.create", "with": create}
    agent.policy(yaml.safe_dump({"version": 1, "repositories": {"local": repository}, "tasks": {"task": task}}))


def backups(disk: Path) -> set[str]:
    return {one.name for one in (disk / "repository").glob("*/task/*") if not one.name.startswith(".lock")}


def fill(disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"), (disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def test_full_repository_is_pruned_and_takes_a_backup_again(agent: AgentUnderTest, disk: Path) -> None:
    (agent.place / "srv" / "file").write_bytes(os.urandom(MIB))
    for keep in (9, 8, 7):
        write(agent, disk, keep)
        assert agent.command("run", "task").returncode == 0
    made = backups(disk)
    assert len(made) == 3
    # As a run that was killed leaves it.
    (left,) = (disk / "repository").glob("*/task")
    (left / ".partial-1-1").mkdir()
    (left / ".partial-1-1" / "files.tar.zst").write_bytes(bytes(1000))
    fill(disk)
    write(agent, disk, 1)
    done = agent.command("run", "task")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(backups(disk)) == 1
    assert not backups(disk) & made
