"""SQLite files: opened without trust in what is in them, looked at, and checked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw

from agent.drivers.database import Tools
from agent.errors import RunFailed
from agent.host.output import visible

HEADER = b"SQLite format 3\0"
_BUSY_MS = 30_000
_STEPS = 100_000
_SHOWN = 3
_QUOTED = 300


@contextmanager
def opened(path: str, tools: Tools, *, write: bool = False, create: bool = False) -> Iterator[apsw.Connection]:
    """Open a file; whatever SQLite says goes on as RunFailed, and so does that the run was asked to stop.

    A writer that holds the file is waited for half a minute.
    """
    # Whoever opens a file with a WAL for reading alone leaves its logs behind.
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    try:
        connection = apsw.Connection(path, flags=flags | apsw.SQLITE_OPEN_NOFOLLOW)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            connection.set_busy_timeout(_BUSY_MS)
            connection.set_progress_handler(tools.stop, _STEPS)
            connection.pragma("query_only", not (write or create))
            yield connection
        finally:
            connection.close(force=True)
    except apsw.InterruptError:
        raise RunFailed(f"SQLite, {path}: the run was asked to stop") from None
    except apsw.Error as error:
        raise RunFailed(f"SQLite, {path}: {_sentence(error)}") from error


def _sentence(error: apsw.Error) -> str:
    text = visible(str(error)).replace("\n", " ")[:_QUOTED]
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return f"somebody has been writing to it for more than {_BUSY_MS // 1000} s ({text})"
    if isinstance(error, apsw.FullError):
        return f"the disk is full ({text})"
    if isinstance(error, apsw.CantOpenError):
        return f"it cannot be opened: is it there, and may its directory be written to? ({text})"
    return text


def name(text: str) -> str:
    """Return a name as SQL wants it."""
    return '"' + text.replace('"', '""') + '"'


def rows(connection: apsw.Connection, sql: str, bindings: Any = ()) -> list[tuple[Any, ...]]:
    """Return all rows of an answer."""
    return list(connection.execute(sql, bindings))


def tables(connection: apsw.Connection, schema: str = "main") -> tuple[str, ...]:
    """Return the names of the ordinary tables; those that extensions keep for virtual ones are not among them."""
    found = rows(connection, "select name from pragma_table_list where schema = ? and type = 'table'", (schema,))
    return tuple(sorted(table for (table,) in found if not table.startswith("sqlite_")))


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Return rows by table."""
    return {table: rows(connection, f"select count(*) from main.{name(table)}")[0][0] for table in tables(connection)}


def require_whole(path: str, tools: Tools, what: str) -> None:
    """Raise RunFailed, beginning with `what`, unless a file is a whole database and nothing but that."""
    if problem := _problem(path, tools):
        raise RunFailed(f"{what}: {problem}")


def _problem(path: str, tools: Tools) -> str:
    size = os.stat(path).st_size
    with open(path, "rb") as file:
        if file.read(len(HEADER)) != HEADER:
            return "this is no SQLite database, or its beginning is missing"
    try:
        with opened(path, tools) as connection:
            pages, page_size = connection.pragma("page_count"), connection.pragma("page_size")
            if pages * page_size != size:
                return f"{size} bytes of {pages * page_size} are there"
            found = [text for (text,) in rows(connection, "pragma main.integrity_check(10)")]
    except RunFailed as error:
        return str(error)
    return "" if found == ["ok"] else visible("; ".join(map(str, found[:_SHOWN]))).replace("\n", " ")[:_QUOTED]
