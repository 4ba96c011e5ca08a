"""Takes the copy of a database into a file of a backup."""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from agent.drivers.database import Database
from agent.drivers.repositories.tar import flow, layout
from agent.drivers.repositories.tar.flow import Read
from agent.drivers.repositories.tar.job import Job
from agent.drivers.repositories.tar.sink import sinking
from agent.errors import RunFailed
from agent.model.backups import Part

_TAIL = 4096
_BUFFER = 1 << 17


class Dumped(Struct, frozen=True):
    """A part of a backup, the name of its file, and the BLAKE3 of that."""

    part: Part
    name: str
    digest: str


def take(job: Job, database: Database, progress: Callable[[int], None]) -> Dumped:
    """Copy a database into the draft of a backup; `progress` is told how many bytes it wrote.

    Raises RunFailed unless the copy is complete, StopRequested, OSError.
    """
    site = job.site
    with database.dumping() as dump:
        name = f"{layout.database_file(database.name, dump.suffix)}{site.encryption.suffix}"
        if not layout.is_name(name):
            raise RunFailed(f"{name!r} cannot name a file of a repository: give the database another name")
        passing = _Passing(progress)
        with sinking(job.writers(), os.path.join(job.draft, name)) as (sink,):
            completed, sums = flow.pump(site, dump.programs, (sink,), passing.take)
            dump.settle(completed, bytes(passing.tail))
            part = Part(
                kind=database.engine,
                name=database.name,
                form=dump.form,
                bytes=passing.count,
                stored=sink.size,
                counts=dump.counts,
                bounds=dump.bounds,
                facts=dump.facts,
            )
            return Dumped(part, name, sums[sink.path])


class _Passing:
    """Counts what goes by, and keeps the end of it."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.count = 0
        self.tail = bytearray()
        self._progress = progress

    def take(self, read: Read) -> None:
        buffer = memoryview(bytearray(_BUFFER))
        while got := read(buffer):
            self.count += got
            self.tail += buffer[max(0, got - _TAIL) : got]
            del self.tail[:-_TAIL]
            self._progress(self.count)
