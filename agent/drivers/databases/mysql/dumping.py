"""A copy of a database, and between what numbers of rows it must have.

The server has no way to count the rows in the very snapshot that mariadb-dump reads. They are counted before and after,
and the server tells how many rows have been written and deleted meanwhile: so much more or less there may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from agent.drivers import asking
from agent.drivers.database import Dump, Tools
from agent.drivers.databases.mysql import sql
from agent.drivers.databases.mysql.connection import Connection, ask
from agent.errors import RunFailed
from agent.ports import Completed, Program

FORM = "mariadb-dump sql"
COMPLETE = b"\n-- Dump completed"
_OPTIONS = ("--single-transaction", "--routines", "--triggers", "--events", "--hex-blob", "--quick")


class Counted(Struct, frozen=True):
    """Rows by table at an instant, and what the server had written then: rows inserted, deleted and changed."""

    counts: Mapping[str, int]
    written: tuple[int, int, int]


@contextmanager
def dumping(tools: Tools, connection: Connection) -> Iterator[Dump]:
    """Count, and give the program that dumps; `settle` counts again, and fills in the bounds."""
    database = sql.value(connection.database)
    answers = ask(tools, connection, f"{sql.FACTS.format(database)};\n{sql.TABLES.format(database)};\n")
    facts, tables = {key: str(text) for key, text in answers[0].items()}, answers[1:]
    definers = ask(tools, connection, f"{sql.DEFINERS.format(database)};\n")
    facts["definers"] = "\n".join(definers)
    if plain := [table for table, engine in tables if engine not in sql.PLAIN]:
        facts["not of one instant"] = ", ".join(plain)
    cascades = set(ask(tools, connection, f"{sql.CASCADES.format(database)};\n"))
    before = _before(tools, connection, [table for table, _ in tables], facts)
    bounds: dict[str, tuple[int, int]] = {}

    def settle(completed: Sequence[Completed], tail: bytes) -> None:
        for one in completed:
            asking.require(one, "mariadb-dump")
        if COMPLETE not in tail:
            raise RunFailed("mariadb-dump ended well, but its copy has no end: is the disk full?")
        bounds.update(_bounds(before, _after(tools, connection), cascades))

    command = connection.dump(*_OPTIONS, "--", connection.database)
    asking.go_on(tools)
    yield Dump(
        form=FORM,
        suffix=".sql",
        programs=lambda descriptor: (Program(command, None, descriptor),),
        settle=settle,
        bounds=bounds,
        facts=facts,
    )


def _before(tools: Tools, connection: Connection, tables: Sequence[str], facts: dict[str, str]) -> Counted:
    """Count; first what is written, as what comes meanwhile must not be missed.

    Facts get a note where the account may not see what others have written and not yet committed.
    """
    pending = sql.PENDING
    if not _sees_transactions(tools, connection):
        pending = "select 0"
        facts["bounds"] = "without what was not committed when the copy began: its account lacks the right PROCESS"
    asked = [sql.WRITTEN, pending, sql.SNAPSHOT, *map(sql.counting, tables), "commit"]
    (inserted, deleted, changed), pending, *counts = ask(tools, connection, ";\n".join(asked) + ";\n")
    written = (int(inserted) - pending, int(deleted) - pending, int(changed))
    return Counted(dict(zip(tables, counts, strict=True)), written)


def _sees_transactions(tools: Tools, connection: Connection) -> bool:
    return ask(tools, connection, f"{sql.SEES_PENDING};\n") != [0]


def _after(tools: Tools, connection: Connection) -> Counted:
    question = sql.TABLES.format(sql.value(connection.database))
    tables = [table for table, _ in ask(tools, connection, f"{question};\n")]
    asked = [sql.SNAPSHOT, *map(sql.counting, tables), "commit", sql.WRITTEN]
    *counts, (inserted, deleted, changed) = ask(tools, connection, ";\n".join(asked) + ";\n")
    return Counted(dict(zip(tables, counts, strict=True)), (int(inserted), int(deleted), int(changed)))


def _bounds(before: Counted, after: Counted, cascades: set[Any]) -> dict[str, tuple[int, int]]:
    """Return the bounds of the tables that were there all the time."""
    inserted, deleted, changed = (now - then for now, then in zip(after.written, before.written, strict=True))
    bounds = {}
    for table in before.counts.keys() & after.counts.keys():
        least, most = sorted((before.counts[table], after.counts[table]))
        # Rows that go with the row that they belong to are not counted as deleted.
        unsure = table in cascades and (deleted or changed)
        bounds[table] = (0 if unsure else max(0, least - deleted), most + inserted)
    return bounds
