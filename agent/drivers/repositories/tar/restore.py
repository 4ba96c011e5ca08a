"""Brings files back."""

from __future__ import annotations

from collections.abc import Iterator

from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Restored, Selection
from agent.errors import RunFailed
from agent.model.backups import Backup, Entry


def entries(site: Site, backup: Backup) -> Iterator[Entry]:
    """As `Repository.entries`."""
    raise RunFailed(f"{backup.id} in {site.name} cannot be read")


def restore(site: Site, backup: Backup, selection: Selection, directory: str) -> Restored:
    """As `Repository.restore`."""
    raise RunFailed(f"{backup.id} in {site.name} cannot be restored to {directory} ({selection})")
