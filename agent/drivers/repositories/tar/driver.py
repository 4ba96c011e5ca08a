"""`agent.drivers.repository.Repository` for directories with GNU tar's archives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.repositories.tar import create, encryption, listing, reading, removal, restore, setup, verify
from agent.drivers.repositories.tar.entries import entries
from agent.drivers.repositories.tar.locks import Locks
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Request, Restored, Selection
from agent.model.backups import Backup, Entry, Level, Listing
from agent.ports import Program


class Tar:
    """A repository that is a directory. `settings` are those of its policy; nothing is touched before it is asked."""

    levels = frozenset(Level)

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        self._site = Site(
            name=name,
            path=settings["path"],
            level=settings["compression_level"],
            threads=settings["threads"],
            encryption=encryption.of_settings(settings["encryption"]),
            limit_read=int(settings.get("limit_read") or 0),
            tools=tools,
        )
        self._locks = Locks(self._site.path)

    def prepare(self) -> None:
        """As `Repository.prepare`."""
        setup.prepare(self._site)

    def lock(self, host: str = "", task: str = "") -> AbstractContextManager[None]:
        """As `Repository.lock`; two tasks do not wait for one another."""
        return self._locks.hold(host, task)

    def listing(self, host: str = "", task: str = "") -> Listing:
        """As `Repository.listing`."""
        return listing.read(self._site, host, task)

    def create(self, request: Request) -> Backup:
        """As `Repository.create`. It is full where the state to build on is gone, and its facts say so."""
        with self._locks.hold(request.host, request.task):
            return create.create(self._site, request)

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """As `Repository.verify`."""
        return verify.verify(self._site, backup, deep=deep)

    def entries(self, backup: Backup) -> Iterator[Entry]:
        """As `Repository.entries`."""
        return entries(self._site, backup)

    def restore(self, backup: Backup, selection: Selection, directory: str) -> Restored:
        """As `Repository.restore`."""
        return restore.restore(self._site, backup, selection, directory)

    def reading(self, backup: Backup, part: str) -> AbstractContextManager[Callable[[int], tuple[Program, ...]]]:
        """As `Repository.reading`."""
        return reading.reading(self._site, backup, part)

    def remove(self, backups: Sequence[Backup]) -> int:
        """As `Repository.remove`."""
        return removal.remove(self._site, self._locks, backups)

    def sweep(self) -> tuple[str, ...]:
        """As `Repository.sweep`; what another agent is at is left alone."""
        return removal.sweep(self._site, self._locks)
