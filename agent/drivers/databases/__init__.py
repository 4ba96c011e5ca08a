"""Databases: the driver of each engine, and which there are. A driver is imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from agent.drivers.database import Database, Tools
from agent.errors import RunFailed
from agent.model.backups import Part

ENGINES = ("mysql", "postgresql", "sqlite")

_NOWHERE: Mapping[str, Mapping[str, Any]] = {
    "mysql": {"database": "", "socket": None, "host": None, "port": None, "user": None, "password_file": None},
    "postgresql": {"dsn": "", "user": None, "password_file": None},
    "sqlite": {"path": ""},
}
"""Settings that lead to no database."""


def connect(definition: Mapping[str, Any], tools: Tools) -> Database:
    """Given a database as a policy defines it, completed (`name`, `driver`, `settings`), return its driver.

    Nothing is contacted yet. Raises RunFailed for an engine that is not known.
    """
    driver = definition["driver"]
    if driver not in ENGINES:
        raise RunFailed(f"{definition['name']} is a {driver} database, which this version of hostkeeper cannot handle")
    made: Database = importlib.import_module(f"{__name__}.{driver}").DRIVER(
        definition["name"], definition["settings"], tools
    )
    return made


def definition_of(part: Part) -> Mapping[str, Any]:
    """Given the part of a backup that is a database, return a definition good for `scratch(part.facts)` alone.

    It needs neither the database nor a policy that names it.
    """
    return {"name": part.name, "driver": part.kind, "settings": _NOWHERE.get(part.kind, {})}
