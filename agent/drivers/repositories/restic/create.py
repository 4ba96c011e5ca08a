"""Makes a backup: one snapshot of everything, and one that records how it ended."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, structs

from agent.drivers.repositories.restic import dumping, links, sources, tree
from agent.drivers.repositories.restic.engine import Ended, Engine, Streams
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.record import (
    BACKUP,
    FORMAT,
    ID,
    LEVEL,
    RECORD,
    TASK,
    Record,
    encode,
    settled,
)
from agent.drivers.repositories.restic.site import DESCRIPTION, Site
from agent.drivers.repositories.restic.waiting import patiently
from agent.drivers.repositories.restic.words import grave
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.host.output import visible
from agent.host.scratch import remove_whole
from agent.model.backups import UNSETTLED, Backup, Level, Part

_FLAWS = 100
"""So many flaws are told one by one; the rest are counted."""

_INCOMPLETE = 3
"""The exit code of a snapshot from which something is missing."""

_FACTS = {
    Level.FULL: "every file was read; what the repository had already was not stored again",
    Level.INCREMENTAL: "files whose size and times were those of the backup before were not read; "
    "it can be restored by itself",
}


class Summary(Struct, kw_only=True):
    """The last line of `restic backup --json`. What is added is told compressed since 0.15."""

    snapshot_id: str
    total_files_processed: int
    total_bytes_processed: int
    data_added: int
    data_added_packed: int | None = None


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
    summary, flaws = _backed_up(engine, request, number)
    snapshot = next((one for one in records.all() if one.has(BACKUP) and one.tagged(ID) == number), None)
    if snapshot is None or not snapshot.id.startswith(summary.snapshot_id):
        raise RunFailed(f"restic says that it made snapshot {summary.snapshot_id}, and {site.name} does not list it")
    _require_copies(engine, snapshot.id, record)
    flaws += [*sources.lost(request.paths), *links.bent(engine, snapshot.id, request.paths)]
    backup = _ended(record.backup, summary, len(begun), site.tools.clock.now().timestamp())
    record = settled(structs.replace(record, backup=backup), _few(flaws))
    _record(engine, request, number, record)
    return structs.replace(record.backup, id=snapshot.id, repository=site.name)


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
        "changing files": "kept as they were while they were read, which restic does not tell",
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


def _ended(backup: Backup, summary: Summary, description: int, now: float) -> Backup:
    """Return the backup with what restic counted. What was stored is the first part's: restic does not divide it."""
    copies = [part for part in backup.parts if part.kind != "files"]
    first, *rest = backup.parts
    if first.kind == "files":
        read = summary.total_bytes_processed - description - sum(part.bytes for part in copies)
        first = structs.replace(first, bytes=max(0, read))
    stored = summary.data_added if summary.data_added_packed is None else summary.data_added_packed
    first = structs.replace(first, stored=stored)
    files = max(0, summary.total_files_processed - len(copies) - 1)
    return structs.replace(backup, parts=(first, *rest), files=files, ended=now)


def _backed_up(engine: Engine, request: Request, number: str) -> tuple[Summary, list[str]]:
    """Let restic make the snapshot; return what it counted, and what is missing."""
    heard: list[Summary] = []
    progress = engine.site.tools.progress

    def hear(line: bytes) -> None:
        said = _object(line)
        if said.get("message_type") == "summary":
            heard.append(_summary(said))
            progress(heard[-1].total_bytes_processed, heard[-1].total_bytes_processed, "bytes")
        elif said.get("message_type") == "status":
            progress(int(said.get("bytes_done", 0)), int(said.get("total_bytes", 0)), "bytes")

    ended = engine.must(*_arguments(engine.site, request, number), hear=hear, well=(0, _INCOMPLETE))
    if not heard or not heard[-1].snapshot_id:
        raise RunFailed("restic ended well and told of no snapshot: nothing is known to have been backed up")
    return heard[-1], list(_missing(ended))


def _summary(said: dict[str, Any]) -> Summary:
    known = {name: said[name] for name in Summary.__struct_fields__ if name in said}
    return Summary(**known)


def _arguments(site: Site, request: Request, number: str) -> tuple[str, ...]:
    level = request.level if request.parent else Level.FULL
    building = ("--parent", request.parent.id) if request.parent and level is Level.INCREMENTAL else ("--force",)
    ours = [path for path in (site.cache, site.directory) if path]
    return (
        "backup",
        "--json",
        *("--host", request.host),
        *_tags(BACKUP, number, request, level),
        *building,
        *(("--one-file-system",) if request.one_file_system else ()),
        *(("--limit-upload", str(max(1, site.limit_upload // 1024))) if site.limit_upload else ()),
        *(word for pattern in request.exclude for word in ("--exclude", pattern)),
        *(word for path in ours for word in ("--exclude", _literally(os.path.normpath(path)))),
        "--",
        *request.paths,
        site.parts,
    )


def _literally(path: str) -> str:
    """Return a pattern that matches one path alone."""
    return "".join(f"\\{sign}" if sign in "\\*?[" else sign for sign in path)


def _tags(kind: str, number: str, request: Request, level: Level) -> tuple[str, ...]:
    tags = (kind, f"{ID}{number}", f"{TASK}{request.task}", f"{LEVEL}{level}")
    return tuple(word for tag in tags for word in ("--tag", tag))


def _record(engine: Engine, request: Request, number: str, record: Record) -> None:
    """Keep how the backup ended, as a snapshot of its own. Raises RunFailed."""
    with engine.site.spool() as file:
        file.write(encode(record))
        file.flush()
        arguments = (
            "backup",
            "--json",
            *("--host", request.host),
            *_tags(RECORD, number, request, record.backup.level),
            *("--stdin", "--stdin-filename", f"/{DESCRIPTION}"),
        )

        def keep() -> Ended:
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            return engine.must(*arguments, streams=Streams(stdin=file.fileno()))

        # Another host may have begun to prune meanwhile; the backup is made, and only this is missing.
        patiently(engine.site.tools, keep)


def _missing(ended: Ended) -> Iterator[str]:
    """Yield a flaw for each thing that restic says it left out."""
    told = set()
    for line in grave(ended.messages):
        said = _object(line.encode())
        if not said:
            if not line.startswith("Warning: at least one source file could not be read"):
                told.add(f"restic says: {line.strip()}")
        elif said.get("message_type") == "error":
            told.add(f"{visible(str(said.get('item', '')))} could not be read{_why(said.get('error'))}")
    if ended.code == _INCOMPLETE and not told:
        told.add("restic could not read some files, and does not tell which")
    yield from sorted(told)


def _why(error: object) -> str:
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return f": {visible(error['message'])}"
    if isinstance(error, dict) and isinstance(error.get("Err"), int):
        return f": {os.strerror(error['Err'])}"
    return ""


def _few(flaws: list[str]) -> list[str]:
    more = len(flaws) - _FLAWS
    return [*flaws[:_FLAWS], f"and {more} more"] if more > 0 else flaws


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
