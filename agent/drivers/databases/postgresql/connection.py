"""How to come to a database: who asks, with which words, and where the password lies meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from msgspec import Struct

from agent.drivers import asking, serving
from agent.drivers.database import Tools
from agent.drivers.databases.postgresql import binaries, conninfo, sql
from agent.errors import RunFailed
from agent.host.durable import write_new
from agent.host.users import account
from agent.ports import Command

_CONNECT_SECONDS = "15"


class Connection(Struct, frozen=True):
    """Words of a connection string, and whom and what its programs run as and with."""

    words: Mapping[str, str]
    user: str | None
    environment: Mapping[str, str]

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.words["dbname"]

    def to(self, database: str) -> Connection:
        """Return the way to another database of the server."""
        return Connection({**self.words, "dbname": database}, self.user, self.environment)

    def option(self) -> str:
        """Return the argument by which every program of PostgreSQL is told where to go."""
        return f"--dbname={conninfo.written(self.words)}"

    def command(self, *argv: str, timeout: float = asking.LONG) -> Command:
        """Return a command that works with the database."""
        return asking.command(
            [*argv, "--no-password", self.option()], user=self.user, environment=self.environment, timeout=timeout
        )


def way(settings: Mapping[str, Any]) -> Connection:
    """Given the settings of a policy, return the way to the database, as yet without its password."""
    words = conninfo.parsed(settings["dsn"])
    home = account(settings["user"])
    if "service" in words and "dbname" not in words:
        raise RunFailed("a dsn that names a service has to name the database too: add dbname=...")
    words = {"dbname": words.get("user") or home.name, "connect_timeout": _CONNECT_SECONDS, **words}
    # What libpq keeps for a user of its own, certificates above all, is below the home directory.
    environment = {"HOME": home.home, "PGCLIENTENCODING": "UTF8", "PGAPPNAME": "hostkeeper"}
    return Connection(words, settings["user"], environment)


@contextmanager
def reaching(settings: Mapping[str, Any], tools: Tools) -> Iterator[Connection]:
    """Within the context the database can be come to; the password, if there is one, lies in a file of its own."""
    found = way(settings)
    with ExitStack() as stack:
        if settings["password_file"] is not None:
            place = stack.enter_context(serving.place(tools, found.user))
            found = with_password(found, settings["password_file"], place)
        yield found


def with_password(found: Connection, password_file: str, place: str) -> Connection:
    """Given a directory that only its user enters, put the password there as libpq reads it; return the way by it.

    Raises RunFailed when the password cannot be read.
    """
    escaped = asking.password(password_file).replace("\\", "\\\\").replace(":", "\\:")
    path = os.path.join(place, "password")
    write_new(path, f"*:*:*:*:{escaped}\n".encode())
    if found.user is not None and os.geteuid() == 0:
        who = account(found.user)
        os.chown(path, who.uid, who.gid)
    return Connection(found.words, found.user, {**found.environment, "PGPASSFILE": path})


def ask(tools: Tools, connection: Connection, text: str, *, timeout: float = asking.LONG) -> list[Any]:
    """Given statements, return the values of their answers, which have to be JSON. Raises RunFailed."""
    psql = binaries.program(tools, "psql", binaries.ANY, "postgresql-client")
    argv = [psql, "-XqAt", "--set=ON_ERROR_STOP=1", "--file=-"]
    completed, output = asking.answer(tools, connection.command(*argv, timeout=timeout), text.encode())
    asking.require(completed, f"PostgreSQL, database {connection.database!r}")
    return sql.decoded(output)
