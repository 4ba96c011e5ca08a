"""Probes of databases: one number out of each engine, and nothing changed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from agent.host.asides import Asides
from agent.host.clock import SystemClock
from agent.probes.prober.frames import Order
from agent.probes.prober.measuring import Measuring
from tests.system.databases.mariadb import MariaDB
from tests.system.databases.postgresql import PostgreSQL

ROWS = "CREATE TABLE orders (id INTEGER, total NUMERIC(10, 2)); INSERT INTO orders VALUES (1, 2.5), (2, NULL), (3, 5)"
_numbers = itertools.count(1)


class Asked:
    """A database with three orders, asked by what a policy says of it. `slow` is a query that takes long."""

    def __init__(self, engine: str, settings: dict[str, Any], slow: str, scratch: Path) -> None:
        self._database = {"name": "shop", "driver": engine, "settings": settings}
        self.engine = engine
        self._scratch = scratch
        self.slow = slow

    def ask(self, query: str, timeout: float = 30.0) -> tuple[dict[str, float], str]:
        settings = {"database": self._database, "query": query}
        order = Order(1, f"it{next(_numbers)}", "sql", settings, 3600.0, timeout, 0.0)
        measuring = Measuring(order, str(self._scratch), Asides(), SystemClock())
        measuring.begin()
        found = measuring.measure()
        return {one.signal: one.value for one in found.samples if one.signal != "duration_seconds"}, found.error


@pytest.fixture(scope="module", params=["postgresql", "mysql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A database of each engine."""
    scratch = tmp_path_factory.mktemp("scratch")
    os.chmod(scratch, 0o755)
    if request.param == "sqlite":
        path = str(tmp_path_factory.mktemp("sqlite") / "shop.db")
        connection = apsw.Connection(path)
        connection.execute(ROWS)
        connection.close()
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        yield Asked("sqlite", {"path": path}, endless, scratch)
        return
    fixture = {"postgresql": "postgresql_server", "mysql": "mariadb_server"}[request.param]
    server: PostgreSQL | MariaDB = request.getfixturevalue(fixture)
    server.create("probed")
    server.sql(ROWS, "probed")
    slow = {"postgresql": "SELECT 1 FROM pg_sleep(600)", "mysql": "SELECT sleep(600)"}[request.param]
    yield Asked(server.engine, server.settings("probed", by="keeper", tcp=True), slow, scratch)
    server.drop("probed")


@pytest.mark.parametrize(
    ("query", "values", "wrong"),
    [
        ("SELECT count(*) FROM orders", {"value": 3}, ""),
        ("SELECT sum(total) AS s FROM orders;\n", {"value": 7.5}, ""),
        ("SELECT total FROM orders WHERE id = 2", {}, ""),
        ("SELECT total FROM orders WHERE id = 9", {}, ""),
        ("SELECT 'NaN' AS number", {}, ""),
        ("SELECT id FROM orders", None, "more than one number"),
        ("SELECT id, total FROM orders WHERE id = 1", None, "more than one number"),
        ("SELECT 'many' AS word", None, "no number"),
        ("SELECT nothing FROM nowhere", None, ""),
        ("DELETE FROM orders", None, ""),
        ("SELECT 1 AS a) AS x; DELETE FROM orders; SELECT * FROM (SELECT 1 AS a", None, ""),
    ],
)
def test_sql_gives_one_number_or_says_why_not(
    query: str, values: dict[str, float] | None, wrong: str, database: Asked
) -> None:
    found, error = database.ask(query)
    assert wrong in error, error
    assert bool(error) == (values is None), error
    assert found == ({"up": 0} if values is None else {"up": 1, **values})
    assert database.ask("SELECT count(*) FROM orders")[0]["value"] == 3


def test_sql_of_a_file_makes_nothing_large_on_the_way_to_a_number(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    apsw.Connection(str(path)).close()
    asked = Asked("sqlite", {"path": str(path)}, "", tmp_path)
    for query in ("SELECT randomblob(100000000)", "SELECT length(hex(zeroblob(100000000)))"):
        found, error = asked.ask(query)
        assert "too big" in error
        assert found == {"up": 0}
    assert "3 bytes" in asked.ask("SELECT x'313233'")[1]


def test_sql_past_its_timeout_is_ended_by_the_server(database: Asked) -> None:
    found, error = database.ask(database.slow, 2.0)
    # A server that is ended in the middle of sleep(3) says that it slept.
    assert error or found.get("value") == 1
    assert found.get("up") == (0 if error else 1)


def test_sql_of_a_server_that_is_not_there_is_down(database: Asked, tmp_path: Path) -> None:
    gone: dict[str, dict[str, Any]] = {
        "postgresql": {"dsn": "host=127.0.0.1 port=1 dbname=shop", "user": None, "password_file": None},
        "mysql": {
            "database": "shop", "socket": None, "host": "127.0.0.1", "port": 1, "user": "x", "password_file": None,
        },
        "sqlite": {"path": str(tmp_path / "none.db")},
    }  # fmt: skip
    found, error = Asked(database.engine, gone[database.engine], "", tmp_path).ask("SELECT 1 AS one")
    assert error
    assert found == {"up": 0}
