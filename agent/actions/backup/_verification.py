"""Verify one backup, and let the ledger know what was found."""

from __future__ import annotations

from agent.drivers.repository import Damaged, Repository
from agent.errors import RunFailed
from agent.model.backups import Backup, Verification
from agent.ports import Context


def verify(repository: Repository, backup: Backup, ctx: Context, *, deep: bool) -> tuple[int, tuple[str, ...]] | None:
    """Return how many bytes were read and what was found, all of which is recorded; None for one that is gone."""
    read = 0
    flaws: tuple[str, ...] = ()
    try:
        read = repository.verify(backup, deep=deep)
    except Damaged as error:
        flaws = (str(error),)
    except RunFailed:
        # Programs that were told to stop fail; then it is no failure of theirs.
        ctx.checkpoint()
        raise
    if flaws and backup.id not in {one.id for one in repository.listing(backup.host, backup.task).backups}:
        return None
    record(repository, backup, ctx, deep=deep, read=read, flaws=flaws)
    return read, flaws


def record(
    repository: Repository, backup: Backup, ctx: Context, *, deep: bool, read: int, flaws: tuple[str, ...]
) -> None:
    """Let the ledger know of a verification."""
    ctx.ledger.verified(
        Verification(
            repository=repository.name,
            task=backup.task,
            backup=backup.id,
            at=ctx.clock.now().timestamp(),
            deep=deep,
            bytes=read,
            flaws=flaws,
        )
    )
