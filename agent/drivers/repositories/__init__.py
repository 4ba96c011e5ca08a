"""Repositories: the driver of each engine, and which there are. A driver is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from agent.drivers.database import Tools
from agent.drivers.repository import Repository

ENGINES = ("pgbackrest", "restic", "tar")


def open_repository(definition: Mapping[str, Any], tools: Tools) -> Repository:
    """Given a repository as a policy defines it, completed (`name`, `driver`, `settings`), return its driver.

    Nothing is contacted or created yet.
    """
    driver = definition["driver"]
    if driver not in ENGINES:
        raise ValueError(f"no such engine: {driver!r}")
    made: Repository = importlib.import_module(f"{__name__}.{driver}").DRIVER(
        definition["name"], definition["settings"], tools
    )
    return made
