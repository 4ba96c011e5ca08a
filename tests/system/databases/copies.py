"""Take copies of databases and load them, the way repositories and actions do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.drivers.database import Database, Dump, Target, Tools
from agent.ports import Processes

TAIL = 4096


def taken(database: Database, tools: Tools, path: Path) -> Dump:
    """Write a copy of a database to a file; return what is known of it."""
    with database.dumping() as dump:
        write(dump, tools.processes, path)
    return dump


def write(dump: Dump, processes: Processes, path: Path, cut: int = 0) -> None:
    """Write the copy to a file, less its last `cut` bytes, and settle."""
    with path.open("wb") as file, processes.piped(dump.programs(file.fileno()), lambda: False) as piped:
        pass
    size = path.stat().st_size - cut
    os.truncate(path, size)
    with path.open("rb") as written:
        written.seek(max(0, size - TAIL))
        dump.settle(piped.completed, written.read())


def load(target: Target, tools: Tools, path: Path, tables: Sequence[str] = ()) -> None:
    """Load the copy that is in a file."""
    with path.open("rb") as file, tools.processes.piped(target.loading(file.fileno(), tables), lambda: False) as piped:
        pass
    target.settle(piped.completed)


def digests(target: Target, questions: Mapping[str, str]) -> dict[str, str]:
    """Return what the questions answer, by table."""
    return {table: target.query(question) for table, question in questions.items()}
