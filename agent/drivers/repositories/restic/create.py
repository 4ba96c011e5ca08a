"""Makes a backup: one snapshot of everything, and one that records how it ended."""

from __future__ import annotations

import os
import secrets

from msgspec import structs

from agent.drivers.repositories.restic import dumping, links, passes, sources, tree
from agent.drivers.repositories.restic.engine import Ended, Engine, Streams
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.passes import Summary, Taken
from agent.drivers.repositories.restic.record import FORMAT, RECORD, Record, encode, settled
from agent.drivers.repositories.restic.site import DESCRIPTION
from agent.drivers.repositories.restic.waiting import patiently
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.host.scratch import remove_whole
from agent.model.backups import UNSETTLED, Backup, Level, Part

_FLAWS = 100
"""So many flaws are told one by one; the rest are counted."""

_FACTS = {
    Level.FULL: "every file was read; what the repository had already was not stored again",
    Level.INCREMENTAL: "files whose size and times were those of the backup before were not read; "
    "it can be restored by itself",
}


def create(engine: Engine, records: Records, request: Request) -> Backup:
    """Make a backup. Raises RunFailed, StopRequested, Refused; there is none then, or one whose flaw tells."""
    version = ".".join(map(str, engine.version()))
    sources.require(request.paths)
    if not request.paths and not request.databases:
        raise RunFailed("nothing was backed up: no paths and no databases are named")
    engine.site.make_places()
    try:
        return _created(engine, records, request, version)
    finally:
        remove_whole(engine.site.parts)


def _created(engine: Engine, records: Records, request: Request, version: str) -> Backup:
    site = engine.site
    parts, files = dumping.copy(site, request.databases)
    record = _begun(request, parts, files, version)
    begun = encode(settled(record, (UNSETTLED,)))
    dumping.describe(site, begun)
    number = secrets.token_hex(16)
    taken, first = _taken(engine, records, request, number)
    _require_copies(engine, taken.snapshot, record)
    flaws = [*taken.missing, *taken.changed, *sources.lost(request.paths)]
    flaws += links.bent(engine, taken.snapshot, request.paths)
    now = site.tools.clock.now().timestamp()
    backup = _ended(record.backup, taken.summary, first, len(begun), now)
    record = settled(structs.replace(record, backup=backup), _few(flaws))
    _record(engine, request, number, record, again=first is not None)
    return structs.replace(record.backup, id=taken.snapshot, repository=site.name)


def _taken(engine: Engine, records: Records, request: Request, number: str) -> tuple[Taken, Taken | None]:
    """Have restic read everything, and once more what changed meanwhile; return what is the backup, and what that took
    the place of, if it did."""
    first = passes.take(engine, records, request, number)
    # Where a source went away, the first snapshot is the one that may still have it.
    if not first.changed or any(sources.lost(request.paths)):
        return first, None
    return passes.take(engine, records, request, number, after=first.snapshot), first


def _require_copies(engine: Engine, snapshot: str, record: Record) -> None:
    """Raise RunFailed unless the snapshot has the copy of each database, whole: a pattern might have excluded it."""
    if record.files:
        sizes = tree.sizes(engine, snapshot, engine.site.parts)
        wrong = [name for name, path in record.files.items() if sizes.get(path) != record.sizes[name]]
        if wrong:
            raise RunFailed(
                f"the copies of {', '.join(wrong)} are not in snapshot {snapshot[:8]}, or not whole: it is no good "
                "backup; does a pattern to exclude fit them?"
            )


def _begun(request: Request, parts: tuple[Part, ...], files: dict[str, str], version: str) -> Record:
    """Return what is known of a backup before restic begins."""
    level = request.level if request.parent else Level.FULL
    facts = {
        "level": _FACTS[level],
        "changing files": "read again once; what changed even then is told as a flaw",
        "sockets": "left out",
        "holes": "stored as zeros; a restore makes holes again only with restic 0.15 or newer",
    }
    backup = Backup(
        id="",
        repository="",
        host=request.host,
        task=request.task,
        level=level,
        parent="",
        began=request.now,
        ended=request.now,
        parts=(*(_files(facts) if request.paths else ()), *parts),
        files=0,
        version=f"restic {version}",
    )
    return Record(
        format=FORMAT,
        backup=backup,
        paths=request.paths,
        exclude=request.exclude,
        one_file_system=request.one_file_system,
        files=files,
        sizes={part.name: part.bytes for part in parts},
    )


def _files(facts: dict[str, str]) -> tuple[Part]:
    return (Part(kind="files", name="files", form="restic snapshot", bytes=0, stored=0, facts=facts),)


def _ended(backup: Backup, summary: Summary, first: Taken | None, description: int, now: float) -> Backup:
    """Return the backup with what restic counted. What was stored is the first part's: restic does not divide it."""
    copies = [part for part in backup.parts if part.kind != "files"]
    part, *rest = backup.parts
    if part.kind == "files":
        read = summary.total_bytes_processed - description - sum(copy.bytes for copy in copies)
        part = structs.replace(part, bytes=max(0, read))
        if first:
            again = f"files that changed while they were read: {len(first.changed)}"
            part = structs.replace(part, facts={**part.facts, "read again": again})
    part = structs.replace(part, stored=summary.stored + (first.summary.stored if first else 0))
    files = max(0, summary.total_files_processed - len(copies) - 1)
    return structs.replace(backup, parts=(part, *rest), files=files, ended=now)


def _record(engine: Engine, request: Request, number: str, record: Record, *, again: bool) -> None:
    """Keep how the backup ended, as a snapshot of its own. Raises RunFailed."""
    with engine.site.spool() as file:
        file.write(encode(record))
        file.flush()
        arguments = (
            "backup",
            "--json",
            *("--host", request.host),
            *passes.tags(RECORD, number, request, record.backup.level, again=again),
            *("--stdin", "--stdin-filename", f"/{DESCRIPTION}"),
        )

        def keep() -> Ended:
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            return engine.must(*arguments, streams=Streams(stdin=file.fileno()))

        # Another host may have begun to prune meanwhile; the backup is made, and only this is missing.
        patiently(engine.site.tools, keep)


def _few(flaws: list[str]) -> list[str]:
    more = len(flaws) - _FLAWS
    return [*flaws[:_FLAWS], f"and {more} more"] if more > 0 else flaws
