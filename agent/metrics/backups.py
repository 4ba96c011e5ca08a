"""The numbers about backups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agent.metrics import families as f
from agent.metrics.block import Block
from agent.metrics.records import BackupFacts
from agent.model.signals import Labels


class BackupMetrics:
    """Shows where backups stand. Not locked: whoever holds it does that."""

    def __init__(self) -> None:
        self.block = Block(f.OF_BACKUPS)

    def show(self, facts: Iterable[BackupFacts]) -> None:
        """Given what is known of the backups of every task, show this and no more."""
        rows: dict[f.Family, dict[Labels, float]] = {family: {} for family in f.OF_BACKUPS}
        for one in facts:
            key: Labels = (("repository", one.repository), ("task", one.task))
            for family, value in _numbers(one).items():
                if value is not None:
                    rows[family][key] = value
            if one.level:
                rows[f.BACKUP_LEVEL][(*key, ("level", one.level))] = 1
        for family, series in rows.items():
            self.block.replace(family, series)


def _numbers(one: BackupFacts) -> Mapping[f.Family, float | None]:
    return {
        f.BACKUPS: one.backups,
        f.BACKUPS_DAMAGED: one.damaged,
        f.BACKUP_NEWEST: one.newest,
        f.BACKUP_BYTES: one.bytes,
        f.BACKUP_STORED: one.stored,
        f.BACKUP_FLAWS: one.flaws,
        f.BACKUP_PROVEN: one.proven,
        f.BACKUP_LAST_PROOF: one.last_proof,
        f.BACKUP_RECOVERY: one.recovery,
        f.BACKUP_LAST_READ: one.last_read,
        f.BACKUP_OLDEST_READ: one.oldest_read,
        f.BACKUP_READ: one.read,
    }
