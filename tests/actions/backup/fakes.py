"""A repository and a database in memory, as whole as the ports ask: what is written here outlives its driver."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.actions.backup._repository import Drivers
from agent.digests import sha256
from agent.drivers.database import Database, Dump, Look, Replacing, Target, Tools
from agent.drivers.repository import Damaged, ListingFailed, Repository, Request, Restored, Selection
from agent.errors import Refused, RunFailed
from agent.model.backups import Backup, Entry, Junk, Level, Listing, Part
from agent.model.reasons import Reason
from agent.ports import Completed, Program
from agent.rules.chains import chain, dependents

REPOSITORY = {"name": "local", "driver": "fake", "settings": {}}
SHOP = {"name": "shop", "driver": "fake", "settings": {}}


@dataclass
class Stored:
    """What is kept of one backup: the whole tree as a restore brings it back, and the rows of each database."""

    backup: Backup
    files: dict[bytes, bytes]
    rows: dict[str, dict[str, int]]


@dataclass
class Vault:
    """What a repository holds, whoever looks at it. Each `fails` names a method that raises, and with what.

    `flaws` get into the next backup; `damage` says of one what is wrong with it, found by a deep look alone where it is
    in `deep_only`. `did` tells in order what was done; `reads` are the bytes that the next looks read.
    """

    levels: frozenset[Level] = frozenset(Level)
    stored: dict[str, Stored] = field(default_factory=dict)
    junk: list[Junk] = field(default_factory=list)
    fails: dict[str, Exception] = field(default_factory=dict)
    flaws: tuple[str, ...] = ()
    damage: dict[str, str] = field(default_factory=dict)
    deep_only: set[str] = field(default_factory=set)
    half_done: list[str] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)
    locked: bool = False
    made: bool = False
    before: dict[str, Callable[[], None]] = field(default_factory=dict)

    def put(self, backup: Backup, files: Mapping[bytes, bytes] | None = None) -> Backup:
        """Let a backup be there."""
        self.made = True
        self.stored[backup.id] = Stored(backup, dict(files or {}), {})
        return backup

    def enter(self, method: str) -> None:
        if method in self.before:
            self.before[method]()
        if method in self.fails:
            raise self.fails[method]

    def listing(self, host: str = "", task: str = "") -> Listing:
        found = [one.backup for one in self.stored.values()]
        found = [one for one in found if one.host == (host or one.host) and one.task == (task or one.task)]
        return Listing(tuple(sorted(found, key=lambda one: (one.began, one.id))), tuple(self.junk))


@dataclass
class FakeRepository:
    """A driver for a vault."""

    vault: Vault
    name: str
    tools: Tools
    levels: frozenset[Level]

    def prepare(self) -> None:
        self.vault.enter("prepare")
        self.vault.made = True

    @contextmanager
    def lock(self, host: str = "", task: str = "") -> Iterator[None]:
        self.vault.enter("lock")
        if self.vault.locked:
            raise Refused(Reason.OVERLAP, f"{self.name}: another agent is at it")
        self.vault.locked = True
        try:
            yield
        finally:
            self.vault.locked = False

    def listing(self, host: str = "", task: str = "") -> Listing:
        self.vault.enter("listing")
        if not self.vault.made:
            raise ListingFailed(f"{self.name}: there is no repository")
        return self.vault.listing(host, task)

    def create(self, request: Request) -> Backup:
        assert self.vault.locked, "a backup is made under the lock"
        self.vault.enter("create")
        files = _files(request)
        parts = [_part("files", "files", "fake", sum(map(len, files.values())))] if request.paths else []
        rows = {}
        for database in request.databases:
            with database.dumping() as dump:
                rows[database.name] = dict(dump.counts)
                parts.append(replace(_part(database.engine, database.name, dump.form, 1000), counts=dump.counts))
        backup = Backup(
            id=f"{request.host}-{request.task}-{request.now:.0f}-{len(self.vault.did)}",
            repository=self.name,
            host=request.host,
            task=request.task,
            level=request.level,
            parent=request.parent.id if request.parent else "",
            began=request.now,
            ended=self.tools.clock.now().timestamp(),
            parts=tuple(parts),
            files=len(files),
            flaws=self.vault.flaws,
            version="1",
        )
        self.vault.stored[backup.id] = Stored(backup, files, rows)
        self.vault.did.append(f"create {request.level} {backup.id}")
        self.vault.enter("created")
        return backup

    def verify(self, backup: Backup, *, deep: bool) -> int:
        self.vault.enter("verify")
        self.vault.did.append(f"verify {'deep ' if deep else ''}{backup.id}")
        wrong = self.vault.damage.get(backup.id)
        if wrong and (deep or backup.id not in self.vault.deep_only):
            raise Damaged(wrong)
        return self.vault.reads.pop(0) if self.vault.reads else backup.stored if deep else 0

    def entries(self, backup: Backup) -> Iterator[Entry]:
        self.vault.enter("entries")
        for path, content in self._stored(backup).files.items():
            yield Entry(
                path=path,
                kind="file",
                mode=0o100644,
                uid=os.geteuid(),
                gid=os.getegid(),
                size=len(content),
                modified=backup.began,
                sha256=sha256(content).hexdigest(),
            )

    def restore(self, backup: Backup, selection: Selection, directory: str) -> Restored:
        self.vault.enter("restore")
        for one in chain(self.vault.listing(), backup.id):
            if one.id in self.vault.damage:
                raise Damaged(self.vault.damage[one.id])
        assert any(part.kind == "files" for part in backup.parts), "tar refuses to restore files that there are not"
        wanted = {
            path: content
            for path, content in self._stored(backup).files.items()
            if not selection.paths or any(path == top or path.startswith(top + b"/") for top in selection.paths)
        }
        for path, content in wanted.items():
            target = Path(os.fsdecode(os.fsencode(directory) + path))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o644)
            os.utime(target, (backup.began, backup.began))
        return Restored(len(wanted), sum(map(len, wanted.values())), len(wanted))

    @contextmanager
    def reading(self, backup: Backup, part: str) -> Iterator[Callable[[int], tuple[Program, ...]]]:
        self.vault.enter("reading")
        if backup.id in self.vault.damage:
            raise Damaged(self.vault.damage[backup.id])
        if part not in {one.name for one in backup.parts}:
            raise RunFailed(f"{backup.id} has no part {part}")
        yield lambda _descriptor: ()

    def remove(self, backups: Sequence[Backup]) -> int:
        assert self.vault.locked, "a backup is removed under the lock"
        self.vault.enter("remove")
        needed = {other.id for one in backups for other in dependents(self.vault.listing(), one.id)}
        assert needed <= {one.id for one in backups}, "a backup is removed with all that builds on it"
        for one in backups:
            del self.vault.stored[one.id]
            self.vault.did.append(f"remove {one.id}")
        return sum(one.stored for one in backups)

    def sweep(self) -> tuple[str, ...]:
        assert self.vault.locked, "what others left is swept under the lock"
        self.vault.enter("sweep")
        swept, self.vault.half_done = tuple(self.vault.half_done), []
        return swept

    def _stored(self, backup: Backup) -> Stored:
        if backup.id not in self.vault.stored:
            raise RunFailed(f"{self.name}: there is no backup {backup.id}")
        return self.vault.stored[backup.id]


def _part(kind: str, name: str, form: str, size: int) -> Part:
    return Part(kind=kind, name=name, form=form, bytes=size, stored=size // 2)


def _files(request: Request) -> dict[bytes, bytes]:
    """Read the regular files at and below the paths; the patterns to exclude are names here."""
    found = {}
    for top in request.paths:
        for path in [Path(top)] if Path(top).is_file() else [one for one in Path(top).rglob("*") if one.is_file()]:
            if not any(path.match(pattern) for pattern in request.exclude):
                found[os.fsencode(path)] = path.read_bytes()
    return found


@dataclass
class FakeTarget:
    """A database that a copy was loaded into: its rows by table, and what each query answers."""

    rows: dict[str, int]
    answers: dict[str, str] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    beside: str = "shop_beside"

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        self.did.append(f"load {' '.join(tables)}".rstrip())
        return ()

    def settle(self, completed: Sequence[Completed]) -> None:
        self.did.append("settle")

    def counts(self) -> Mapping[str, int]:
        return self.rows

    def query(self, sql: str) -> str:
        return self.answers[sql]

    def swap(self) -> None:
        self.did.append("swap")

    def swap_back(self) -> None:
        self.did.append("swap back")

    def discard(self) -> None:
        self.did.append("discard")


@dataclass
class FakeDatabase:
    """A database that is there unless `gone` says why not."""

    name: str = "shop"
    engine: str = "fake"
    rows: dict[str, int] = field(default_factory=lambda: {"orders": 3})
    size: int = 1000
    gone: str = ""
    target: FakeTarget = field(default_factory=lambda: FakeTarget({"orders": 3}))

    def look(self) -> Look:
        if self.gone:
            raise RunFailed(self.gone)
        return Look(version="fake 1", bytes=self.size, tables=tuple(self.rows))

    @contextmanager
    def dumping(self) -> Iterator[Dump]:
        self.look()
        yield Dump(
            form="fake dump",
            suffix=".fake",
            programs=lambda _descriptor: (),
            settle=lambda _completed, _tail: None,
            counts=dict(self.rows),
        )

    @contextmanager
    def scratch(self, facts: Mapping[str, str]) -> Iterator[Target]:
        yield self.target

    def replacing(self, mark: str) -> Replacing:
        self.target.did.append(f"replacing {mark}")
        return self.target


def drivers(vault: Vault, *databases: FakeDatabase) -> Drivers:
    """Return drivers for a vault, whatever the repository's name, and for databases by their names."""
    known = {database.name: database for database in databases}

    def repository(definition: Mapping[str, Any], tools: Tools) -> Repository:
        return FakeRepository(vault, definition["name"], tools, vault.levels)

    def database(definition: Mapping[str, Any], _tools: Tools) -> Database:
        return known[definition["name"]]

    return Drivers(repository, database)
