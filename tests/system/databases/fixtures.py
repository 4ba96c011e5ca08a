"""One server of each engine for a whole session of tests; each starts in about a second, when it is first asked for.

Tests make databases of names of their own, and drop them. Damage that a server would not survive is done to a server
of the test's own: `with postgresql.running() as server`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.databases import mariadb, postgresql
from tests.system.databases.mariadb import MariaDB
from tests.system.databases.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL server."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """A MariaDB server."""
    with mariadb.running() as server:
        yield server
