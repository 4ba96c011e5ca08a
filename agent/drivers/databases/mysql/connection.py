"""How to come to a server: the file of options that its programs read, with the password in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from agent.drivers import asking, serving
from agent.drivers.database import Tools
from agent.drivers.databases.mysql import sql
from agent.host.durable import write_new
from agent.ports import Command

CLIENT = ("mariadb", "mysql")
DUMP = ("mariadb-dump", "mysqldump")
ADVICE = "install mariadb-client"
_CONNECT_SECONDS = 15
_PACKET = "1G"


class Connection(Struct, frozen=True):
    """A file of options, the database that is meant, and whom programs run as."""

    options: str
    database: str
    user: str | None = None

    def client(self, *argv: str, database: str | None = None, timeout: float = asking.LONG) -> Command:
        """Return the client, in a database: that of the connection, another, or none for the empty name."""
        wanted = self.database if database is None else database
        chosen = [f"--database={wanted}"] if wanted else []
        return self._command(CLIENT, [f"--max-allowed-packet={_PACKET}", *argv, *chosen], timeout)

    def dump(self, *argv: str) -> Command:
        """Return the program that dumps."""
        return self._command(DUMP, [f"--max-allowed-packet={_PACKET}", *argv], asking.LONG)

    def _command(self, names: tuple[str, ...], argv: list[str], timeout: float) -> Command:
        # Nothing is read of what the host or a user have for their own sessions: it could change what a dump says.
        program = asking.program(names, asking.search_path(), ADVICE)
        return asking.command([program, f"--defaults-file={self.options}", *argv], user=self.user, timeout=timeout)


@contextmanager
def reaching(settings: Mapping[str, Any], tools: Tools) -> Iterator[Connection]:
    """Within the context the server can be come to. Raises RunFailed when the password cannot be read."""
    with serving.place(tools, None) as place:
        yield Connection(write_options(settings, place), settings["database"])


def lasting(settings: Mapping[str, Any], tools: Tools, patience: int) -> Connection:
    """Return a way to the server for as long as the scratch directory is there. Raises RunFailed.

    No statement of the client waits for a table that others hold for longer than `patience`, in seconds.
    """
    place = tempfile.mkdtemp(dir=tools.scratch)
    return Connection(write_options(settings, place, patience), settings["database"])


def write_options(settings: Mapping[str, Any], place: str, patience: int | None = None) -> str:
    """Given a directory of ours, write a file of options there; return its path. `patience` is as in `lasting`."""
    options = {"user": settings["user"], "default-character-set": "utf8mb4"}
    if settings["socket"] is not None:
        options |= {"protocol": "socket", "socket": settings["socket"]}
    elif settings["host"] is not None:
        options |= {"protocol": "tcp", "host": settings["host"], "port": str(settings["port"] or 3306)}
    if settings["password_file"] is not None:
        options["password"] = asking.password(settings["password_file"])
    lines = [f'{word}="{_escaped(text)}"' for word, text in options.items() if text is not None]
    path = os.path.join(place, "options")
    own = f"[mysql]\nconnect-timeout={_CONNECT_SECONDS}\n"
    if patience is not None:
        own += f'init-command="set session lock_wait_timeout = {patience}"\n'
    write_new(path, ("[client]\n" + "\n".join(lines) + "\n" + own).encode())
    return path


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def ask(
    tools: Tools, connection: Connection, text: str, *, database: str | None = None, timeout: float = asking.LONG
) -> list[Any]:
    """Given statements, return the values of their answers, which have to be JSON. Raises RunFailed."""
    command = connection.client("--batch", "--raw", "--skip-column-names", database=database, timeout=timeout)
    completed, output = asking.answer(tools, command, text.encode())
    asking.require(completed, f"MariaDB, database {connection.database!r}")
    return sql.decoded(output)
