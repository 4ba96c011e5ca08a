"""Directories of its own for every test of a command."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.policy import POLICY
from tests.system.agent import AgentUnderTest, agent_in


@pytest.fixture
def agent() -> Iterator[AgentUnderTest]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as made:
        files = made.place / "files"
        files.mkdir()
        for number in range(3):
            (files / f"old-{number}").touch()
            os.utime(files / f"old-{number}", (1_000_000_000, 1_000_000_000))
        (files / "young").touch()
        made.policy(POLICY.format(files=files))
        yield made
