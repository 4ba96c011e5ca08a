"""What the agent needs of a database to copy it, to try the copy, and to bring it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct, field

from agent.ports import Clock, Completed, Processes, Program


class Tools(Struct, frozen=True, kw_only=True):
    """What drivers work with. `stop` says that the run was asked to stop; `progress(done, total, unit)` reports.

    `scratch` is a directory of the run's own, mode 0700, on which nobody else relies. `keep` is one of the task's own
    that stays from run to run, mode 0700; what is lost there costs time, never a backup.
    """

    processes: Processes
    clock: Clock
    stop: Callable[[], bool]
    progress: Callable[[int, int, str], None]
    scratch: str
    keep: str


class Look(Struct, frozen=True, kw_only=True):
    """A database as it is now: the engine with its version, its size in bytes, and its tables."""

    version: str
    bytes: int
    tables: tuple[str, ...]


class Dump(Struct, frozen=True, kw_only=True):
    """A consistent copy that is ready to be taken; its instant is when the context that gave it was entered.

    `programs` gives the programs that write the copy to a descriptor. `settle` is told how each of them ended and the
    last 4 KiB that were written; it raises RunFailed unless the copy is complete. `counts` and `bounds` are rows by
    table, as in `agent.model.backups.Part`; `suffix` ends the name of a file that holds the copy.
    """

    form: str
    suffix: str
    programs: Callable[[int], tuple[Program, ...]]
    settle: Callable[[Sequence[Completed], bytes], None]
    counts: Mapping[str, int] = field(default_factory=dict)
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


class Target(Protocol):
    """A database that a copy is loaded into: one of a scratch server, or one beside the live one."""

    def loading(self, source: int, tables: Sequence[str] = ()) -> tuple[Program, ...]:
        """Given a descriptor that a copy comes from, return the programs that load it; some tables, or all."""
        ...

    def settle(self, completed: Sequence[Completed]) -> None:
        """Given how those programs ended, raise RunFailed unless everything was loaded."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return rows by table."""
        ...

    def query(self, sql: str) -> str:
        """Return the first column of the first row as text, empty for no row or NULL. Raises RunFailed."""
        ...


class Replacing(Target, Protocol):
    """A database loaded beside the live one, to take its place."""

    @property
    def beside(self) -> str:
        """What people call the one that is not live: where it is before and after the swap."""
        ...

    def swap(self) -> None:
        """Put the loaded database in the place of the live one, which is kept under another name."""
        ...

    def swap_back(self) -> None:
        """Undo `swap`, as often as asked, also half of one."""
        ...

    def discard(self) -> None:
        """Remove the one that is not live: the old one after a swap, the loaded one before it."""
        ...


class Database(Protocol):
    """One database of a server, or one SQLite file."""

    name: str
    engine: str

    def look(self) -> Look:
        """Look at the database. Raises RunFailed, with what to do, when it cannot be reached or a tool is missing."""
        ...

    def dumping(self) -> AbstractContextManager[Dump]:
        """Hold a consistent view of the database while its copy is taken. Raises RunFailed."""
        ...

    def scratch(self, facts: Mapping[str, str]) -> AbstractContextManager[Target]:
        """Start a server of its own below the scratch directory, with one empty database; end both afterwards.

        `facts` are those of the part that is to be loaded. It never touches the live server. Raises RunFailed.
        """
        ...

    def replacing(self, mark: str) -> Replacing:
        """Return a database beside the live one whose name carries `mark`; the same mark finds it again."""
        ...
