"""Brings back files and copies of databases.

restic names each piece of a file by its SHA-256 and holds it against that name, and each tree likewise, when it reads
them: it cannot write a byte that is not what was backed up without ending badly. What it finds only in the middle of a
restore is found in a directory that is nobody's yet: whatever is below it is of no use after an error, and nothing of
it may take the place of anything live.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from agent.drivers.repositories.restic import tree
from agent.drivers.repositories.restic.engine import Engine
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.words import grave, last
from agent.drivers.repository import Damaged, Restored, Selection
from agent.errors import RunFailed
from agent.host.output import visible
from agent.model.backups import Backup, Entry
from agent.ports import Program

_TOLD = 5
_SPARSE = (0, 15)
"""Since this version restic makes holes where a file has many zeros."""
_VERIFIED = re.compile(rb"finished verifying (\d+) files")
_LOOKS: dict[str, Callable[[int], bool]] = {
    "file": stat.S_ISREG,
    "directory": stat.S_ISDIR,
    "link": stat.S_ISLNK,
    "fifo": stat.S_ISFIFO,
    "device": lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode),
}


def entries(engine: Engine, records: Records, backup: Backup) -> Iterator[Entry]:
    """As `Repository.entries`. restic tells neither where links lead nor what is a hard link."""
    kept = records.find(backup)
    found = tree.entries(engine, backup.id, map(os.fsencode, kept.record.paths))
    return (one for one in found if one.kind in _LOOKS)


def restore(engine: Engine, records: Records, backup: Backup, selection: Selection, directory: str) -> Restored:
    """As `Repository.restore`: restic reads back what it has written, and kinds and sizes are held against its list."""
    kept = records.find(backup)
    wanted = selection.paths or tuple(map(os.fsencode, kept.record.paths))
    if not wanted:
        return Restored(0, 0, 0)
    with tree.listed(engine, backup.id, wanted) as found:
        _require(backup, wanted, found())
        verified = _restored(engine, backup, wanted, directory)
        return _held(found(), directory, verified)


def _restored(engine: Engine, backup: Backup, wanted: Sequence[bytes], directory: str) -> int:
    """Let restic restore and read back; return how many files it has read back. Raises Damaged, RunFailed."""
    lines: list[bytes] = []
    including = () if b"/" in wanted else (word for path in wanted for word in ("--include", tree.pattern(path)))
    holes = ("--sparse",) if engine.version() >= _SPARSE else ()
    arguments = ("restore", "--target", directory, "--verify", *holes, *including, backup.id)
    ended = engine.must(*arguments, hear=lines.append, reads=True)
    if grave(ended.messages):
        raise Damaged(f"restic ended well, and says: {last(ended.messages, 0)}: what was restored is not to be trusted")
    verified = [int(found[1]) for line in lines if (found := _VERIFIED.search(line))]
    if not verified:
        raise RunFailed("restic does not say that it has verified what it restored: it is not to be trusted")
    return verified[0]


def _require(backup: Backup, wanted: Sequence[bytes], found: Iterator[Entry]) -> None:
    """Raise RunFailed when nothing of the backup is at one of the paths: restic restores nothing, and is content."""
    missing = {path.rstrip(b"/") for path in wanted}
    for entry in found:
        missing.discard(entry.path)
    missing.discard(b"")
    if missing:
        told = ", ".join(sorted(visible(path) for path in missing))
        raise RunFailed(f"backup {backup.id[:8]} has nothing at {told}")


def _held(found: Iterator[Entry], directory: str, verified: int) -> Restored:
    """Hold what is there against what should be. Raises RunFailed for any difference."""
    items = size = 0
    files: set[int] = set()
    wrong: list[str] = []
    for entry in found:
        if entry.kind not in _LOOKS:
            continue
        items += 1
        try:
            about = os.lstat(os.fsencode(directory) + entry.path)
            why = _differs(about, entry)
        except OSError as error:
            why = f"is not there: {error.strerror}"
        if why:
            wrong.append(f"{visible(entry.path)} {why}")
        elif entry.kind == "file":
            size += entry.size
            files.add(about.st_ino)
    # A file with two names is verified once since restic 0.17.
    if verified < len(files):
        wrong.append(f"restic verified {verified} of {len(files)} files")
    if wrong:
        more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise RunFailed(f"what was restored is not what was backed up: {'; '.join(wrong[:_TOLD])}{more}")
    return Restored(items, size, verified)


def _differs(about: os.stat_result, entry: Entry) -> str:
    if not _LOOKS[entry.kind](about.st_mode):
        return f"is no {entry.kind}"
    if entry.kind == "file" and about.st_size != entry.size:
        return f"has {about.st_size} bytes instead of {entry.size}"
    return ""


@contextmanager
def reading(
    engine: Engine, records: Records, backup: Backup, part: str
) -> Iterator[Callable[[int], tuple[Program, ...]]]:
    """As `Repository.reading`. The copy is read once to see that it is whole, and then by whoever wants it."""
    record = records.find(backup).record
    if part not in record.files:
        raise RunFailed(f"backup {backup.id[:8]} has no copy of a database {part}")
    path, size = record.files[part], record.sizes[part]
    found = tree.sizes(engine, backup.id, os.path.dirname(path)).get(path)
    if found != size:
        raise Damaged(f"the copy of {part} in backup {backup.id[:8]} has {found} bytes instead of {size}")
    engine.must("dump", backup.id, path, reads=True)
    command = engine.command("dump", "--no-lock", backup.id, path)
    yield lambda descriptor: (Program(command, stdout=descriptor),)
