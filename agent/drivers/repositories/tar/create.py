"""Makes backups: everything into a directory that is no backup yet, then its seal, then its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from msgspec import structs

from agent import __version__
from agent.digests import blake3, sha256
from agent.drivers.repositories.tar import commands, contents, layout, record, seal, setup, sources
from agent.drivers.repositories.tar.contents import Contents
from agent.drivers.repositories.tar.job import Job, programs
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.state import State
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.host import durable
from agent.host.output import visible
from agent.host.scratch import remove_whole
from agent.model.backups import Backup


def create(site: Site, request: Request) -> Backup:
    """Make a backup, as `Repository.create`; whoever calls this holds the lock of the series."""
    setup.require(site)
    versions = commands.versions(site.tools.processes, programs(site, request))
    paths = sources.checked(request)
    if not paths and not request.databases:
        raise RunFailed("there is nothing to back up: name paths or databases")
    began = site.tools.clock.now().timestamp()
    series = layout.series(site.path, request.host, request.task)
    draft = os.path.join(series, f"{layout.PARTIAL}{int(began)}-{os.getpid()}")
    job = Job(site=site, request=request, paths=paths, state=State(site), draft=draft, versions=versions)
    try:
        os.makedirs(series, mode=0o700, exist_ok=True)
        os.mkdir(draft, 0o700)
        with _all_or_nothing(job):
            found = contents.put(job)
            backup = _described(job, found, began)
            identity = _seal(job, found, backup)
            _name(job, found, identity)
    except OSError as error:
        where = visible(os.fsencode(error.filename)) if isinstance(error.filename, str | bytes) else site.path
        raise RunFailed(f"cannot back up to {site.path}: {where}: {error.strerror}") from error
    return structs.replace(backup, id=identity, repository=site.name)


@contextlib.contextmanager
def _all_or_nothing(job: Job) -> Iterator[None]:
    """Whatever goes wrong, give the room back that was taken."""
    try:
        yield
    except BaseException:
        # What cannot be removed now is no backup either, and a sweep will see to it.
        with contextlib.suppress(RunFailed, OSError):
            remove_whole(job.draft)
        with contextlib.suppress(RunFailed, OSError):
            job.state.abandon()
        raise


def _described(job: Job, found: Contents, began: float) -> Backup:
    return Backup(
        id="",
        repository="",
        host=job.request.host,
        task=job.request.task,
        level=found.basis.level,
        parent=found.basis.parent,
        began=began,
        ended=job.site.tools.clock.now().timestamp(),
        parts=tuple(found.parts),
        files=found.objects,
        flaws=found.flaws,
        version=__version__,
    )


def _seal(job: Job, found: Contents, backup: Backup) -> str:
    """Write the record and the sums of all files, down to the disk; return the id that they make."""
    content = record.encode(backup, contents.told(job, found))
    durable.write_new(os.path.join(job.draft, layout.RECORD), content)
    listed = seal.encode({**found.sums, layout.RECORD: blake3(content).hexdigest()})
    durable.write_new(os.path.join(job.draft, layout.SUMS), listed)
    durable.sync_directory(job.draft)
    return layout.make_id(backup.began, backup.level, sha256(listed).hexdigest())


def _name(job: Job, found: Contents, identity: str) -> None:
    """Make the draft the backup of that id, and tar's state the one of it."""
    place = os.path.join(os.path.dirname(job.draft), identity)
    if found.archive is not None:
        job.state.commit(identity, found.basis.keep, fine=found.archive.fine)
    try:
        durable.rename(job.draft, place)
    except OSError:
        # A name that may not have reached the disk is no name.
        with contextlib.suppress(OSError):
            os.rename(place, job.draft)
        with contextlib.suppress(RunFailed, OSError):
            job.state.forget(identity)
        raise
