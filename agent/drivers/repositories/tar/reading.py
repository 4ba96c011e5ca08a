"""Gives the copies of databases back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from agent.drivers.repositories.tar.site import Site
from agent.errors import RunFailed
from agent.model.backups import Backup
from agent.ports import Program


def reading(site: Site, backup: Backup, part: str) -> AbstractContextManager[Callable[[int], tuple[Program, ...]]]:
    """As `Repository.reading`."""
    raise RunFailed(f"{part} of {backup.id} in {site.name} cannot be read")
