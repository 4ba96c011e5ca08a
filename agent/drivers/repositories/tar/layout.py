"""Where things lie in a repository, and what they are called.

    <path>/hostkeeper-repository.json   says that this is a repository, and in which format
    <path>/README.txt                   how to restore by hand
    <path>/<host>/<task>/<id>/          a backup; see `agent.drivers.repositories.tar.record`
    <path>/<host>/<task>/.partial-*     a backup that is being made, or one that is being removed
    <path>/<host>/<task>/.lock          held by whoever changes the backups beside it

An id is `20261130T132540Z-full-<mark>`: when the backup began, its level, and the first 16 hexadecimal digits of the
SHA-256 of its B3SUMS. So the name of a directory vouches for everything in it.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

from msgspec import Struct

from agent.errors import RunFailed
from agent.model.backups import Backup, Level

MARKER = "hostkeeper-repository.json"
README = "README.txt"
LOCK = ".lock"
PARTIAL = ".partial-"
RECORD = "backup.json"
SUMS = "B3SUMS"
FILES = "files.tar.zst"
MANIFEST = "files.manifest.zst"
MARK_DIGITS = 16

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@:+-]{0,199}", re.ASCII)
_ID = re.compile(
    rf"(\d{{8}}T\d{{6}}Z)-({'|'.join(level.value for level in Level)})-([0-9a-f]{{{MARK_DIGITS}}})", re.ASCII
)
_INSTANT = "%Y%m%dT%H%M%SZ"


class Id(Struct, frozen=True):
    """What the id of a backup tells: when it began (whole seconds since the epoch), its level, and its mark."""

    began: float
    level: Level
    mark: str


def make_id(began: float, level: Level, sums_digest: str) -> str:
    """Given when a backup began, its level and the SHA-256 of its B3SUMS in hexadecimal, return its id."""
    return f"{datetime.fromtimestamp(began, UTC).strftime(_INSTANT)}-{level.value}-{sums_digest[:MARK_DIGITS]}"


def parse_id(name: str) -> Id | None:
    """Given the name of a directory, return what it tells as the id of a backup, or None if it is none."""
    match = _ID.fullmatch(name)
    if match is None:
        return None
    try:
        instant = datetime.strptime(match[1], _INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Id(instant.timestamp(), Level(match[2]), match[3])


def is_name(name: str) -> bool:
    """Tell whether something may be a directory or a file of a repository by its name alone."""
    return _NAME.fullmatch(name) is not None


def series(path: str, host: str, task: str) -> str:
    """Given a repository's path, return the directory of a host's and a task's backups.

    Raises RunFailed for names that cannot be directories here.
    """
    for name in (host, task):
        if not is_name(name):
            raise RunFailed(f"{name!r} cannot name a directory of a repository: use letters, digits and . _ - alone")
    return os.path.join(path, host, task)


def place(path: str, backup: Backup) -> str:
    """Given a repository's path and one of its backups, return the directory of the backup. Raises RunFailed."""
    if parse_id(backup.id) is None:
        raise RunFailed(f"{backup.id!r} is no id of a backup of this repository: list what there is")
    return os.path.join(series(path, backup.host, backup.task), backup.id)


def database_file(name: str, suffix: str) -> str:
    """Given the name of a database's part and how a file of its form ends, return the file that holds it."""
    return f"database-{name}{suffix}.zst"
