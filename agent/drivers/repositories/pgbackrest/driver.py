"""`agent.drivers.repository.Repository` and `agent.drivers.physical.Physical` for stanzas of pgBackRest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.physical import Beside, Recovered, RecoveryTarget
from agent.drivers.repositories.pgbackrest import beside, create, info, preparing, recovered, removal
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.restoring import into
from agent.drivers.repositories.pgbackrest.verifying import Verifying
from agent.drivers.repository import Request, Restored, Selection
from agent.errors import Refused, RunFailed
from agent.host.flock import locked
from agent.host.scratch import make_private
from agent.model.backups import Backup, Entry, Level, Listing
from agent.model.reasons import Reason
from agent.ports import Program


class PgBackRest:
    """One stanza. `settings` are those of its policy; nothing is touched before it is asked.

    What is whose is kept with each backup, as annotations. Backups that others made in the stanza are listed without a
    host and a task.
    """

    levels = frozenset(Level)

    def __init__(self, name: str, settings: Mapping[str, Any], tools: Tools) -> None:
        self.name = name
        self._engine = Engine(
            name=name,
            config=settings["config"],
            stanza=settings["stanza"],
            user=settings["user"],
            tools=tools,
        )
        self._verifying = Verifying(self._engine)

    def refuse(self, request: Request) -> str:
        """As `Physical.refuse`."""
        return create.refuse(self.name, request)

    def prepare(self) -> None:
        """As `Repository.prepare`; the log of the server must reach the repository."""
        preparing.prepare(self._engine)

    @contextmanager
    def lock(self, host: str = "", task: str = "") -> Iterator[None]:  # noqa: ARG002 - a stanza is one series
        """As `Repository.lock`, among the runs of a task; against everybody else pgBackRest locks the stanza itself."""
        make_private(self._engine.tools.keep)
        with locked(os.path.join(self._engine.tools.keep, f"lock-{self._engine.stanza}")) as ours:
            if not ours:
                raise Refused(
                    Reason.REPOSITORY_IN_USE, f"another run is at the stanza {self._engine.stanza}: wait for it"
                )
            yield

    def listing(self, host: str = "", task: str = "") -> Listing:
        """As `Repository.listing`."""
        stanza = info.listed(self._engine)
        found = (info.backup_of(self._engine, stanza, told) for told in stanza.backups)
        ours = tuple(one for one in found if host in ("", one.host) and task in ("", one.task))
        return Listing(ours, removal.unfinished(self._engine, stanza))

    def create(self, request: Request) -> Backup:
        """As `Repository.create`."""
        return create.create(self._engine, request)

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """As `Repository.verify`. One deep reading serves all backups; each is told its own bytes."""
        return self._verifying.verify(backup, deep=deep)

    def entries(self, backup: Backup) -> Iterator[Entry]:  # noqa: ARG002 - the same for every backup
        """As `Repository.entries`: a server is no tree of files that one brings back by path."""
        return iter(())

    def restore(self, backup: Backup, selection: Selection, directory: str) -> Restored:
        """Bring the server's files back into an empty directory of the stanza's user, to be started by a person.

        pgBackRest compares the SHA-1 of every file. Raises RunFailed for a selection, and Damaged.
        """
        if selection.paths:
            raise RunFailed(f"{backup.id} is a backup of a whole server and comes back as a whole: name no path")
        self._verifying.verify(backup, deep=False)
        files, size = into(self._engine, backup, directory, None)
        return Restored(files, size, files)

    def reading(self, backup: Backup, part: str) -> AbstractContextManager[Callable[[int], tuple[Program, ...]]]:
        """There is no copy of one database in such a backup."""
        raise RunFailed(f"{backup.id} is a backup of a whole server: {part} cannot be taken out of it by itself")

    def recovered(self, backup: Backup, target: RecoveryTarget | None) -> AbstractContextManager[Recovered]:
        """As `Physical.recovered`."""
        return recovered.recovered(self._engine, self._verifying, backup, target)

    def beside(self, backup: Backup, target: RecoveryTarget | None, mark: str) -> Beside:
        """As `Physical.beside`."""
        return beside.beside(self._engine, self._verifying, backup, target, mark)

    def aside(self, backup: Backup, mark: str) -> Beside:
        """As `Physical.aside`."""
        return beside.aside(self._engine, backup, mark)[1]

    def remove(self, backups: Sequence[Backup]) -> int:
        """As `Repository.remove`; the log that no backup needs any more goes with them."""
        return removal.remove(self._engine, backups)

    def sweep(self) -> tuple[str, ...]:
        """As `Repository.sweep`."""
        return removal.sweep(self._engine)
