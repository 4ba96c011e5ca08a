"""A consistent copy of a file that others are writing to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import apsw

from agent.drivers import asking
from agent.drivers.database import Dump, Tools
from agent.drivers.databases.sqlite import files
from agent.errors import RunFailed
from agent.host.scratch import temporary
from agent.ports import Completed, Program

FORM = "sqlite file"
_PAGES = 2048
_PATIENCE = 3
"""How often writers may spoil a copy that does not hold them up."""
_TAIL = 4096


@contextmanager
def dumping(tools: Tools, path: str) -> Iterator[Dump]:
    """Copy the file, with what its WAL holds, into the scratch directory; check and count that copy, and give it.

    It takes as much room there as the file does.
    """
    with temporary(tools.scratch) as place:
        copy = os.path.join(place, "copy")
        mode = _copy(tools, path, copy)
        files.require_whole(copy, tools, f"SQLite, {path} is damaged")
        with files.opened(copy, tools) as connection:
            counts = files.counts(connection)
        with open(copy, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            end = file.read()
        command = asking.command([asking.program(["cat"], asking.search_path(), "install coreutils"), "--", copy])
        yield Dump(
            form=FORM,
            suffix=".sqlite",
            programs=lambda descriptor: (Program(command, None, descriptor),),
            settle=lambda completed, tail: _settle(completed, tail, end),
            counts=counts,
            facts={"version": apsw.sqlite_lib_version(), "journal_mode": mode, "path": path},
        )


def _copy(tools: Tools, path: str, copy: str) -> str:
    """Copy a file page by page; return its journal mode.

    With a WAL one snapshot is read while writers go on. Without one a writer spoils what was copied so far, which then
    begins anew; after some times of that writers are held up for as long as the copy takes.
    """
    with files.opened(path, tools) as source, files.opened(copy, tools, create=True) as target:
        target.pragma("synchronous", "off")
        mode = str(source.pragma("journal_mode"))
        if mode == "wal":
            _hold(source)
        spoilt, done = 0, 0
        with target.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
                now = backup.page_count - backup.remaining
                if now < done + min(_PAGES, backup.page_count - done) and mode != "wal":
                    spoilt += 1
                    if spoilt == _PATIENCE:
                        _hold(source)
                done = now
                tools.progress(now, backup.page_count, "pages")
                if tools.stop():
                    raise RunFailed("the run was asked to stop")
    return mode


def _hold(source: apsw.Connection) -> None:
    """Read one instant of the file from now on."""
    source.execute("begin")
    files.rows(source, "select count(*) from sqlite_schema")


def _settle(completed: Sequence[Completed], tail: bytes, end: bytes) -> None:
    for one in completed:
        asking.require(one, "the copy of a SQLite database could not be read")
    if tail != end:
        raise RunFailed("the copy of a SQLite database did not arrive whole: is the disk full?")
