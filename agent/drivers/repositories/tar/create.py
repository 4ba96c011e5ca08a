"""Makes backups: everything into a directory that is no backup yet, then its seal, then its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from hashlib import sha256

from msgspec import Struct, structs

from agent import __version__
from agent.drivers.repositories.tar import archive, commands, dumps, layout, record, seal, setup, sources
from agent.drivers.repositories.tar.basis import Basis, choose, instead
from agent.drivers.repositories.tar.measure import Measure
from agent.drivers.repositories.tar.record import Made
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.state import State
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.host import durable
from agent.host.output import visible
from agent.host.scratch import remove_whole
from agent.model.backups import Backup, Part

_FILES_FORM = "GNU tar, listed incremental"


class _Parts(Struct):
    """A backup so far: what it builds on, its parts, the files that hold them, sums of all files, what is missing."""

    basis: Basis
    parts: list[Part]
    files: dict[str, str]
    sums: dict[str, str]
    flaws: tuple[str, ...] = ()
    objects: int = 0
    manifest: str = ""
    unread: bool = False
    fine: bool = False


def create(site: Site, request: Request) -> Backup:
    """Make a backup, as `Repository.create`; whoever calls this holds the lock of the series."""
    setup.require(site)
    versions = commands.versions(site.tools.processes, _programs(site, request))
    paths = sources.checked(request)
    if not paths and not request.databases:
        raise RunFailed("there is nothing to back up: name paths or databases")
    began = site.tools.clock.now().timestamp()
    state = State(site)
    series = layout.series(site.path, request.host, request.task)
    draft = os.path.join(series, f"{layout.PARTIAL}{int(began)}-{os.getpid()}")
    try:
        os.makedirs(series, mode=0o700, exist_ok=True)
        os.mkdir(draft, 0o700)
        with _all_or_nothing(draft, state):
            found = _fill(site, request, paths, choose(site, request, paths, state), state, draft, versions)
            basis = found.basis
            backup = Backup(
                id="",
                repository="",
                host=request.host,
                task=request.task,
                level=basis.level,
                parent=basis.parent,
                began=began,
                ended=site.tools.clock.now().timestamp(),
                parts=tuple(found.parts),
                files=found.objects,
                flaws=found.flaws,
                version=__version__,
            )
            made = _made(site, request, paths, found, versions)
            identity = _seal(draft, backup, made, found.sums)
            if paths:
                state.commit(identity, basis.keep, fine=found.fine)
            try:
                durable.rename(draft, os.path.join(series, identity))
            except OSError:
                _take_back(os.path.join(series, identity), draft)
                state.forget(identity)
                raise
    except OSError as error:
        where = visible(os.fsencode(error.filename)) if isinstance(error.filename, str | bytes) else site.path
        raise RunFailed(f"cannot back up to {site.path}: {where}: {error.strerror}") from error
    return structs.replace(backup, id=identity, repository=site.name)


@contextlib.contextmanager
def _all_or_nothing(draft: str, state: State) -> Iterator[None]:
    """Whatever goes wrong, give the room back that was taken."""
    try:
        yield
    except BaseException:
        # What cannot be removed now is no backup either, and a sweep will see to it.
        with contextlib.suppress(RunFailed, OSError):
            remove_whole(draft)
        with contextlib.suppress(RunFailed, OSError):
            state.abandon()
        raise


def _take_back(place: str, draft: str) -> None:
    """A name that may not have reached the disk is no name."""
    with contextlib.suppress(OSError):
        os.rename(place, draft)


def _programs(site: Site, request: Request) -> tuple[str, ...]:
    encrypting = {"age": ("age",), "gnupg": ("gpg",)}.get(site.encryption.kind, ())
    return (*(("tar",) if request.paths else ()), "zstd", *encrypting)


def _fill(
    site: Site,
    request: Request,
    paths: tuple[str, ...],
    basis: Basis,
    state: State,
    draft: str,
    versions: Mapping[str, str],
) -> _Parts:
    found = _Parts(basis, [], {}, {})
    measure = Measure(site, request, paths, basis.level.value)
    for database in request.databases:
        dumped = dumps.take(site, database, draft, versions, measure.progress)
        if dumped.part.name in found.files or dumped.part.name == record.FILES_PART:
            raise RunFailed(f"two parts of this backup are called {dumped.part.name!r}: rename a database")
        found.parts.append(dumped.part)
        found.files[dumped.part.name] = dumped.name
        found.sums[dumped.name] = dumped.digest
        measure.completed()
    if paths:
        since = request.parent.began if basis.parent and request.parent is not None else None
        made = archive.make(site, request, paths, state.draft, draft, versions, measure.progress, since)
        if made.torn:
            for name in made.sums:
                remove_whole(os.path.join(draft, name))
            found.basis = basis = instead(request, state, "a file with several names was moved by some of them")
            made = archive.make(site, request, paths, state.draft, draft, versions, measure.progress, None)
        sources.still_there(paths)
        facts = dict(basis.facts)
        if made.complaints.left_out:
            facts["left out"] = "; ".join(made.complaints.left_out)
        found.parts.insert(
            0,
            Part(
                kind=record.FILES_PART,
                name=record.FILES_PART,
                form=_FILES_FORM,
                bytes=made.bytes,
                stored=made.stored,
                facts=facts,
            ),
        )
        found.files[record.FILES_PART] = made.name
        found.sums.update(made.sums)
        found.flaws, found.unread = made.complaints.flaws, made.complaints.unread
        found.objects, found.manifest, found.fine = made.files, made.manifest, made.fine
        measure.completed()
    measure.remember()
    return found


def _made(site: Site, request: Request, paths: tuple[str, ...], found: _Parts, versions: Mapping[str, str]) -> Made:
    plain = not site.encryption.kind
    return Made(
        files=found.files,
        manifest=found.manifest,
        encryption=site.encryption.kind,
        selection=sources.selection(paths, request),
        unread=found.unread,
        sources=paths if plain else (),
        exclude=request.exclude if plain else (),
        one_file_system=request.one_file_system,
        programs=versions,
        options=sources.options(request if plain else structs.replace(request, exclude=())) if paths else (),
    )


def _seal(draft: str, backup: Backup, made: Made, sums: dict[str, str]) -> str:
    """Write the record and the sums of all files, down to the disk; return the id that they make."""
    content = record.encode(backup, made)
    durable.write_new(os.path.join(draft, layout.RECORD), content)
    listed = seal.encode({**sums, layout.RECORD: sha256(content).hexdigest()})
    durable.write_new(os.path.join(draft, layout.SUMS), listed)
    durable.sync_directory(draft)
    return layout.make_id(backup.began, backup.level, sha256(listed).hexdigest())
