"""Makes backups."""

from __future__ import annotations

import re

from agent.drivers.repositories.pgbackrest import info
from agent.drivers.repositories.pgbackrest.commands import Engine, require, watched
from agent.drivers.repositories.pgbackrest.info import DATABASE, HOST, REPO, TASK, Stanza
from agent.drivers.repository import Request
from agent.errors import RunFailed
from agent.model.backups import Backup, Level

_LABEL = re.compile(r"new backup label = (\S+)")
_DONE = re.compile(r"\((?:[\d.]+[KMGTP]?B|bundle [^)]*?), (\d+(?:\.\d+)?)%\)")


def refuse(name: str, request: Request) -> str:
    """As `agent.drivers.physical.Physical.refuse`."""
    if request.paths:
        return (
            f"the repository {name} holds a PostgreSQL server as a whole and no other files: "
            f"back up {request.paths[0]} by another task, into a tar or restic repository"
        )
    if len(request.databases) != 1:
        return (
            f"the repository {name} holds one PostgreSQL server with all its databases: name one database of it as "
            f"the only source, not {len(request.databases)}"
        )
    if request.databases[0].engine != "postgresql":
        return f"the repository {name} holds a PostgreSQL server; {request.databases[0].name} is none"
    return ""


def create(engine: Engine, request: Request) -> Backup:
    """As `agent.drivers.repository.Repository.create`.

    It is full where what pgBackRest would build on is not of the same host and task: a stanza may have had other users.
    """
    if wrong := refuse(engine.name, request):
        raise RunFailed(wrong)
    require(engine)
    level = _level(info.listed(engine), request)
    labels: list[str] = []

    def watch(line: str) -> None:
        if match := _DONE.search(line):
            engine.tools.progress(round(float(match[1])), 100, "percent")
        if match := _LABEL.search(line):
            labels.append(match[1])

    notes = {HOST: request.host, TASK: request.task, DATABASE: request.databases[0].name}
    watched(
        engine,
        watch,
        "backup",
        f"--repo={REPO}",
        f"--type={info.TYPES[level]}",
        # What is kept is decided by the task alone.
        "--no-expire-auto",
        "--log-level-console=detail",
        "--log-level-stderr=off",
        *(f"--annotation={key}={value}" for key, value in notes.items() if value),
    )
    stanza = info.listed(engine)
    made = [told for told in stanza.backups if labels and told.label == labels[-1]]
    if not made:
        raise RunFailed(f"pgbackrest says that it made a backup of {engine.stanza}, and does not list it")
    return info.backup_of(engine, stanza, made[0])


def _level(stanza: Stanza, request: Request) -> Level:
    """Return the level that such a backup can have."""
    if request.level is Level.FULL:
        return Level.FULL
    found = [told for told in stanza.backups if request.level is Level.INCREMENTAL or told.type == "full"]
    of = [(told.annotation.get(HOST, ""), told.annotation.get(TASK, "")) for told in found]
    return request.level if of and of[-1] == (request.host, request.task) else Level.FULL
