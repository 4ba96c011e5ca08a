"""Copies of databases, written to files that restic reads with the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence

from agent.drivers.database import Database, Dump
from agent.drivers.repositories.restic.site import DESCRIPTION, Site
from agent.errors import RunFailed
from agent.host import durable
from agent.host.scratch import make_private, remove_whole
from agent.model.backups import Part
from agent.ports import Piped, StopRequested

_TAIL = 4096


def copy(site: Site, databases: Sequence[Database]) -> tuple[tuple[Part, ...], dict[str, str]]:
    """Write a copy of each database below `site.parts`, which is made anew; return the parts, and where each copy is.

    Copies are not compressed, and each is in the same place in every run, so that restic finds again what has not
    changed. Raises RunFailed, StopRequested.
    """
    remove_whole(site.parts)
    make_private(site.parts)
    parts, files = [], {}
    for database in databases:
        with database.dumping() as dump:
            path = os.path.join(site.parts, f"database-{database.name}{dump.suffix}")
            size = _written(site, dump, path)
        files[database.name] = path
        parts.append(
            Part(
                kind=database.engine,
                name=database.name,
                form=dump.form,
                bytes=size,
                stored=0,
                counts=dump.counts,
                bounds=dump.bounds,
                facts=dump.facts,
            )
        )
    return tuple(parts), files


def describe(site: Site, content: bytes) -> None:
    """Write the record of the backup beside the copies. Raises RunFailed."""
    try:
        durable.write_new(os.path.join(site.parts, DESCRIPTION), content)
    except OSError as error:
        raise RunFailed(f"cannot write below {site.parts}: {error.strerror}") from error


def _written(site: Site, dump: Dump, path: str) -> int:
    """Run the programs of a dump into a file; return its size."""
    tools = site.tools
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RunFailed(f"cannot write {path}: {error.strerror}") from error
    try:
        with tools.processes.piped(dump.programs(descriptor), tools.stop) as running:
            pass
        _settle(dump, running, descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _settle(dump: Dump, running: Piped, descriptor: int) -> None:
    if any(one.stopped for one in running.completed):
        raise StopRequested
    size = os.fstat(descriptor).st_size
    dump.settle(running.completed, os.pread(descriptor, _TAIL, max(0, size - _TAIL)))
