"""A SQLite file that a copy is loaded into."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

import apsw

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.sqlite import files
from agent.errors import RunFailed
from agent.host.neighbours import directory
from agent.host.output import visible
from agent.ports import Completed, Program

ASIDE = "-whole"


class Loading:
    """`agent.drivers.database.Target`: the file `path`, made anew by each loading."""

    def __init__(self, tools: Tools, path: str) -> None:
        self._tools = tools
        self._path = path
        self._folder, self._name = os.path.split(path)
        self._descriptor = -1
        self._wanted: tuple[str, ...] = ()

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        """As `Target.loading`. The file is nobody else's to read until it is in its place."""
        self._wanted = tuple(tables)
        self._close()
        with directory(self._folder) as folder:
            for ending in ("", "-journal", "-wal", "-shm", ASIDE):
                folder.remove(self._name + ending)
            self._descriptor = folder.create(self._name)
        command = asking.command([asking.program(["cat"], asking.search_path(), "install coreutils")])
        return (Program(command, source, self._descriptor),)

    def settle(self, completed: Sequence[Completed]) -> None:
        """As `Target.settle`."""
        self._close(sync=True)
        for one in completed:
            asking.require(one, "the copy of a SQLite database could not be written")
        files.require_whole(self._path, self._tools, "the copy of a SQLite database is not whole")
        if self._wanted:
            self._choose()

    def counts(self) -> Mapping[str, int]:
        """As `Target.counts`."""
        with files.opened(self._path, self._tools) as connection:
            return files.counts(connection)

    def query(self, sql: str) -> str:
        """As `Target.query`."""
        with files.opened(self._path, self._tools) as connection:
            for row in connection.execute(sql):
                value = row[0]
                return (
                    ""
                    if value is None
                    else value.decode("utf-8", "replace")
                    if isinstance(value, bytes)
                    else str(value)
                )
        return ""

    def _close(self, *, sync: bool = False) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with suppress(OSError):
                if sync:
                    os.fsync(descriptor)
            os.close(descriptor)

    def _choose(self) -> None:
        """Make the file one of the wanted tables alone, with their indexes and triggers."""
        whole = self._path + ASIDE
        with directory(self._folder) as folder:
            folder.rename(self._name, self._name + ASIDE)
            os.close(folder.create(self._name))
        with files.opened(self._path, self._tools, write=True) as connection:
            connection.execute("attach ? as whole", (whole,))
            there = files.tables(connection, "whole")
            for table in self._wanted:
                if table not in there:
                    raise RunFailed(f"the backup has no table {visible(table)!r}")
            connection.execute("begin")
            for table in self._wanted:
                _bring(connection, table)
            connection.execute("commit")
            connection.execute("detach whole")
        with directory(self._folder) as folder:
            folder.remove(self._name + ASIDE)


def _bring(connection: apsw.Connection, table: str) -> None:
    """Bring a table from the attached file."""
    belongings = "select sql from whole.sqlite_schema where tbl_name = ? and sql is not null and type {} 'table'"
    (made,) = files.rows(connection, belongings.format("="), (table,))
    connection.execute(made[0])
    # Columns that are computed cannot be written.
    columns = files.rows(connection, "select name from pragma_table_xinfo(?, 'whole') where hidden = 0", (table,))
    listed = ", ".join(files.name(column) for (column,) in columns)
    connection.execute(
        f"insert into main.{files.name(table)} ({listed}) select {listed} from whole.{files.name(table)}"
    )
    for (sql,) in files.rows(connection, belongings.format("<>"), (table,)):
        connection.execute(sql)
    if files.rows(connection, "select 1 from whole.sqlite_schema where name = 'sqlite_sequence'") and files.rows(
        connection, "select 1 from main.sqlite_schema where name = 'sqlite_sequence'"
    ):
        connection.execute("delete from main.sqlite_sequence where name = ?", (table,))
        taken = "insert into main.sqlite_sequence select name, seq from whole.sqlite_sequence where name = ?"
        connection.execute(taken, (table,))
