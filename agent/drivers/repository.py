"""What the agent needs of a place where backups live."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from agent.drivers.database import Database
from agent.errors import RunFailed
from agent.model.backups import Backup, Entry, Level, Listing
from agent.ports import Program


class ListingFailed(RunFailed):
    """What a repository holds could not be told, or not all of it: nothing may be concluded, least of all removed."""


class Damaged(RunFailed):
    """A backup is not what was written; the sentence names each thing that was found."""


class ReadOnly(RunFailed):
    """A repository may only be read from here: nothing in it can be locked or changed."""

    ERRORS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
    """What the system says then; the last two of an export on which root is nobody."""


class Request(Struct, frozen=True, kw_only=True):
    """What to back up. `paths` are absolute.

    `exclude` are patterns of absolute paths as tar and restic know them, such as `/srv/shop/*.tmp` or, whatever lies
    between, `/srv/shop/**/*.tmp`; a backslash takes the meaning from what follows it. What is below one is left out.

    `parent` is the backup to build on, None for a full one. `now` is when the run began.
    """

    host: str
    task: str
    level: Level
    parent: Backup | None
    now: float
    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    one_file_system: bool
    databases: tuple[Database, ...]


class Selection(Struct, frozen=True):
    """What to bring back: the files at and below `paths`, everything where there are none."""

    paths: tuple[bytes, ...] = ()


class Restored(Struct, frozen=True):
    """What was brought back: objects, bytes, and files whose content the engine compared once they were written.

    That is none of them with an engine that keeps sums of files and gives them as entries: whoever restores compares
    them, on the disk.
    """

    items: int
    bytes: int
    compared: int


class Repository(Protocol):
    """A named repository. Every method raises RunFailed with what to do when the engine is missing or refuses."""

    name: str
    levels: frozenset[Level]
    """Those that the engine really has."""

    def prepare(self) -> None:
        """Make the repository if it is not there, and leave alone what is there but no repository of ours."""
        ...

    def lock(self, host: str = "", task: str = "") -> AbstractContextManager[None]:
        """Keep everybody else from changing the backups of a host and a task meanwhile (empty: the repository).

        An engine without such locks keeps them from the whole. Raises Refused when another agent is at it, ReadOnly
        and RunFailed where nothing can be locked.
        """
        ...

    def listing(self, host: str = "", task: str = "") -> Listing:
        """Return all backups of a host and a task (empty: of all). Raises ListingFailed rather than leave one out."""
        ...

    def create(self, request: Request) -> Backup:
        """Make a backup that exists completely or not at all; what is missing from it is in its flaws."""
        ...

    def verify(self, backup: Backup, *, deep: bool) -> int:
        """Check structure and, if `deep`, every byte; return how many bytes were read. Raises Damaged."""
        ...

    def entries(self, backup: Backup) -> Iterator[Entry]:
        """Return what a restore of the backup would bring back of files, in no special order."""
        ...

    def restore(self, backup: Backup, selection: Selection, directory: str) -> Restored:
        """Bring files back below an empty directory, as `directory` + absolute path, and compare them.

        Every damage is found before the first byte is written. Raises Damaged.
        """
        ...

    def reading(self, backup: Backup, part: str) -> AbstractContextManager[Callable[[int], tuple[Program, ...]]]:
        """Given the part of a database, check it and give the programs that write its copy to a descriptor."""
        ...

    def remove(self, backups: Sequence[Backup]) -> int:
        """Remove backups, given with everything that builds on them; return the bytes that came free."""
        ...

    def sweep(self) -> tuple[str, ...]:
        """Remove what runs that died have left half done, and stale locks; return what was removed, by name."""
        ...
