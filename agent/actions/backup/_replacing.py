"""Bring one database back: load it beside the live one, count it, and put it in the live one's place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent.actions.backup._loading import load, miscounted, part_of
from agent.actions.backup._repository import Definition, database_of, scratch_of
from agent.actions.backup._subject import Subject
from agent.drivers.database import Database, Replacing
from agent.errors import RunFailed
from agent.model.actions import Fact, Outcome


class Replacement:
    """One database of a restore."""

    def __init__(self, definition: Definition, subject: Subject) -> None:
        self.name: str = definition["name"]
        self._definition = definition
        self._subject = subject
        self._options = subject.options
        self._ctx = subject.ctx

    @contextmanager
    def _open(self) -> Iterator[tuple[Database, Replacing, str]]:
        with scratch_of(self._ctx) as scratch:
            database = database_of(self._definition, self._ctx, scratch, self._subject.drivers)
            yield database, database.replacing(self._subject.mark), scratch

    def say_load(self) -> str:
        """Say what is loaded where."""
        some = f"the tables {', '.join(self._options.tables)} of " if self._options.tables else ""
        stays = ", and leave it there: the live one is not touched" if self._options.tables else ""
        return f"load {some}{self.name} beside the live database and count its rows{stays}"

    def load(self) -> Outcome:
        """Load the copy beside the live database, and count. Raises RunFailed and StopRequested."""
        with self._open() as (database, beside, scratch):
            repository = self._subject.repository(scratch)
            backup = self._subject.backup(repository)
            part = part_of(backup, self.name)
            if part.kind != database.engine:
                raise RunFailed(
                    f"{self.name} is a {database.engine} database, and was a {part.kind} one in {backup.id}"
                )
            beside.discard()
            load(self._ctx, repository, backup, part, beside, self._options.tables)
            counts = beside.counts()
            wrong = miscounted(part, counts, self._options.tables)
            if wrong:
                raise RunFailed("what was loaded is not what was backed up:\n" + "\n".join(wrong))
            facts: dict[str, Fact] = {"tables": len(counts), "rows": sum(counts.values()), "beside": beside.beside}
            return Outcome(facts)

    def unload(self) -> None:
        """Remove what was loaded."""
        with self._open() as (_, beside, _):
            beside.discard()

    def say_swap(self) -> str:
        """Say what changes places."""
        after = "is kept beside it" if self._options.safety else "is removed when all is verified"
        return f"put it in the place of {self.name}; what is there now {after}"

    def swap(self) -> Outcome:
        """Put the loaded database in the place of the live one."""
        with self._open() as (_, beside, _):
            beside.swap()
            self._subject.remember(**{f"beside:{self.name}": beside.beside})
            return Outcome({"beside": beside.beside})

    def unswap(self) -> None:
        """Put the live database back."""
        with self._open() as (_, beside, _):
            beside.swap_back()

    def wrong(self) -> list[str]:
        """Return a sentence for every table that is not live now and was brought back."""
        if self._options.tables:
            return []
        with self._open() as (database, _, scratch):
            repository = self._subject.repository(scratch)
            part = part_of(self._subject.backup(repository), self.name)
            live = set(database.look().tables)
        missing = sorted((part.counts.keys() | part.bounds.keys()) - live)
        return [f"{self.name}: the table {table} is not there" for table in missing]

    def clean(self) -> dict[str, Fact]:
        """Keep or remove the database that was replaced; return where it is kept."""
        with self._open() as (_, beside, _):
            if self._options.safety or self._options.tables:
                return {f"{self.name}_beside": str(self._subject.recall().get(f"beside:{self.name}", beside.beside))}
            try:
                beside.discard()
            except RunFailed as error:
                return {f"{self.name}_left": str(error)}
        return {}
