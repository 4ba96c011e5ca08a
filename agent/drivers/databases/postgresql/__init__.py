"""PostgreSQL, through its own programs: psql, pg_dump, pg_restore, and a server of its own to try copies with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from agent.drivers import asking, database
from agent.drivers.database import Dump, Look, Target, Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import ask, reaching
from agent.drivers.databases.postgresql.dumping import dumping
from agent.drivers.databases.postgresql.replacing import Replacing
from agent.drivers.databases.postgresql.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator


class PostgreSQL:
    """`agent.drivers.database.Database`."""

    engine = "postgresql"

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        self._settings = settings
        self._tools = tools

    def look(self) -> Look:
        """As `Database.look`; also a pg_dump that is older than the server is said."""
        with reaching(self._settings, self._tools) as connection:
            answers = ask(self._tools, connection, f"{sql.LOOK};\n{sql.TABLES};\n", timeout=asking.SHORT)
        (version, size), tables = answers[0], answers[1:]
        binaries.program(self._tools, "pg_dump", binaries.major(version), "postgresql-client")
        return Look(
            version=f"PostgreSQL {version}", bytes=size, tables=tuple(sql.table_key(*table) for table in tables)
        )

    @contextmanager
    def dumping(self) -> Iterator[Dump]:
        """As `Database.dumping`."""
        with ExitStack() as stack:
            connection = stack.enter_context(reaching(self._settings, self._tools))
            yield stack.enter_context(dumping(self._tools, connection))

    def scratch(self, facts: Mapping[str, str]) -> AbstractContextManager[Target]:
        """As `Database.scratch`."""
        return scratch(self._tools, facts)

    def replacing(self, mark: str) -> database.Replacing:
        """As `Database.replacing`."""
        return Replacing(self._tools, self._settings, mark)


DRIVER = PostgreSQL
