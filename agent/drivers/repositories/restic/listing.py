"""Tells which backups are in a repository, and never less than all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from agent.drivers.repositories.restic.engine import SHORT, Engine
from agent.drivers.repositories.restic.record import (
    BACKUP,
    FORMAT,
    ID,
    LEVEL,
    RECORD,
    TASK,
    Record,
    Snapshot,
    decode,
    settled,
    snapshots,
    superseded,
)
from agent.drivers.repositories.restic.words import grave, last
from agent.drivers.repository import Damaged, ListingFailed
from agent.errors import RunFailed
from agent.host import durable
from agent.model.backups import UNSETTLED, Backup, Junk, Level, Listing

_CACHE = "records.json"

_JUNK = {
    True: "the record of a backup that is gone",
    False: "what was read before some files were read again for its backup",
}

_LOOKS = 3
"""How often is looked before what is listed and cannot be read is no longer taken for something that others remove."""

_Seen = TypeVar("_Seen")


class _MayHaveGoneError(RunFailed):
    """What was listed could not be read, perhaps because somebody has removed it since."""


class Kept(Struct, frozen=True):
    """A backup in the repository: its snapshot, the one that records how it ended, and what is recorded."""

    snapshot: Snapshot
    record_snapshot: Snapshot | None
    record: Record

    def backup(self, repository: str) -> Backup:
        """Return the backup with its id, which is the full id of its snapshot."""
        return structs.replace(self.record.backup, id=self.snapshot.id, repository=repository)


class Records:
    """The records of a repository's backups. What was read once is kept, since what a snapshot holds never changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._site = engine.site
        self.name = engine.site.name
        self._cached: dict[str, bytes] | None = None

    def all(self) -> tuple[Snapshot, ...]:
        """Return every snapshot, also those that others have made. Raises ListingFailed unless that is certain."""
        return _steady(self._listed)

    def _listed(self) -> tuple[Snapshot, ...]:
        output: list[bytes] = []
        try:
            ended = self._engine.run("snapshots", "--json", "--no-lock", hear=output.append, timeout=SHORT)
        except Damaged as error:
            raise _MayHaveGoneError(str(error)) from error
        if ended.code != 0:
            raise ListingFailed(f"cannot list the backups: {self._engine.failure('snapshots', ended)}")
        # A snapshot that restic cannot read is left out with a message, and the exit code is 0.
        if grave(ended.messages):
            raise _MayHaveGoneError(f"{self._site.name} may hold more than restic lists: {last(ended.messages, 0)}")
        found = snapshots(b"\n".join(output), self._site.name)
        self._doubt(found)
        return found

    def _doubt(self, found: tuple[Snapshot, ...]) -> None:
        """Raise ListingFailed when nothing is listed where there was something: storage that fails can look empty."""
        directory = self._site.directory
        if directory is not None and not os.path.isdir(os.path.join(directory, "snapshots")):
            raise ListingFailed(f"{directory} has no directory `snapshots` any more: is its disk mounted?")
        if not found and self._known():
            raise ListingFailed(
                f"{self._site.name} lists no snapshot at all, and it had {len(self._known())} when it was read last: "
                "look at its storage; if they were all removed on purpose, remove "
                f"{os.path.join(self._site.place, _CACHE)}"
            )

    def kept(self, host: str = "", task: str = "") -> tuple[tuple[Kept, ...], tuple[Snapshot, ...]]:
        """Return the backups of a host and a task (empty: of all), and what is left of others: records whose backup is
        gone, and snapshots that another has taken the place of."""
        return _steady(lambda: self._seen(host, task))

    def _seen(self, host: str, task: str) -> tuple[tuple[Kept, ...], tuple[Snapshot, ...]]:
        found = self._listed()
        recorded = {one.mark: one for one in found if one.has(RECORD)}
        old = superseded(found)
        ours = [one for one in found if one.has(BACKUP) and one.tagged(ID) and one.tagged(TASK) and one.id not in old]
        wanted = [one for one in ours if host in ("", one.hostname) and task in ("", one.tagged(TASK))]
        kept = tuple(self._kept(one, recorded.get(one.mark)) for one in wanted)
        self._remember({one.id for one in found})
        present = {one.mark for one in ours}
        orphans = (one for mark, one in recorded.items() if mark not in present)
        return kept, (*orphans, *(one for one in found if one.id in old))

    def find(self, backup: Backup) -> Kept:
        """Return a backup as its repository has it now. Raises Damaged when it is gone, ListingFailed."""
        return _steady(lambda: self._found(backup))

    def _found(self, backup: Backup) -> Kept:
        for snapshot in (found := self._listed()):
            if snapshot.id == backup.id:
                recorded = (one for one in found if one.has(RECORD) and one.mark == snapshot.mark)
                return self._kept(snapshot, next(recorded, None))
        raise Damaged(f"{self._site.name} has no snapshot {backup.id[:8]} any more")

    def _kept(self, snapshot: Snapshot, recorded: Snapshot | None) -> Kept:
        with suppress(Damaged):
            if recorded is not None:
                return Kept(snapshot, recorded, self._read(recorded))
        try:
            record = self._read(snapshot)
        except Damaged as error:
            return Kept(snapshot, recorded, _undescribed(snapshot, str(error)))
        flaw = (
            UNSETTLED if recorded is None else f"the record of how it ended cannot be read: snapshot {recorded.id[:8]}"
        )
        return Kept(snapshot, recorded, settled(record, (flaw,)))

    def _read(self, snapshot: Snapshot) -> Record:
        """Return the record that a snapshot holds. Raises Damaged, ListingFailed when it cannot be told."""
        content = self._known().get(snapshot.id)
        if content is None:
            content = self._dumped(snapshot)
        record = decode(content, snapshot)
        self._known()[snapshot.id] = content
        return record

    def _dumped(self, snapshot: Snapshot) -> bytes:
        try:
            return self._dump(snapshot)
        except RunFailed as error:
            if snapshot.id not in {one.id for one in self._listed()}:
                raise _MayHaveGoneError(f"snapshot {snapshot.id[:8]} is gone since it was listed") from error
            if not isinstance(error, Damaged):
                raise
        # Whoever prunes moves what stays as well: a restic that begins now looks where it has gone.
        return self._dump(snapshot)

    def _dump(self, snapshot: Snapshot) -> bytes:
        output: list[bytes] = []
        try:
            self._engine.must("dump", "--no-lock", snapshot.id, snapshot.description, hear=output.append, timeout=SHORT)
        except Damaged:
            raise
        except RunFailed as error:
            raise ListingFailed(f"cannot read the record of snapshot {snapshot.id[:8]}: {error}") from error
        return b"\n".join(output)

    def _known(self) -> dict[str, bytes]:
        if self._cached is None:
            self._cached = {}
            with suppress(OSError, ValueError), open(os.path.join(self._site.place, _CACHE), "rb") as file:
                texts = msgspec.json.decode(file.read(), type=dict[str, str])
                self._cached = {name: text.encode() for name, text in texts.items()}
        return self._cached

    def seen(self) -> bool:
        """Tell whether there were snapshots when the repository was read last."""
        return bool(self._known())

    def forget(self, gone: Iterable[str]) -> None:
        """Given the ids of snapshots that were removed on purpose, no longer expect them."""
        for snapshot in gone:
            self._known().pop(snapshot, None)

    def _remember(self, present: set[str]) -> None:
        if self._site.looking:
            return
        texts = {name: content.decode() for name, content in self._known().items() if name in present}
        with suppress(OSError):
            self._site.make_places()
            durable.replace(os.path.join(self._site.place, _CACHE), msgspec.json.encode(texts))


def _steady(look: Callable[[], _Seen]) -> _Seen:
    """Look, and look again where something may have been removed meanwhile. Raises ListingFailed if that is no help."""
    for _ in range(_LOOKS - 1):
        with suppress(_MayHaveGoneError):
            return look()
    try:
        return look()
    except _MayHaveGoneError as error:
        raise ListingFailed(str(error)) from error


def read(records: Records, host: str = "", task: str = "") -> Listing:
    """Return the backups of a host and a task, oldest first, and what lies among them. Raises ListingFailed."""
    kept, left = records.kept(host, task)
    backups = [one.backup(records.name) for one in kept]
    return Listing(
        tuple(sorted(backups, key=lambda one: (one.began, one.id))),
        tuple(Junk(one.id, _JUNK[one.has(RECORD)]) for one in _of(left, host, task)),
    )


def _of(left: Iterable[Snapshot], host: str, task: str) -> Iterable[Snapshot]:
    return (one for one in left if host in ("", one.hostname) and task in ("", one.tagged(TASK)))


def _undescribed(snapshot: Snapshot, why: str) -> Record:
    """Return what can be told of a backup whose records are damaged: it is there, and not good."""
    level = Level.INCREMENTAL if snapshot.tagged(LEVEL) == Level.INCREMENTAL else Level.FULL
    when = datetime.fromisoformat(snapshot.time).timestamp()
    backup = Backup(
        id="",
        repository="",
        host=snapshot.hostname,
        task=snapshot.tagged(TASK),
        level=level,
        parent="",
        began=when,
        ended=when,
        parts=(),
        files=0,
        flaws=(f"its description cannot be read: {why}",),
    )
    paths = tuple(path for path in snapshot.paths if not snapshot.description.startswith(f"{path}/"))
    return Record(format=FORMAT, backup=backup, paths=paths)
