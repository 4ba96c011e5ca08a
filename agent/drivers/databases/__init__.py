"""Databases: the driver of each engine, and which there are. A driver is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from agent.drivers.database import Database, Tools

ENGINES = ("mysql", "postgresql", "sqlite")


def connect(definition: Mapping[str, Any], tools: Tools) -> Database:
    """Given a database as a policy defines it, completed (`name`, `driver`, `settings`), return its driver.

    Nothing is contacted yet.
    """
    driver = definition["driver"]
    if driver not in ENGINES:
        raise ValueError(f"no such engine: {driver!r}")
    made: Database = importlib.import_module(f"{__name__}.{driver}").DRIVER(
        definition["name"], definition["settings"], tools
    )
    return made
