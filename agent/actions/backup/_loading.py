"""Load the copy of a database out of a backup, and count what came of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

from agent.drivers.database import Target
from agent.drivers.repository import Repository
from agent.errors import RunFailed
from agent.model.backups import Backup, Part
from agent.ports import Completed, Context

_UNHEARD = -signal.SIGPIPE

FILES = "files"
"""The kind of the one part that is no database."""


def databases(backup: Backup) -> tuple[Part, ...]:
    """Return the parts of a backup that are databases."""
    return tuple(part for part in backup.parts if part.kind != FILES)


def has_files(backup: Backup) -> bool:
    """Tell whether there is more in a backup than databases."""
    return len(databases(backup)) < len(backup.parts)


def part_of(backup: Backup, name: str) -> Part:
    """Given the name of a database, return its part of a backup. Raises RunFailed, naming those that there are."""
    known = {part.name: part for part in databases(backup)}
    if name not in known:
        there = ", ".join(sorted(known)) or "no database at all"
        raise RunFailed(f"backup {backup.id} does not have the database {name}, but {there}")
    return known[name]


def load(
    ctx: Context, repository: Repository, backup: Backup, part: Part, target: Target, tables: Sequence[str] = ()
) -> None:
    """Read a part of a backup into a target, some tables of it or all. Raises RunFailed and StopRequested."""
    with repository.reading(backup, part.name) as reading:
        source, sink = os.pipe()
        with _Closing(source, sink) as ends:
            writers = reading(sink)
            loaders = target.loading(source, tables)
            with ctx.processes.piped((*writers, *loaders), ctx.stopping) as piped:
                ends.close()
        ctx.checkpoint()
        readers, loaded = piped.completed[: len(writers)], piped.completed[len(writers) :]
        # Who is no longer listened to dies of that: what the loaders say of it comes first, and of some tables is all.
        judge_readers(backup, part, [one for one in readers if one.code != _UNHEARD])
        target.settle(loaded)
        if not tables:
            judge_readers(backup, part, readers)


def judge_readers(backup: Backup, part: Part, completed: Sequence[Completed]) -> None:
    """Given how the programs ended that read a part, raise RunFailed unless all of them did well."""
    for one in completed:
        if one.code or one.timed_out:
            last = " ".join(one.output.split())[-500:]
            raise RunFailed(f"{part.name} could not be read from backup {backup.id} (exit code {one.code}): {last}")


def miscounted(part: Part, counts: Mapping[str, int], tables: Sequence[str] = ()) -> list[str]:
    """Given the rows that a loaded database has, return a sentence for each table that has another number.

    With `tables`, no other ones are asked for.
    """
    wrong = []
    known = {**part.bounds, **{name: (rows, rows) for name, rows in part.counts.items()}}
    for name, (least, most) in sorted(known.items()):
        if tables and name not in tables and not _meant(name, tables, counts):
            continue
        wanted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        if name not in counts:
            wrong.append(f"{part.name}: the table {name} is missing")
        elif not least <= counts[name] <= most:
            wrong.append(f"{part.name}: the table {name} has {counts[name]:,} rows instead of {wanted}")
    if known:
        others = sorted(counts.keys() - known.keys())
        wrong += [f"{part.name}: there is a table {name} that was not backed up" for name in others]
    return wrong


def _meant(name: str, tables: Sequence[str], counts: Mapping[str, int]) -> bool:
    """Tell whether a loaded table was asked for without the schema that it is in."""
    return name in counts and any(name.endswith(f".{table}") for table in tables)


class _Closing:
    """The two ends of a pipe, closed once."""

    def __init__(self, *descriptors: int) -> None:
        self._open = list(descriptors)

    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give both back."""
        while self._open:
            os.close(self._open.pop())
