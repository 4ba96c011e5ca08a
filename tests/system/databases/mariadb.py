"""A MariaDB server for tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.system.databases import servers


class MariaDB:
    """See `servers.Server`. `socket` is the socket."""

    engine = "mysql"

    def __init__(self, directory: Path, secrets: Path, port: int) -> None:
        self.socket = str(directory / "socket")
        self.owner = pwd.getpwuid(os.geteuid()).pw_name
        self.port = port
        self.data = directory / "data"
        self.password_file = servers.password_file(secrets)

    def client(self, database: str, *, user: str = "admin") -> list[str]:
        """Return the command with which an account sends statements to a database by the socket."""
        options = ["--no-defaults", f"--socket={self.socket}", f"--user={user}", "--default-character-set=utf8mb4"]
        return [servers.program("mariadb"), *options, "--batch", "--skip-column-names", f"--database={database}"]

    def sql(self, text: str, database: str = "") -> list[str]:
        return servers.run(self.client(database), text=text).splitlines()

    def settings(self, database: str, *, by: str = "admin", tcp: bool = False) -> dict[str, Any]:
        return {
            "database": database,
            "socket": None if tcp else self.socket,
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.owner if by == "owner" else by,
            "password_file": self.password_file if by == "keeper" else None,
        }

    def create(self, database: str) -> None:
        self.sql(f"create database {quoted(database)} character set utf8mb4")

    def drop(self, database: str) -> None:
        self.sql(f"drop database if exists {quoted(database)}")


def quoted(name: str) -> str:
    """Return a name as SQL wants it."""
    return "`" + name.replace("`", "``") + "`"


@contextlib.contextmanager
def running() -> Iterator[MariaDB]:
    """Run a server in a directory of its own below /tmp; end it, and remove the directory, afterwards."""
    with servers.place("hk-my-") as directory, servers.place("hk-pw-") as secrets:
        server = MariaDB(directory, secrets, servers.free_port())
        secrets.chmod(0o700)
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        install = [servers.program("mariadb-install-db"), "--no-defaults", f"--datadir={server.data}", *options]
        servers.run_as_owner(install, directory)
        argv = [
            *(servers.program("mariadbd"), "--no-defaults", f"--datadir={server.data}", f"--socket={server.socket}"),
            *(
                "--bind-address=127.0.0.1",
                f"--port={server.port}",
                f"--pid-file={directory}/pid",
                f"--tmpdir={directory}",
            ),
            *("--innodb-flush-method=nosync", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"),
            *("--performance-schema=off", "--skip-name-resolve", "--max-connections=40", "--event-scheduler=off"),
        ]
        ready = [*server.client("mysql", user="root"), "--execute=select 1"]
        with servers.serving(argv, secrets / "log", ready, end=signal.SIGTERM):
            servers.run(server.client("mysql", user="root"), text=_accounts(server.owner))
            yield server


def _accounts(owner: str) -> str:
    password = servers.PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    accounts = {
        "admin@localhost": "",
        "admin@127.0.0.1": "",
        "keeper@localhost": f" identified by '{password}'",
        "keeper@127.0.0.1": f" identified by '{password}'",
        f"'{owner}'@localhost": " identified via unix_socket",
    }
    return "".join(
        f"create or replace user {who}{how};\ngrant all privileges on *.* to {who} with grant option;\n"
        for who, how in accounts.items()
    )
