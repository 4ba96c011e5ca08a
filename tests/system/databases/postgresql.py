"""A PostgreSQL server for tests."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.system.databases import servers

_HBA = """\
local all keeper scram-sha-256
local all admin trust
local all {owner} peer
host all keeper 127.0.0.1/32 scram-sha-256
host all admin 127.0.0.1/32 trust
"""
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{place}'
fsync = off
shared_buffers = 16MB
max_connections = 40
"""


class PostgreSQL:
    """See `servers.Server`. `socket` is the directory of the socket."""

    engine = "postgresql"

    def __init__(self, directory: Path, secrets: Path, port: int) -> None:
        self.socket = str(directory)
        self.owner = servers.who().pw_name
        self.port = port
        self.data = directory / "data"
        self.password_file = servers.password_file(secrets)

    def client(self, database: str) -> list[str]:
        """Return the command with which `admin` sends statements to a database."""
        dsn = conninfo(host=self.socket, port=str(self.port), user="admin", dbname=database or "postgres")
        return [servers.program("psql"), "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", dsn]

    def sql(self, text: str, database: str = "") -> list[str]:
        return servers.run(self.client(database), text=text).splitlines()

    def settings(self, database: str, *, by: str = "admin", tcp: bool = False) -> dict[str, Any]:
        user = {"owner": self.owner}.get(by, by)
        host = "127.0.0.1" if tcp else self.socket
        return {
            "dsn": conninfo(host=host, port=str(self.port), user=user, dbname=database),
            "user": self.owner if by == "owner" else None,
            "password_file": self.password_file if by == "keeper" else None,
        }

    def create(self, database: str) -> None:
        self.sql(f"create database {quoted(database)} template template0")

    def drop(self, database: str) -> None:
        self.sql(f"drop database if exists {quoted(database)} with (force)")


def quoted(name: str) -> str:
    """Return a name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


def conninfo(**words: str) -> str:
    """Return a connection string."""
    return " ".join(f"{key}='{_escaped(value)}'" for key, value in words.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


@contextlib.contextmanager
def running(more: Callable[[PostgreSQL], str] = lambda _server: "") -> Iterator[PostgreSQL]:
    """Run a server in a directory of its own below /tmp; end it, and remove the directory, afterwards.

    `more` gives lines of its configuration.
    """
    with servers.place("hk-pg-") as directory, servers.place("hk-pw-") as secrets:
        server = PostgreSQL(directory, secrets, servers.free_port())
        secrets.chmod(0o700)
        options = ["-U", "admin", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        servers.run_as_owner([servers.program("initdb"), "-D", str(server.data), *options])
        (server.data / "pg_hba.conf").write_text(_HBA.format(owner=server.owner), encoding="utf-8")
        with (server.data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(_CONFIGURATION.format(port=server.port, place=directory) + more(server))
        argv = [servers.program("postgres"), "-D", str(server.data)]
        ready = [*server.client("postgres"), "-c", "select 1"]
        with servers.serving(argv, secrets / "log", ready, end=signal.SIGINT):
            password = servers.PASSWORD.replace("'", "''")
            server.sql(
                f"set standard_conforming_strings = on; create role keeper superuser login password '{password}'"
            )
            server.sql(f"create role {quoted(server.owner)} superuser login")
            yield server
