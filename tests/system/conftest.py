"""Agents for tests of the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.agent import AgentUnderTest, agent_in


@pytest.fixture
def agent() -> Iterator[AgentUnderTest]:
    # Not below pytest's own directories: a socket's path must be short, and every directory above root's alone.
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as made:
        yield made
