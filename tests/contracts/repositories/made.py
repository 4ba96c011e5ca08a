"""A repository with backups in it, to be looked at by many tests."""

from __future__ import annotations

from pathlib import Path

from agent.model.backups import Backup
from tests.system.backups.beds import Bed


class Made:
    """A repository with two backups of a tree and a database, the second after a change."""

    def __init__(self, bed: Bed, tree: Path, first: Backup, second: Backup) -> None:
        self.bed = bed
        self.tree = tree
        self.first = first
        self.second = second
