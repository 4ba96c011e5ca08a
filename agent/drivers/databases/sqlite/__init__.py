"""SQLite: files, copied while others write to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import apsw

from agent.drivers import database
from agent.drivers.database import Dump, Look, Target, Tools
from agent.drivers.databases.sqlite import files
from agent.drivers.databases.sqlite.copying import dumping
from agent.drivers.databases.sqlite.loading import Loading
from agent.drivers.databases.sqlite.replacing import Replacing
from agent.host.durable import write_new
from agent.host.scratch import temporary


class SQLite:
    """`agent.drivers.database.Database`."""

    engine = "sqlite"

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        self._path = os.path.realpath(settings["path"])
        self._tools = tools

    def look(self) -> Look:
        """As `Database.look`. The size counts what is in the file, and not yet in it."""
        with files.opened(self._path, self._tools) as connection:
            return Look(
                version=f"SQLite {apsw.sqlite_lib_version()}",
                bytes=connection.pragma("page_count") * connection.pragma("page_size"),
                tables=files.tables(connection),
            )

    def dumping(self) -> AbstractContextManager[Dump]:
        """As `Database.dumping`."""
        return dumping(self._tools, self._path)

    @contextmanager
    def scratch(self, facts: Mapping[str, str]) -> Iterator[Target]:
        """As `Database.scratch`: a file."""
        del facts
        with temporary(self._tools.scratch) as place:
            path = os.path.join(os.path.realpath(place), "loaded")
            write_new(path, b"")
            yield Loading(self._tools, path)

    def replacing(self, mark: str) -> database.Replacing:
        """As `Database.replacing`."""
        return Replacing(self._tools, self._path, mark)


DRIVER = SQLite
