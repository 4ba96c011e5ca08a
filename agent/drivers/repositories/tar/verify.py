"""Checks backups."""

from __future__ import annotations

from agent.drivers.repositories.tar.site import Site
from agent.errors import RunFailed
from agent.model.backups import Backup


def verify(site: Site, backup: Backup, *, deep: bool) -> int:
    """As `Repository.verify`."""
    raise RunFailed(f"{backup.id} in {site.name} cannot be verified ({deep=})")
