"""The programs of PostgreSQL, and what a server of our own is asked with them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.drivers import asking
from agent.drivers.database import Tools
from agent.errors import RunFailed
from agent.host.programs import find
from agent.host.users import account

_DATABASES = "select to_json(datname) from pg_database where datallowconn and not datistemplate order by datname"
_TABLES = """\
select json_build_array(format('%I.%I', n.nspname, c.relname), format('select count(*) from only %I.%I;',
n.nspname, c.relname)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' order by 1::text"""
"""Tables with rows of their own: those of a partitioned one are in its partitions."""


def program(tools: Tools, name: str, major: str) -> str:
    """Return the path of a program of PostgreSQL of exactly a major version, any for an empty one.

    Raises RunFailed with what to install.
    """
    versions = sorted(_numbers("/usr/lib/postgresql"), key=int, reverse=True)
    own = [f"/usr/lib/postgresql/{version}/bin" for version in ([major] if major else versions)]
    for place in (*own, *([f"/usr/pgsql-{major}/bin"] if major else []), *asking.search_path().split(":")):
        found = find(name, place, "/", account(None))
        if not found.problem and (not major or _major(tools, found.path) == major):
            return found.path
    package = "postgresql" if name == "postgres" else "postgresql-client"
    wanted = f"{package}-{major}" if major else package
    raise RunFailed(f"there is no program {name} of PostgreSQL {major or 'at all'} on this host: install {wanted}")


def _numbers(place: str) -> list[str]:
    try:
        return [name for name in os.listdir(place) if name.isdigit()]
    except OSError:
        return []


def _major(tools: Tools, path: str) -> str:
    _, output = asking.answer(tools, asking.command([path, "--version"], timeout=asking.SHORT))
    match = re.search(rb"\(PostgreSQL\) (\d+)", output)
    return match[1].decode() if match else ""


Output = bytes


class Server(Struct):
    """`agent.drivers.physical.Recovered`. `way` are variables of libpq that lead there, `user` is whom it lets in.

    `name` is the policy's for the database that was backed up.
    """

    tools: Tools
    way: Mapping[str, str]
    user: str | None
    name: str
    bytes: int
    files: int

    def databases(self) -> tuple[str, ...]:
        """Return the databases that can be come to."""
        return tuple(self._values(_DATABASES, "postgres"))

    def counts(self) -> Mapping[str, int]:
        """As `Recovered.counts`."""
        found: dict[str, int] = {}
        for database in self.databases():
            tables = self._values(_TABLES, database)
            rows = self._ask("\n".join(statement for _, statement in tables), database).split()
            found |= {f"{database}.{key}": int(row) for (key, _), row in zip(tables, rows, strict=True)}
        return found

    def query(self, text: str, database: str = "") -> str:
        """As `Recovered.query`."""
        there = self.databases()
        if not database or (database == self.name and database not in there):
            made = [name for name in there if name != "postgres"]
            database = made[0] if len(made) == 1 else "postgres"
        # A statement that began with a backslash would be one of psql's own commands.
        return self._psql(database, b"", "-z0", f"--command= {text}").partition(b"\0")[0].decode("utf-8", "replace")

    def _values(self, text: str, database: str) -> list[Any]:
        return [json.loads(line) for line in self._ask(text, database).split("\n") if line]

    def _ask(self, text: str, database: str) -> str:
        return self._psql(database, text.encode(), "--file=-").decode()

    def _psql(self, database: str, text: Output, *options: str) -> Output:
        argv = (program(self.tools, "psql", ""), "-XqAt", "--no-password", "--set=ON_ERROR_STOP=1", *options)
        environment = {**self.way, "PGDATABASE": database, "PGCLIENTENCODING": "UTF8"}
        asked = asking.command(argv, user=self.user, environment=environment)
        completed, output = asking.answer(self.tools, asked, text)
        asking.require(completed, f"the server that was brought back, database {database!r}")
        return output
