"""A database of a server that a copy is loaded into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import Connection, ask
from agent.drivers.databases.postgresql.dumping import counting
from agent.errors import RunFailed
from agent.ports import Completed, Program


class Loading:
    """`agent.drivers.database.Target`. `least` is the major version that pg_restore needs, `options` are for it.

    `make` is called before each loading, and leaves an empty database.
    """

    def __init__(
        self,
        tools: Tools,
        connection: Callable[[], Connection],
        least: int,
        make: Callable[[], None],
        options: Sequence[str] = (),
    ) -> None:
        self._tools = tools
        self._connection = connection
        self._least = least
        self._make = make
        self._options = options
        self._wanted: tuple[tuple[str | None, str], ...] = ()

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        """As `Target.loading`. A table comes with its rows, without indexes, constraints and triggers.

        Tables of one name in several of the schemas that are asked for come all.
        """
        self._make()
        connection = self._connection()
        self._wanted = tuple(map(sql.table_parts, tables))
        schemas = sorted({schema for schema, _ in self._wanted if schema is not None})
        if missing := [schema for schema in schemas if schema != "public"]:
            made = "".join(f"create schema if not exists {sql.name(schema)};\n" for schema in missing)
            ask(self._tools, connection, made)
        pg_restore = binaries.program(self._tools, "pg_restore", self._least, "postgresql-client")
        chosen = [f"--schema={schema}" for schema in schemas]
        chosen += [f"--table={table}" for table in sorted({table for _, table in self._wanted})]
        command = connection.command(pg_restore, "--exit-on-error", *self._options, *chosen)
        return (Program(command, source, None),)

    def settle(self, completed: Sequence[Completed]) -> None:
        """As `Target.settle`; that a table was not in the copy, pg_restore does not say, so it is looked for."""
        for one in completed:
            asking.require(one, "pg_restore")
        there = {sql.table_parts(key) for key in self._tables()} if self._wanted else set()
        for schema, table in self._wanted:
            if not any(table == name and schema in (None, place) for place, name in there):
                shown = sql.table_key(schema, table) if schema else table
                raise RunFailed(f"the backup has no table {shown!r}")

    def counts(self) -> Mapping[str, int]:
        """As `Target.counts`."""
        connection = self._connection()
        keys = self._tables()
        parts = [sql.table_parts(key) for key in keys]
        text = "".join(f"{counting(schema or '', table)};\n" for schema, table in parts)
        return dict(zip(keys, ask(self._tools, connection, text), strict=True))

    def query(self, text: str) -> str:
        """As `Target.query`."""
        connection = self._connection()
        psql = binaries.program(self._tools, "psql", binaries.ANY, "postgresql-client")
        # A statement that began with a backslash would be one of psql's own commands.
        argv = [psql, "-XqAtz0", "--set=ON_ERROR_STOP=1", f"--command= {text}"]
        completed, output = asking.answer(self._tools, connection.command(*argv))
        asking.require(completed, f"PostgreSQL, database {connection.database!r}")
        return output.partition(b"\0")[0].decode("utf-8", "replace")

    def _tables(self) -> list[str]:
        return [sql.table_key(schema, table) for schema, table in ask(self._tools, self._connection(), sql.TABLES)]
