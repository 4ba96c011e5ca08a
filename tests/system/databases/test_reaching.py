"""Servers that are down, far, closed or of another version, and programs that are not there: each is said in words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.drivers.database import Tools
from agent.drivers.databases import connect
from agent.errors import RunFailed
from tests.system.databases import copies, servers
from tests.system.databases.engines import MariaDBEngine, PostgreSQLEngine
from tests.system.databases.mariadb import MariaDB
from tests.system.databases.postgresql import PostgreSQL


@pytest.fixture(params=["postgresql", "mysql"])
def served(
    request: pytest.FixtureRequest, postgresql_server: PostgreSQL, mariadb_server: MariaDB
) -> PostgreSQLEngine | MariaDBEngine:
    if request.param == "mysql":
        return MariaDBEngine(mariadb_server)
    return PostgreSQLEngine(postgresql_server)


@pytest.fixture
def small(served: PostgreSQLEngine | MariaDBEngine) -> Iterator[str]:
    """The name of a database with one table of one row."""
    name = "small"
    served.server.create(name)
    served.sql("create table t (x int); insert into t values (1)", name)
    yield name
    served.drop(name)


def test_password_comes_from_its_file_and_is_nowhere_else(
    served: PostgreSQLEngine | MariaDBEngine, small: str, tools: Tools, tmp_path: Path
) -> None:
    for tcp in (False, True):
        database = served.connect(small, tools, by="keeper", tcp=tcp)
        dump = copies.taken(database, tools, tmp_path / "copy")
        assert servers.PASSWORD.encode() not in (tmp_path / "copy").read_bytes()
        assert servers.PASSWORD not in str(dump.facts)
        replacing = database.replacing("pw")
        copies.load(replacing, tools, tmp_path / "copy")
        replacing.swap()
        replacing.discard()
        assert served.sql("select x from t", small) == ["1"]
        kept = [os.path.join(place, name) for place, _, names in os.walk(tools.scratch) for name in names]
        assert {stat.S_IMODE(os.stat(path).st_mode) for path in kept} <= {0o600}


def test_wrong_password_is_told_without_any_password(
    served: PostgreSQLEngine | MariaDBEngine, small: str, tools: Tools, tmp_path: Path
) -> None:
    (tmp_path / "pw").write_text("guessed-secret\n")
    settings = served.server.settings(small, by="keeper") | {"password_file": str(tmp_path / "pw")}
    with pytest.raises(RunFailed, match=r"(?i)password|denied") as caught:
        connect({"name": "shop", "driver": served.name, "settings": settings}, tools).look()
    assert "guessed-secret" not in str(caught.value)
    settings["password_file"] = str(tmp_path / "nowhere")
    with pytest.raises(RunFailed, match=r"cannot be read from .*nowhere: No such file"):
        connect({"name": "shop", "driver": served.name, "settings": settings}, tools).look()


def test_account_of_the_operating_system_is_enough(
    served: PostgreSQLEngine | MariaDBEngine, small: str, tools: Tools, tmp_path: Path
) -> None:
    database = served.connect(small, tools, by="owner")
    assert len(database.look().tables) == 1
    copies.taken(database, tools, tmp_path / "copy")
    copies.load(database.replacing("os"), tools, tmp_path / "copy")
    database.replacing("os").discard()


def test_server_that_is_down_is_told(
    served: PostgreSQLEngine | MariaDBEngine, small: str, tools: Tools, tmp_path: Path
) -> None:
    settings = served.server.settings(small)
    if served.name == "mysql":
        settings["socket"] = str(tmp_path / "nobody")
    else:
        settings["dsn"] = f"host={tmp_path}/nobody dbname={small}"
    database = connect({"name": "shop", "driver": served.name, "settings": settings}, tools)
    with pytest.raises(RunFailed, match=r"(?i)connect"):
        database.look()
    with pytest.raises(RunFailed, match=r"(?i)connect"), database.dumping():
        pass
    with pytest.raises(RunFailed, match=r"(?i)connect"):
        database.replacing("a").swap()
