"""Fixtures for tests that start processes: none may outlive its test."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host.processes import SystemProcesses
from tests.host.daemons import Daemon
from tests.host.leftovers import can_make_groups, carriers, children_of_this_process, groups_of


@pytest.fixture
def word() -> Iterator[str]:
    """A word in the environment of whatever a test starts; no process that carries it may outlive the test."""
    text = uuid.uuid4().hex
    yield text
    left = carriers(text)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


@pytest.fixture(params=["cgroup", "descent"])
def kind(request: pytest.FixtureRequest) -> str:
    """By which means processes are found: once by control groups, once without them."""
    if request.param == "cgroup" and not can_make_groups():
        pytest.skip("no cgroup 2 that this user may make groups in")
    return str(request.param)


@pytest.fixture
def no_child_left() -> Iterator[None]:
    """The test process itself ends with the children that it began with."""
    before = children_of_this_process()
    yield
    assert children_of_this_process() <= before


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory, without a control group left when its test is over."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    identity = os.stat(directory)
    key = f"{identity.st_dev:x}-{identity.st_ino:x}"
    # A directory that is gone may have had the number of this one, and groups that a killed agent left to nobody.
    for group in groups_of(key):
        group.remove()
    yield directory
    assert groups_of(key) == []


@pytest.fixture
def daemon(state: Path, kind: str, word: str) -> Iterator[Daemon]:
    """A stand-in for the daemon that leaves when its test is over."""
    one = Daemon(state, kind, word)
    yield one
    one.leave()


@pytest.fixture
def processes(kind: str) -> SystemProcesses:
    """What runs commands."""
    return SystemProcesses(cgroups=kind == "cgroup")
