"""MariaDB and MySQL, through their own programs, and a server of its own to try copies with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from agent.drivers import asking, database
from agent.drivers.database import Dump, Look, Target, Tools
from agent.drivers.databases.mysql import sql
from agent.drivers.databases.mysql.connection import ADVICE, DUMP, ask, reaching
from agent.drivers.databases.mysql.dumping import dumping
from agent.drivers.databases.mysql.replacing import Replacing
from agent.drivers.databases.mysql.scratch import scratch


class MySQL:
    """`agent.drivers.database.Database`."""

    engine = "mysql"

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        self._settings = settings
        self._tools = tools

    def look(self) -> Look:
        """As `Database.look`."""
        asking.program(DUMP, asking.search_path(), ADVICE)
        name = sql.value(self._settings["database"])
        text = f"{sql.VERSION.format(name)};\n{sql.TABLES.format(name)};\n"
        with reaching(self._settings, self._tools) as connection:
            (version, size), *tables = ask(self._tools, connection, text, timeout=asking.SHORT)
        return Look(version=_called(version), bytes=int(size), tables=tuple(table for table, _ in tables))

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


def _called(version: str) -> str:
    return version if "mariadb" in version.lower() else f"MySQL {version}"


DRIVER = MySQL
