"""Has restic go over everything that a backup is of, and make one snapshot of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from agent.drivers.repositories.restic import changes
from agent.drivers.repositories.restic.changes import Watch
from agent.drivers.repositories.restic.engine import Ended, Engine
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.record import AGAIN, BACKUP, ID, LEVEL, TASK
from agent.drivers.repositories.restic.site import DESCRIPTION, Site
from agent.drivers.repositories.restic.stalled import Stalled
from agent.drivers.repositories.restic.waiting import patiently
from agent.drivers.repositories.restic.words import grave
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.host.output import visible
from agent.model.backups import Level

_SCANNED = b'"action":"scan_finished"'
_INCOMPLETE = 3
"""The exit code of a snapshot from which something is missing."""


class Summary(Struct, kw_only=True):
    """The last line of `restic backup --json`. What is added is told compressed since 0.15."""

    snapshot_id: str
    total_files_processed: int
    total_bytes_processed: int
    data_added: int
    data_added_packed: int | None = None
    files_new: int = 0
    files_changed: int = 0

    @property
    def stored(self) -> int:
        """What the snapshot added to its repository."""
        return self.data_added if self.data_added_packed is None else self.data_added_packed


class Taken(Struct, frozen=True, kw_only=True):
    """A snapshot, by its full id; flaws for what is `missing` from it, and for what `changed` while it was read."""

    snapshot: str
    summary: Summary
    missing: tuple[str, ...]
    changed: tuple[str, ...]


def take(engine: Engine, records: Records, request: Request, number: str, *, after: str = "") -> Taken:
    """Have restic make a snapshot of everything; `after` is the one that it takes the place of, where there is one:
    then only what has changed since is read. Raises RunFailed, StopRequested, Refused."""
    site = engine.site
    watch = Watch(site.tools.clock, os.path.join(site.parts, DESCRIPTION), site.parts)
    summary, missing = _ran(engine, _arguments(site, request, number, after), watch, patient=bool(after))
    wanted = (number, bool(after))
    snapshot = next((one.id for one in records.all() if one.has(BACKUP) and one.mark == wanted), None)
    if snapshot is None or not snapshot.startswith(summary.snapshot_id):
        raise RunFailed(f"restic says that it made snapshot {summary.snapshot_id}, and {site.name} does not list it")
    changed = tuple(changes.changed(engine, snapshot, watch))
    unheard = summary.files_new + summary.files_changed - watch.heard
    if unheard:
        missing += (f"restic did not tell of {unheard} files when it had read them: nobody knows whether they changed",)
    return Taken(snapshot=snapshot, summary=summary, missing=missing, changed=changed)


def tags(kind: str, number: str, request: Request, level: Level, *, again: bool) -> tuple[str, ...]:
    """Return the arguments that tag a snapshot."""
    told = (kind, f"{ID}{number}", f"{TASK}{request.task}", f"{LEVEL}{level}", *((AGAIN,) if again else ()))
    return tuple(word for tag in told for word in ("--tag", tag))


def _ran(engine: Engine, arguments: tuple[str, ...], watch: Watch, *, patient: bool) -> tuple[Summary, tuple[str, ...]]:
    """Let restic make the snapshot; return what it counted, and what is missing."""
    heard: list[Summary] = []
    stalled = Stalled(engine.site)
    progress = engine.site.tools.progress

    def hear(line: bytes) -> None:
        if _SCANNED in line:
            stalled.scanned = True
            return
        if watch.hear(line):
            return
        said = _object(line)
        if said.get("message_type") == "summary":
            heard.append(_summary(said))
            progress(heard[-1].total_bytes_processed, heard[-1].total_bytes_processed, "bytes")
        elif said.get("message_type") == "status":
            progress(int(said.get("bytes_done", 0)), int(said.get("total_bytes", 0)), "bytes")
            stalled.heed(said)

    def run() -> Ended:
        return engine.must(*arguments, hear=hear, well=(0, _INCOMPLETE))

    ended = patiently(engine.site.tools, run) if patient else run()
    if not heard or not heard[-1].snapshot_id:
        raise RunFailed("restic ended well and told of no snapshot: nothing is known to have been backed up")
    return heard[-1], tuple(_missing(ended))


def _summary(said: dict[str, Any]) -> Summary:
    known = {name: said[name] for name in Summary.__struct_fields__ if name in said}
    return Summary(**known)


def _arguments(site: Site, request: Request, number: str, after: str) -> tuple[str, ...]:
    level = request.level if request.parent else Level.FULL
    base = request.parent.id if request.parent and level is Level.INCREMENTAL else ""
    building = ("--parent", after or base) if after or base else ("--force",)
    ours = [path for path in (site.cache, site.directory) if path]
    return (
        "backup",
        "--json",
        # Only then it tells of each file when it has read it.
        "--verbose=2",
        *("--host", request.host),
        *tags(BACKUP, number, request, level, again=bool(after)),
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


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
