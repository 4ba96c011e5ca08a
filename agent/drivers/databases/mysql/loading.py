"""A database of a server that a copy is loaded into."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.drivers.databases.mysql import feed, sql
from agent.drivers.databases.mysql.connection import Connection, ask
from agent.errors import RunFailed
from agent.host.output import visible
from agent.ports import Completed, Program

_FEEDING = (sys.executable, "-I", "-W", "ignore::RuntimeWarning:runpy", "-m", feed.__name__)
"""Python warns, among the words of the client, of a program that is a module of a package imported by itself."""


class Loading:
    """`agent.drivers.database.Target`. `make` is called before each loading, and leaves an empty database."""

    def __init__(self, tools: Tools, connection: Callable[[], Connection], make: Callable[[], None]) -> None:
        self._tools = tools
        self._connection = connection
        self._make = make
        self._wanted: tuple[str, ...] = ()

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        """As `Target.loading`. A table comes with its rows, indexes, constraints and triggers."""
        self._make()
        self._wanted = tuple(tables)
        client = self._connection().client("--binary-mode", "--batch", "--local-infile=0")
        feeding = (*_FEEDING, json.dumps(self._wanted))
        return (Program(replace(client, argv=(*feeding, *client.argv)), source, None),)

    def settle(self, completed: Sequence[Completed]) -> None:
        """As `Target.settle`."""
        for one in completed:
            asking.require(one, "loading a dump into MariaDB")
        if missing := sorted(set(self._wanted) - set(self._tables())):
            raise RunFailed(f"the backup has no table {visible(missing[0])!r}")

    def counts(self) -> Mapping[str, int]:
        """As `Target.counts`."""
        tables = self._tables()
        text = "".join(f"{sql.counting(table)};\n" for table in tables)
        return dict(zip(tables, ask(self._tools, self._connection(), text), strict=True))

    def query(self, text: str) -> str:
        """As `Target.query`."""
        connection = self._connection()
        # As a document of XML, an answer tells every value from every other, and NULL from all.
        command = connection.client("--xml", "--binary-mode")
        completed, output = asking.answer(self._tools, command, text.encode())
        asking.require(completed, f"MariaDB, database {connection.database!r}")
        return _first(output.decode("utf-8", "replace"))

    def _tables(self) -> list[str]:
        connection = self._connection()
        question = sql.TABLES.format(sql.value(connection.database))
        return [table for table, _ in ask(self._tools, connection, f"{question};\n")]


def _first(document: str) -> str:
    """Return the first field of the first row of an answer in XML, empty for none and for NULL."""
    _, row, rest = document.partition("<row>")
    _, _, field = rest.partition("<field ")
    attributes, _, text = field.partition(">")
    if not row or attributes.endswith("/"):
        return ""
    text = text.partition("</field>")[0]
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    return text
