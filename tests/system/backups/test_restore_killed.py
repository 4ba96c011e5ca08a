"""A restore whose process is killed: the tree is before or after, never between, and the same command goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agent.cli.backups.place import this_host
from tests.system.agent import agent_in, wait_for
from tests.system.backups.journey import Shop, shop

pytestmark = pytest.mark.slow


@pytest.fixture
def host() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as agent:
        os.chmod(place, 0o711)
        with shop(agent) as made:
            yield made


STEPS = ("check", "stage", "swap", "verify", "clean")
"""Of these, each is killed once it has acted and before that is written down."""


@pytest.mark.parametrize("step", ["stage", "swap", "clean"])
def test_killed_restore_goes_on_where_it_was(host: Shop, step: str) -> None:
    good = host.files()
    host.back_up()
    (host.tree / "conf").write_text("damaged")
    damaged = host.files()
    command = ("backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host(), "--discard")
    point = f"run/step.done:before#{STEPS.index(step) + 1}"
    killed = host.agent.command(*command, environment={"HOSTKEEPER_FAILPOINT": point})
    assert killed.returncode == 4, killed.stdout + killed.stderr
    assert "interrupted" in killed.stdout
    assert host.files() == (damaged if step == "stage" else good)
    run = host.data(*command)
    assert run["state"] == "succeeded"
    assert run["attempt"] > 1
    assert host.files() == good
    assert [path.name for path in host.tree.parent.iterdir()] == ["shop"]


def test_restore_that_was_killed_with_whoever_watched_it_goes_on(host: Shop) -> None:
    good = host.files()
    host.back_up()
    (host.tree / "conf").write_text("damaged")
    command = ("backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host(), "--discard")
    argv = [sys.executable, "-I", "-m", "agent", *command, *host.agent.arguments]
    watching = psutil.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: any(path.name != "shop" for path in host.tree.parent.iterdir()))
    for process in [watching, *watching.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    watching.wait()
    assert host.data(*command)["state"] == "succeeded"
    assert host.files() == good
    assert [path.name for path in host.tree.parent.iterdir()] == ["shop"]


def test_interrupted_restore_is_not_mistaken_for_another(host: Shop) -> None:
    host.back_up()
    command = ("backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host())
    killed = host.agent.command(*command, environment={"HOSTKEEPER_FAILPOINT": "run/step.done:before#2"})
    assert killed.returncode == 4
    another = (*command, "--path", str(host.tree / "conf"))
    said = host.do(*another, code=5)
    assert "was interrupted; do that again first" in said
    assert "or take it back with `hostkeeper undo 2`" in said


@pytest.mark.parametrize("step", ["stage", "swap"])
def test_interrupted_restore_that_is_undone_makes_room_for_another(host: Shop, step: str) -> None:
    host.back_up()
    (host.tree / "conf").write_text("mine")
    mine = host.files()
    command = ("backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host(), "--discard")
    point = f"run/step.done:before#{STEPS.index(step) + 1}"
    assert host.agent.command(*command, environment={"HOSTKEEPER_FAILPOINT": point}).returncode == 4
    run = host.data("undo", "2")
    assert (run["state"], run["outcome"]) == ("undone", "undone")
    assert host.files() == mine
    assert [path.name for path in host.tree.parent.iterdir()] == ["shop"]
    assert "only an interrupted run can be taken back" in host.do("undo", "2", code=2)
    assert host.data(*command, "--path", str(host.tree / "conf"))["state"] == "succeeded"
    assert host.files() != mine


def test_undo_that_is_killed_is_gone_on_with(host: Shop) -> None:
    host.back_up()
    (host.tree / "conf").write_text("mine")
    mine = host.files()
    command = ("backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host(), "--discard")
    assert host.agent.command(*command, environment={"HOSTKEEPER_FAILPOINT": "run/step.done:before#3"}).returncode == 4
    undo = [sys.executable, "-I", "-m", "agent", "undo", "2", *host.agent.arguments]
    armed = {**os.environ, "HOSTKEEPER_FAILPOINT": "run/step.undone:before", "HOSTKEEPER_FAILPOINT_SIGNAL": "STOP"}
    watching = psutil.Popen(undo, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=armed)
    stopped = wait_for(
        lambda: next((one for one in watching.children() if one.status() == psutil.STATUS_STOPPED), None)
    )
    watching.kill()
    stopped.kill()
    watching.wait()
    assert host.data("undo", "2")["state"] == "undone"
    assert host.files() == mine
