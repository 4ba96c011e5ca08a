"""Agents for tests of the whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.agent import AgentUnderTest, agent_in
from tests.system.bed import Bed, why_not
from tests.system.bed.host import Host, host_up
from tests.system.databases.fixtures import mariadb_server, postgresql_server

__all__ = ["mariadb_server", "postgresql_server"]
SUITES = ("bookworm", "trixie")


@pytest.fixture
def agent() -> Iterator[AgentUnderTest]:
    # Not below pytest's own directories: a socket's path must be short, and every directory above root's alone.
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as made:
        yield made


@pytest.fixture(scope="session")
def _beds() -> None:
    """Skip what needs a bed where none can be had."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture(params=SUITES)
def suite(request: pytest.FixtureRequest, _beds: None) -> str:
    """A Debian suite; a test that takes it runs once with each."""
    return str(request.param)


@pytest.fixture
def bed(suite: str) -> Iterator[Bed]:
    """A pristine machine of each suite."""
    with Bed.up(suite) as made:
        yield made


@pytest.fixture
def host(suite: str) -> Iterator[Host]:
    """A pristine machine of each suite with the agent installed and not started."""
    made = host_up(suite)
    yield made
    made.bed.down()
