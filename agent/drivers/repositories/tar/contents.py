"""Puts into a backup what was asked for: the copy of each database, and the archive of the files."""

from __future__ import annotations

import os

from msgspec import Struct, structs

from agent.drivers.repositories.tar import archive, dumps, record, sources
from agent.drivers.repositories.tar.archive import Archive
from agent.drivers.repositories.tar.basis import Basis, choose, instead
from agent.drivers.repositories.tar.job import Job
from agent.drivers.repositories.tar.measure import Measure
from agent.drivers.repositories.tar.record import Made
from agent.errors import RunFailed
from agent.host.scratch import remove_whole
from agent.model.backups import Part

_FORM = "GNU tar, listed incremental"


class Contents(Struct):
    """What a backup builds on, and what is in it: parts, the files that hold them, and the sums of all files."""

    basis: Basis
    parts: list[Part]
    files: dict[str, str]
    sums: dict[str, str]
    archive: Archive | None = None

    @property
    def flaws(self) -> tuple[str, ...]:
        """What is missing, one sentence each."""
        return self.archive.complaints.flaws if self.archive else ()

    @property
    def objects(self) -> int:
        """How many objects there are that are no directories."""
        return self.archive.files if self.archive else 0


def put(job: Job) -> Contents:
    """Write everything that a job asks for into its draft. Raises RunFailed, StopRequested, OSError."""
    found = Contents(choose(job), [], {}, {})
    measure = Measure(job.site, job.request, job.paths, found.basis.level.value)
    for database in job.request.databases:
        dumped = dumps.take(job, database, measure.progress)
        name = dumped.part.name
        if name in found.files or name == record.FILES_PART:
            raise RunFailed(f"two parts of this backup are called {name!r}: give the database another name")
        found.parts.append(dumped.part)
        found.files[name] = dumped.name
        found.sums[dumped.name] = dumped.digest
        measure.completed()
    if job.paths:
        found.archive = _archive(job, found, measure)
        found.parts.insert(0, _part(found.archive, found.basis))
        found.files[record.FILES_PART] = found.archive.name
        found.sums.update(found.archive.sums)
        measure.completed()
    measure.remember()
    return found


def _archive(job: Job, found: Contents, measure: Measure) -> Archive:
    parent = job.request.parent
    since = parent.began if found.basis.parent and parent is not None else None
    made = archive.make(job, measure.progress, since)
    if made.torn:
        for name in made.sums:
            remove_whole(os.path.join(job.draft, name))
        found.basis = instead(job, "a file with several names was moved by some of them")
        made = archive.make(job, measure.progress, None)
    sources.still_there(job.paths)
    return made


def _part(made: Archive, basis: Basis) -> Part:
    facts = dict(basis.facts)
    if made.complaints.left_out:
        facts["left out"] = "; ".join(made.complaints.left_out)
    name = record.FILES_PART
    return Part(kind=name, name=name, form=_FORM, bytes=made.bytes, stored=made.stored, facts=facts)


def told(job: Job, found: Contents) -> Made:
    """Return how the backup was made; where it is encrypted, without a name of the host's."""
    plain = not job.site.encryption.kind
    request = job.request if plain else structs.replace(job.request, exclude=())
    return Made(
        files=found.files,
        manifest=found.archive.manifest if found.archive else "",
        encryption=job.site.encryption.kind,
        selection=sources.selection(job.paths, job.request),
        unread=found.archive is not None and found.archive.complaints.unread,
        sources=job.paths if plain else (),
        exclude=request.exclude,
        one_file_system=request.one_file_system,
        programs=job.versions,
        options=sources.options(request) if job.paths else (),
    )
