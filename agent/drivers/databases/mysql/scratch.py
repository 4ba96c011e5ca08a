"""A server of our own, to try copies with."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from agent.drivers import asking, serving
from agent.drivers.database import Target, Tools
from agent.drivers.databases.mysql import sql
from agent.drivers.databases.mysql.connection import Connection, ask, write_options
from agent.drivers.databases.mysql.loading import Loading
from agent.errors import RunFailed

_SERVER = ("mariadbd", "mysqld")
_INSTALL = ("mariadb-install-db", "mysql_install_db")
_ADVICE = "install mariadb-server"
_OPTIONS = (
    *("--skip-networking", "--skip-log-bin", "--event-scheduler=off", "--performance-schema=off", "--local-infile=0"),
    *("--max-allowed-packet=1G", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
    *("--skip-innodb-doublewrite", "--innodb-buffer-pool-size=64M", "--innodb-fast-shutdown=2", "--max-connections=16"),
    "--innodb-buffer-pool-dump-at-shutdown=off",
)


@contextmanager
def scratch(tools: Tools, facts: Mapping[str, str]) -> Iterator[Target]:
    """Run a server that nobody but its user can come to, with one empty database as the facts say."""
    mariadbd = _server(tools, facts.get("version", ""))
    install = asking.program(_INSTALL, asking.search_path(), _ADVICE)
    user = serving.keeper(("mysql",))
    with serving.place(tools, user) as place, serving.socket_place(place, user) as sockets:
        data, listening = os.path.join(place, "data"), os.path.join(sockets, "socket")
        options = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
        letters = f"--lower-case-table-names={facts.get('lower_case_table_names', '0')}"
        argv = [install, "--no-defaults", f"--datadir={data}", letters, *options]
        # A server that starts removes what others of its user have in the directory for temporary tables.
        apart = {"TMPDIR": place}
        command = asking.command(argv, user=user, environment=apart, directory=place)
        made, output = asking.answer(tools, command)
        if made.code != 0:
            told = output.decode("utf-8", "replace")
            raise RunFailed(f"a server of its own could not be made: {asking.said(made)}: {asking.shortened(told)}")
        argv = [mariadbd, "--no-defaults", f"--datadir={data}", f"--socket={listening}", letters]
        argv += [f"--pid-file={place}/pid", f"--tmpdir={place}", *_OPTIONS]
        server = asking.command(argv, user=user, environment=apart, directory=place)
        with serving.place(tools, None) as ours, serving.serving(tools, server, lambda: _ready(listening)):
            name = facts.get("database") or "restored"
            settings = {"user": "root", "socket": listening, "host": None, "password_file": None}
            connection = Connection(write_options(settings, ours), name)
            _make_accounts(tools, connection, facts.get("definers", ""))
            make = partial(make_empty, tools, connection, name, facts)
            make()
            yield Loading(tools, lambda: connection, make)


def _server(tools: Tools, wanted: str) -> str:
    """Return the path of a server that takes dumps of a version."""
    if wanted and "mariadb" not in wanted.lower():
        raise RunFailed(f"the copy is one of MySQL {wanted}, and servers of its own are only made of MariaDB")
    path = asking.program(_SERVER, asking.search_path(), _ADVICE)
    completed, output = asking.answer(tools, asking.command([path, "--version"], timeout=asking.SHORT))
    asking.require(completed, path)
    found = output.decode("ascii", "replace").partition("Ver")[2]
    if _major(found) < _major(wanted):
        here, there = (".".join(map(str, _major(version))) for version in (found, wanted))
        raise RunFailed(
            f"mariadbd on this host is of version {here}, older than the {there} of the copy: {_ADVICE} {there}"
        )
    return path


def _major(version: str) -> tuple[int, ...]:
    numbers = re.search(r"(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _ready(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def _make_accounts(tools: Tools, connection: Connection, definers: str) -> None:
    """Make the accounts in whose names views, routines and triggers of the copy act."""
    made = []
    for definer in filter(None, definers.split("\n")):
        user, _, host = definer.rpartition("@")
        account = f"{sql.name(user)}@{sql.name(host)}"
        made.append(f"create user if not exists {account};\ngrant all privileges on *.* to {account};\n")
    ask(tools, connection, "".join(made), database="")


def make_empty(tools: Tools, connection: Connection, name: str, facts: Mapping[str, str]) -> None:
    """Make an empty database as facts say, in the place of one of that name."""
    words = {"character set": facts.get("character_set"), "collate": facts.get("collation")}
    how = "".join(f" {word} {sql.name(text)}" for word, text in words.items() if text)
    dropped = f"drop database if exists {sql.name(name)};\n"
    ask(tools, connection, f"{dropped}create database {sql.name(name)}{how};\n", database="")
