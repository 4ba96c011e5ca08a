"""Makes backups."""

from __future__ import annotations

from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.model.backups import Backup


def create(site: Site, request: Request) -> Backup:
    """As `Repository.create`."""
    raise RunFailed(f"{request.task} cannot be backed up to {site.name}")
