"""A disk with no byte and no inode left, with the agent's own state on it: retention still makes room."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ExitCode
from agent.model.runs import RunState
from tests.system.agent import AgentUnderTest, agent_in, wait_for


@pytest.fixture
def full(request: pytest.FixtureRequest) -> Iterator[AgentUnderTest]:
    if os.geteuid():
        pytest.skip("needs root: mounts a small tmpfs")
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=400,mode=700", "tmpfs", name], check=True)
        try:
            with agent_in(Path(name)) as agent:
                yield agent
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def fill(place: Path) -> None:
    """Leave the disk without a byte and without an inode; an agent at work may make some room right afterwards."""
    with pytest.raises(OSError, match="No space left"), open(place / "bulk", "wb") as bulk:
        while True:
            bulk.write(b"x" * 4096)
            bulk.flush()
    with pytest.raises(OSError, match="No space left"):
        for number in range(10_000):
            os.symlink("x", place / f"link-{number}")


@pytest.mark.root
def test_status_of_a_disk_that_takes_nothing_more_says_so_until_there_is_room(full: AgentUnderTest) -> None:
    full.settings("sample_every: 1s\nballast: 1MiB\n")
    full.policy(
        'version: 1\ntasks: {often: {schedule: every 1 seconds, action: command.run, with: {command: ["true"]}}}\n'
    )
    full.start()
    wait_for(full.runs)
    fill(full.place)
    bulk = (full.place / "bulk").open("ab", buffering=0)

    def refused() -> bool:
        """Take what the agent has given up and the journal not yet taken; whether it has noticed."""
        with pytest.raises(OSError, match="No space left"):
            while True:
                bulk.write(b"x" * 4096)
        return "the disk is full" in full.log.read_text()

    with bulk:
        wait_for(refused)
        done = full.command("status")
        assert done.returncode == ExitCode.UNHEALTHY
        assert f"the disk of {full.state} is full" in done.stdout
        assert "Traceback" not in full.log.read_text()
        bulk.truncate(0)
    last = full.runs()[-1].id
    wait_for(lambda: full.runs()[-1].id > last + 1 and full.runs()[-2].ended)
    assert "is full" not in full.command("status").stdout


@pytest.mark.root
@pytest.mark.parametrize("under_the_agent", [True, False])
def test_retention_frees_a_disk_with_nothing_left(full: AgentUnderTest, under_the_agent: bool) -> None:
    files = full.place / "files"
    files.mkdir()
    full.settings("sample_every: 1s\nballast: 1MiB\n")
    schedule = "schedule: every 1 seconds, " if under_the_agent else ""
    full.policy(
        f"version: 1\ntasks:\n  tidy: {{{schedule}action: files.retain, with: {{paths: [{files}], max_age: 1d}}}}\n"
    )
    assert full.command("run", "tidy").returncode == 0
    if under_the_agent:
        full.start()
    for number in range(20):
        (files / f"file-{number}").write_bytes(b"x" * 10_000)
    fill(full.place)
    for path in files.iterdir():
        os.utime(path, (1_000_000_000, 1_000_000_000))
    if not under_the_agent:
        done = full.command("run", "tidy")
        assert done.returncode == 0, done.stderr
    wait_for(lambda: not list(files.iterdir()), saying="for the old files to go")
    wait_for(lambda: full.runs()[-1].state is RunState.SUCCEEDED)
