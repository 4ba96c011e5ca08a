"""What the agent needs of a repository of whole database servers: their files, and the log of their changes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from agent.drivers.repository import Request
from agent.model.backups import Backup

TABLESPACES = ".tablespaces"
"""Added to the name of the directory that a server is brought back into: where its tablespaces come to be."""


class RecoveryTarget(Struct, frozen=True, kw_only=True):
    """How far a server is brought back: to the first of these that is set, to the end of the log with `latest`.

    `time` is aware; everything committed up to it is there. `lsn` is a position such as `0/3000148`, `name` that of a
    restore point. With nothing set it is the end of the backup itself.
    """

    time: datetime | None = None
    lsn: str = ""
    name: str = ""
    latest: bool = False


class Recovered(Protocol):
    """A server that was brought back into a scratch place, and is at work there."""

    bytes: int
    files: int

    def counts(self) -> Mapping[str, int]:
        """Count the rows of every table, all of which are read; return them by `database.schema.table`."""
        ...

    def query(self, sql: str, database: str = "") -> str:
        """Return the first column of the first row as text, empty for no row or NULL. Raises RunFailed.

        `database` is a name in the server, or the policy's for what was backed up. Without one, and for the policy's
        where the server has no such name, it is the one that users made, or `postgres` where those are not one.
        """
        ...


class Beside(Protocol):
    """A server's files brought back beside the live ones, to take their place. `directory` is where they are."""

    directory: str

    def steps(self) -> tuple[str, ...]:
        """Return what is left for a person to do by hand, one command each."""
        ...

    def swap(self) -> None:
        """Put the files in the place of the live ones, which stay under another name; the server must be stopped."""
        ...

    def swap_back(self) -> None:
        """Undo `swap`, as often as asked, also half of one; the server must be stopped."""
        ...

    def discard(self) -> None:
        """Remove the ones that are not live: the old ones after a swap, the new ones before it."""
        ...


@runtime_checkable
class Physical(Protocol):
    """What a repository of physical backups has beyond `agent.drivers.repository.Repository`."""

    def refuse(self, request: Request) -> str:
        """Return why such a backup cannot be made here, a sentence with what to do; empty when it can."""
        ...

    def recovered(self, backup: Backup, target: RecoveryTarget | None) -> AbstractContextManager[Recovered]:
        """Bring a backup back into the scratch directory and start a server on it; end both afterwards.

        Nobody else reaches that server, and it archives nothing. Raises RunFailed, also where the target cannot be
        reached, and then says what can; Damaged.
        """
        ...

    def beside(self, backup: Backup, target: RecoveryTarget | None, mark: str) -> Beside:
        """Bring a backup back beside the live files, in a directory whose name carries `mark`, and start nothing.

        A mark whose directory is there already finds it again. Raises RunFailed and Damaged.
        """
        ...

    def aside(self, backup: Backup, mark: str) -> Beside:
        """Return what `beside` with this mark returns, or would, and bring nothing back. Raises RunFailed."""
        ...
