from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries
from agent.errors import RunFailed
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(
        processes=SystemProcesses(cgroups=False),
        clock=SystemClock(),
        stop=lambda: False,
        progress=lambda done, total, unit: None,
        scratch=str(tmp_path),
        keep=str(tmp_path),
    )


@pytest.fixture
def provide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Given versions, put a program of each on the PATH, in this order."""

    def put(*versions: str) -> None:
        places = []
        for version in versions:
            place = tmp_path / version
            place.mkdir()
            (place / "pg_made_up").write_text(f"#!/bin/sh\necho 'pg_made_up (PostgreSQL) {version}'\n")
            (place / "pg_made_up").chmod(0o755)
            places.append(str(place))
        monkeypatch.setenv("PATH", ":".join([*places, os.environ["PATH"]]))

    return put


def found(tools: Tools, least: int) -> str:
    return Path(binaries.program(tools, "pg_made_up", least, "postgresql-client")).parent.name


def test_program_of_the_very_version_is_taken(tools: Tools, provide: Callable[..., None]) -> None:
    provide("17.2", "15.18", "13.1 (Debian 13.1-1)")
    assert found(tools, 15) == "15.18"
    assert found(tools, binaries.ANY) == "17.2"


def test_program_of_the_next_version_above_is_taken(tools: Tools, provide: Callable[..., None]) -> None:
    provide("18beta1", "13.9", "16.4")
    assert found(tools, 14) == "16.4"
    assert found(tools, 17) == "18beta1"


def test_program_that_is_too_old_is_told_with_what_to_install(tools: Tools, provide: Callable[..., None]) -> None:
    provide("13.9", "9.6.24")
    with pytest.raises(
        RunFailed, match=r"of version 13, older than the 15 of the database: install postgresql-client-15"
    ):
        found(tools, 15)


def test_program_that_is_not_there_is_told_with_what_to_install(tools: Tools) -> None:
    with pytest.raises(RunFailed, match="no program pg_made_up on this host: install postgresql-client-15"):
        found(tools, 15)
    with pytest.raises(RunFailed, match=r"install postgresql-client$"):
        found(tools, binaries.ANY)
