"""Engines, and what drivers work with."""

from __future__ import annotations

import os
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
def tools(tmp_path: Path) -> Tools:
    """The real world, and directories of the test's own."""
    for name in ("scratch", "keep"):
        (tmp_path / name).mkdir(mode=0o700)
    for above in (tmp_path, *tmp_path.parents):
        # pytest closes its directories to all others; servers run as one of them.
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o011)
    return Tools(
        processes=SystemProcesses(cgroups=False),
        clock=SystemClock(),
        stop=lambda: False,
        progress=lambda done, total, unit: None,
        scratch=str(tmp_path / "scratch"),
        keep=str(tmp_path / "keep"),
    )
