"""A consistent copy of a database, and the counts of its rows at the very same instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from agent.drivers import asking
from agent.drivers.database import Dump, Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import Connection
from agent.drivers.databases.postgresql.session import Session, held
from agent.errors import RunFailed
from agent.ports import Completed, Program

FORM = "pg_dump custom"
_LOCKS_SECONDS = 300
_END_OF_DATA = b"\0" * 5
"""A block of no bytes, as format 1.14 and its neighbours write it: sign and length."""

_BEGIN = f"""\
set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set row_security = off;
set lock_timeout = '{_LOCKS_SECONDS}s';
begin isolation level repeatable read read only"""


@contextmanager
def dumping(tools: Tools, connection: Connection) -> Iterator[Dump]:
    """Hold a snapshot in which the rows of every table are counted, and which pg_dump then reads."""
    with held(tools, connection) as session:
        session.ask(_BEGIN)
        (facts,) = session.ask(sql.FACTS)
        pg_dump = binaries.program(tools, "pg_dump", binaries.major(facts["version"]), "postgresql-client")
        (snapshot,) = session.ask("select to_json(pg_export_snapshot())")
        counts = _counted(tools, session)
        command = connection.command(
            *(pg_dump, "--format=custom", "--compress=0"),
            *(f"--snapshot={snapshot}", f"--lock-wait-timeout={_LOCKS_SECONDS}s"),
        )
        asking.go_on(tools)
        yield Dump(
            form=FORM,
            suffix=".pgdump",
            programs=lambda descriptor: (Program(command, None, descriptor),),
            settle=lambda completed, tail: _settle(completed, tail, has_tables=bool(counts)),
            counts=counts,
            facts=facts,
        )
        # Had the session been lost, the counts would be of another instant than the copy may be.
        session.ask("commit")


def _counted(tools: Tools, session: Session) -> dict[str, int]:
    tables: list[Any] = session.ask(sql.TABLES)
    counts: dict[str, int] = {}
    for schema, table in tables:
        counts[sql.table_key(schema, table)] = session.ask(counting(schema, table))[0]
        tools.progress(len(counts), len(tables), "tables")
    return counts


def counting(schema: str, table: str) -> str:
    """Return the question for how many rows a table has of its own."""
    return f"select count(*) from only {sql.name(schema)}.{sql.name(table)}"


def _settle(completed: Sequence[Completed], tail: bytes, *, has_tables: bool) -> None:
    for one in completed:
        asking.require(one, "pg_dump")
    if not tail or (has_tables and not tail.endswith(_END_OF_DATA)):
        raise RunFailed(
            "pg_dump ended well, but its copy has no end: is the disk full, or something in between broken?"
        )
