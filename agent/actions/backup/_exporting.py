"""Bring the copy of a database back as a file, for the tools of its engine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agent.actions.backup._loading import judge_readers
from agent.drivers.repository import Repository
from agent.model.backups import Backup, Part
from agent.ports import Context

_SUFFIXES: Mapping[str, str] = {"pg_dump custom": ".dump", "mariadb-dump sql": ".sql", "sqlite file": ".sqlite"}
"""How the name of a file ends, by the form of what is in it."""


def export(ctx: Context, repository: Repository, backup: Backup, part: Part, directory: str) -> str:
    """Write the copy of a database to a new file in a directory of ours; return its path. Raises RunFailed."""
    path = os.path.join(directory, part.name + _SUFFIXES.get(part.form, ".copy"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with (
            repository.reading(backup, part.name) as reading,
            ctx.processes.piped(reading(descriptor), ctx.stopping) as piped,
        ):
            pass
        ctx.checkpoint()
        judge_readers(backup, part, piped.completed)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return path
