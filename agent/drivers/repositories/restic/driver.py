"""`agent.drivers.repository.Repository` for repositories of restic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.repositories.restic import create, listing, restore, upkeep
from agent.drivers.repositories.restic.check import Checks
from agent.drivers.repositories.restic.engine import Engine
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.site import of_settings
from agent.drivers.repositories.restic.upkeep import Locks
from agent.drivers.repository import Request, Restored, Selection
from agent.model.backups import Backup, Entry, Level, Listing
from agent.ports import Program


class Restic:
    """A repository of restic. `settings` are those of its policy; nothing is touched before it is asked.

    The id of a backup is the full id of its snapshot; restic takes its first eight signs for it too. Nothing builds on
    anything: each backup can be restored by itself.
    """

    levels = frozenset({Level.FULL, Level.INCREMENTAL})

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        site = of_settings(name, settings, tools)
        self._engine = Engine(site)
        self._records = Records(self._engine)
        self._checks = Checks(self._engine, self._records)
        self._locks = Locks(site)

    def prepare(self) -> None:
        """As `Repository.prepare`."""
        upkeep.prepare(self._engine, self._records)

    def lock(self, host: str = "", task: str = "") -> AbstractContextManager[None]:
        """As `Repository.lock`; two tasks do not wait for one another, and restic's own locks do the rest."""
        return self._locks.hold(host, task)

    def listing(self, host: str = "", task: str = "") -> Listing:
        """As `Repository.listing`."""
        return listing.read(self._records, host, task)

    def create(self, request: Request) -> Backup:
        """As `Repository.create`."""
        return create.create(self._engine, self._records, request)

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """As `Repository.verify`. One check covers all backups: for the next one of this driver it reads nothing."""
        return self._checks.verify(backup, deep=deep)

    def entries(self, backup: Backup) -> Iterator[Entry]:
        """As `Repository.entries`; without SHA-256, which restic does not tell."""
        return restore.entries(self._engine, self._records, backup)

    def restore(self, backup: Backup, selection: Selection, directory: str) -> Restored:
        """As `Repository.restore`. After an exception nothing below `directory` is of use."""
        return restore.restore(self._engine, self._records, backup, selection, directory)

    def reading(self, backup: Backup, part: str) -> AbstractContextManager[Callable[[int], tuple[Program, ...]]]:
        """As `Repository.reading`."""
        return restore.reading(self._engine, self._records, backup, part)

    def remove(self, backups: Sequence[Backup]) -> int:
        """As `Repository.remove`."""
        return upkeep.remove(self._engine, self._records, backups)

    def sweep(self) -> tuple[str, ...]:
        """As `Repository.sweep`."""
        return upkeep.sweep(self._engine)
