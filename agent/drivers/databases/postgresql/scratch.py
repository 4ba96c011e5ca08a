"""A server of our own, to try copies with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from agent.drivers import asking, serving
from agent.drivers.database import Target, Tools
from agent.drivers.databases.postgresql import binaries, sql
from agent.drivers.databases.postgresql.connection import Connection, ask
from agent.drivers.databases.postgresql.loading import Loading

_ADMIN = "hostkeeper"
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "max_connections": "16",
    "logging_collector": "off",
}


@contextmanager
def scratch(tools: Tools, facts: Mapping[str, str]) -> Iterator[Target]:
    """Run a server that nobody but its user can come to, with one empty database as the facts say."""
    least = binaries.major(facts.get("version", ""))
    postgres = binaries.program(tools, "postgres", least, "postgresql")
    initdb = os.path.join(os.path.dirname(postgres), "initdb")
    user = serving.keeper(("postgres",))
    with serving.place(tools, user) as place, serving.socket_place(place, user) as sockets:
        data = os.path.join(place, "data")
        options = ("--auth=trust", f"--username={_ADMIN}", "--encoding=UTF8", "--no-locale", "--no-sync")
        made, _ = asking.answer(
            tools, asking.command([initdb, f"--pgdata={data}", *options], user=user, directory=place)
        )
        asking.require(made, "a server of its own could not be made: initdb")
        quoted = '"' + sockets.replace('"', '""') + '"'
        settings = {**_OPTIONS, "unix_socket_directories": quoted}
        argv = [postgres, "-D", data, *(part for word, text in settings.items() for part in ("-c", f"{word}={text}"))]
        server = asking.command(argv, user=user, directory=place)
        with serving.serving(tools, server, lambda: _ready(data)):
            words = {"host": sockets, "port": "5432", "user": _ADMIN, "dbname": "postgres"}
            connection = Connection(words, user, {"PGCLIENTENCODING": "UTF8"})
            name = facts.get("database") or "restored"
            _make_roles(tools, connection, facts)
            make = partial(_make, tools, connection, name, facts)
            make()
            yield Loading(tools, lambda: connection.to(name), least, make, ("--no-tablespaces",))


def _ready(data: str) -> bool:
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="ascii", errors="replace") as file:
            return file.read().rstrip().endswith("ready")
    except OSError:
        return False


def _make_roles(tools: Tools, connection: Connection, facts: Mapping[str, str]) -> None:
    roles = {*json.loads(facts.get("roles") or "[]"), facts.get("owner", "")} - {"", _ADMIN}
    ask(tools, connection, "".join(f"create role {sql.name(role)};\n" for role in sorted(roles)))


def _make(tools: Tools, connection: Connection, name: str, facts: Mapping[str, str]) -> None:
    keeper = connection.to("template1")
    ask(tools, keeper, f"drop database if exists {sql.name(name)} with (force);\n{created(name, facts)};\n")


def created(name: str, facts: Mapping[str, str], tablespace: str = "") -> str:
    """Return the statement that makes an empty database as facts say."""
    words = {"encoding": facts.get("encoding"), "lc_collate": facts.get("collate"), "lc_ctype": facts.get("ctype")}
    if facts.get("provider") == "i":
        words |= {"locale_provider": "icu", "icu_locale": facts.get("locale")}
    how = "".join(f" {word} {sql.value(text)}" for word, text in words.items() if text)
    place = f" tablespace {sql.name(tablespace)}" if tablespace else ""
    owner = f" owner {sql.name(facts['owner'])}" if facts.get("owner") else ""
    return f"create database {sql.name(name)} template template0{how}{owner}{place}"
