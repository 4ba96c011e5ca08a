"""Engines, and what drivers work with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.drivers.database import Dump, Target, Tools
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from tests.system.databases.copies import taken
from tests.system.databases.engines import Engine, MariaDBEngine, PostgreSQLEngine, SQLiteEngine
from tests.system.databases.mariadb import MariaDB
from tests.system.databases.postgresql import PostgreSQL

ENGINES = ("postgresql", "mysql", "sqlite")


@pytest.fixture(scope="session", params=ENGINES)
def engine(
    request: pytest.FixtureRequest,
    postgresql_server: PostgreSQL,
    mariadb_server: MariaDB,
    tmp_path_factory: pytest.TempPathFactory,
) -> Engine:
    """Each engine; a test that takes it runs once with each.

    Both servers are started first: whatever became a child of this process while a driver's own server was at work
    would end with that.
    """
    if request.param == "sqlite":
        return SQLiteEngine(str(tmp_path_factory.mktemp("sqlite")))
    return MariaDBEngine(mariadb_server) if request.param == "mysql" else PostgreSQLEngine(postgresql_server)


@pytest.fixture
def tools() -> Iterator[Tools]:
    """The real world, and directories of the test's own."""
    with real_tools() as made:
        yield made


@contextmanager
def real_tools() -> Iterator[Tools]:
    """The real world, and directories of their own.

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


@pytest.fixture(scope="session")
def shop(engine: Engine) -> Iterator[str]:
    """The name of a database with everything in it, which no test changes."""
    name = engine.make()
    yield name
    engine.drop(name)


@pytest.fixture(scope="session")
def copy(engine: Engine, shop: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dump]:
    """A copy of the shop in a file, and what is known of it."""
    path = tmp_path_factory.mktemp("copy") / "copy"
    with real_tools() as tools:
        return path, taken(engine.connect(shop, tools), tools, path)


@pytest.fixture(scope="session")
def target(engine: Engine, shop: str, copy: tuple[Path, Dump]) -> Iterator[Target]:
    """A server of the driver's own, for every test of an engine."""
    with real_tools() as tools:
        with engine.connect(shop, tools).scratch(copy[1].facts) as made:
            yield made
        assert os.listdir(tools.scratch) == []
