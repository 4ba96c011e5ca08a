"""A PostgreSQL server that archives its log with pgBackRest, and what tests of its repository need."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agent.drivers.database import Tools
from agent.drivers.repositories.pgbackrest import DRIVER
from agent.drivers.repositories.pgbackrest.driver import PgBackRest
from agent.drivers.repository import Request
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Backup, Level
from tests.system.databases import postgresql, servers
from tests.system.databases.postgresql import PostgreSQL

HOST, TASK = "db1", "backup-shop"
_CONFIGURATION = """
[global]
cmd={program}
repo1-path={repository}
lock-path={place}/lock
log-path={place}/log
spool-path={place}/spool
log-level-file=off
repo1-bundle=y
compress-type=zst
start-fast=y
job-retry=0

[demo]
pg1-path={server.data}
pg1-port={server.port}
pg1-socket-path={server.socket}
"""


class Shop:
    """Just what a request needs of a database."""

    name = "shop"
    engine = "postgresql"


class Stanza:
    """A server with its repository. `stop` stops what is at work; `progress` is what was told of it."""

    def __init__(self, server: PostgreSQL, repository: Path, changes: Mapping[str, str]) -> None:
        self.server = server
        self.place = Path(server.socket)
        self.repository = repository
        self.config = self.place / "pgbackrest.conf"
        self.stop = False
        self.progress: list[tuple[int, int, str]] = []
        self.write(changes)

    def write(self, changes: Mapping[str, str]) -> None:
        """Write the configuration of pgBackRest anew, with some words replaced by others."""
        places = {"place": self.place, "repository": self.repository}
        text = _CONFIGURATION.format(program=program(), server=self.server, **places)
        for old, new in changes.items():
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o644)

    @contextlib.contextmanager
    def opened(self, **settings: Any) -> Iterator[PgBackRest]:
        """Open the repository with directories of its own to work in."""
        with tempfile.TemporaryDirectory(prefix="hk-", dir=memory()) as scratch:
            known = {"config": str(self.config), "stanza": "demo", "user": servers.who().pw_name, **settings}
            yield DRIVER("pg", known, self.tools(scratch))

    def tools(self, scratch: str) -> Tools:
        return Tools(
            processes=SystemProcesses(cgroups=False),
            clock=SystemClock(),
            stop=lambda: self.stop,
            progress=lambda *told: self.progress.append(told),
            scratch=scratch,
            keep=f"{scratch}/keep",
        )

    def archived(self) -> None:
        """Have the server begin a new segment of its log, and wait until the last one is in the archive."""
        [before] = self.server.sql("select pg_walfile_name(pg_switch_wal())")
        waiting = f"""do $$ begin for i in 1 .. 2000 loop
            perform pg_stat_clear_snapshot(); perform pg_sleep(0.01);
            if (select last_archived_wal from pg_stat_archiver) >= '{before}' then return; end if;
        end loop; raise 'nothing is archived'; end $$"""
        self.server.sql(waiting)


def program() -> str:
    """Return the path of pgBackRest."""
    return servers.program("pgbackrest")


def request(level: Level, *, host: str = HOST, task: str = TASK, **changes: Any) -> Request:
    """Return a request for a backup of the server."""
    known: dict[str, Any] = {
        "host": host,
        "task": task,
        "level": level,
        "parent": None,
        "now": 0.0,
        "paths": (),
        "exclude": (),
        "one_file_system": False,
        "databases": (Shop(),),
    }
    return Request(**{**known, **changes})


@contextlib.contextmanager
def running(
    changes: Mapping[str, str] = MappingProxyType({}), archiving: Callable[[PostgreSQL], str] | None = None
) -> Iterator[Stanza]:
    """Run a server that archives its log, unless `archiving` gives other lines of its configuration."""

    def push(server: PostgreSQL) -> str:
        command = f"{program()} --config={server.socket}/pgbackrest.conf --stanza=demo archive-push %p"
        return f"archive_mode = on\narchive_command = '{command}'\n"

    with postgresql.running(archiving or push) as server, kept() as repository:
        stanza = Stanza(server, repository, changes)
        for name in ("lock", "log", "spool"):
            servers.run_as_owner(["mkdir", str(stanza.place / name)])
        yield stanza


def memory() -> str:
    """Return where files need no disk: pgBackRest waits until it has each of its many small files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"


@contextlib.contextmanager
def kept() -> Iterator[Path]:
    """A directory for the repository, in one that copies of it may lie in as well."""
    with tempfile.TemporaryDirectory(prefix="hk-repo-", dir=memory()) as name:
        if os.geteuid() == 0:
            os.chown(name, servers.who().pw_uid, -1)
        servers.run_as_owner(["mkdir", f"{name}/live"])
        yield Path(name, "live")


def copied(stanza: Stanza, into: str) -> Path:
    """Copy the repository beside itself, and have pgBackRest work with the copy; return it."""
    copy = stanza.repository.with_name(into)
    shutil.rmtree(copy, ignore_errors=True)
    servers.run_as_owner(["cp", "-a", str(stanza.repository), str(copy)])
    stanza.write({str(stanza.repository): str(copy)})
    return copy


@pytest.fixture(scope="session")
def shop() -> Iterator[Stanza]:
    """A server with one database of 103 orders, and a chain of three backups."""
    with running() as it:
        it.server.create("shop")
        it.server.sql("create table orders (n int primary key, at timestamptz default clock_timestamp())", "shop")
        it.server.sql("insert into orders (n) select generate_series(1, 100)", "shop")
        with it.opened() as repository:
            repository.prepare()
            for level in (Level.FULL, Level.DIFFERENTIAL, Level.INCREMENTAL):
                order(it)
                made(repository, level)
        yield it


def order(shop: Stanza) -> None:
    """Add an order, numbered one above the last."""
    shop.server.sql("insert into orders (n) select max(n) + 1 from orders", "shop")


def made(repository: PgBackRest, level: Level, **changes: Any) -> Backup:
    """Make a backup."""
    return repository.create(request(level, **changes))
