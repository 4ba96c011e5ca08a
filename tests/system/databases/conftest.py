"""Engines, and what drivers work with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.drivers.database import Tools
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from tests.system.databases.engines import Engine, MariaDBEngine, PostgreSQLEngine, SQLiteEngine


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """Each engine; a test that takes it runs once with each."""
    if request.param == "sqlite":
        return SQLiteEngine(str(tmp_path))
    if request.param == "mysql":
        return MariaDBEngine(request.getfixturevalue("mariadb_server"))
    return PostgreSQLEngine(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def tools() -> Iterator[Tools]:
    """The real world, and directories of the test's own.

    They are not below pytest's own, which are closed to everybody else: servers of drivers run as somebody else.
    """
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place:
        os.chmod(place, 0o711)
        for name in ("scratch", "keep"):
            os.mkdir(f"{place}/{name}", 0o700)
        yield Tools(
            processes=SystemProcesses(cgroups=False),
            clock=SystemClock(),
            stop=lambda: False,
            progress=lambda done, total, unit: None,
            scratch=f"{place}/scratch",
            keep=f"{place}/keep",
        )
