"""The boxes of actions on backups, apart from the actions: whoever starts a run need not load what it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agent.model.box import UNCONFINED, Box

_ANYBODYS = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD"),
    *("CAP_SETFCAP", "CAP_SETGID", "CAP_SETUID"),
)
"""What it takes to bring back files whosever they are, and to run a server as its own user."""

_LOCAL = frozenset({"tar", "pgbackrest"})

_OTHERS = ("CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID")
"""What it takes to run a program as another user, lend it a file, and end it."""

_PGBACKREST = ("/tmp", "/var/lib/pgbackrest", "/var/log/pgbackrest", "/var/spool/pgbackrest")  # noqa: S108 - its locks
"""Where pgBackRest writes unless its configuration says otherwise."""


def create(options: Mapping[str, Any]) -> Box:
    """Given the options of `backup.create`, return its box: it reads whatever there is, and writes to the repository.

    Beside a database of SQLite lies what its readers agree by, so that its directory is written to as well.
    """
    databases = [source["database"] for source in options["sources"] if source.get("database")]
    files = [os.path.dirname(one["settings"]["path"]) for one in databases if one["driver"] == "sqlite"]
    others = any(one["settings"].get("user") for one in databases if one["driver"] == "postgresql")
    return _boxed(
        options["repository"],
        writable=(*options.get("writable", ()), *files),
        made=() if options["repository"]["driver"] == "pgbackrest" else tuple(_own(options["repository"])),
        others=others,
        network=any(map(_listens, databases)),
    )


def verify(options: Mapping[str, Any]) -> Box:
    """Given the options of `backup.verify`, return its box: it reads the repository, and locks it."""
    return _boxed(options["repository"], writable=tuple(options.get("writable", ())))


def _boxed(
    repository: Mapping[str, Any],
    *,
    writable: tuple[str, ...],
    made: tuple[str, ...] = (),
    others: bool = False,
    network: bool = False,
) -> Box:
    others = others or repository["driver"] == "pgbackrest"
    return Box(
        writable=tuple(dict.fromkeys((*writable, *_own(repository)))),
        made=made,
        capabilities=tuple(sorted({"CAP_DAC_READ_SEARCH", *(_OTHERS if others else ())})),
        programs=True,
        network=network or _remote(repository),
    )


def _remote(repository: Mapping[str, Any]) -> bool:
    """Tell whether a repository may be elsewhere; pgBackRest's configuration alone knows where its own are."""
    place = repository["settings"].get("repository")
    return repository["driver"] == "pgbackrest" or (isinstance(place, str) and not place.startswith("/"))


def _listens(database: Mapping[str, Any]) -> bool:
    """Tell whether a database is reached over TCP."""
    settings = database["settings"]
    if database["driver"] == "mysql":
        return settings.get("socket") is None
    if database["driver"] == "postgresql":
        dsn = settings["dsn"]
        return "://" in dsn or any(
            word.startswith(("host=", "hostaddr=", "service=")) and not word.startswith("host=/")
            for word in dsn.split()
        )
    return False


def drill(options: Mapping[str, Any]) -> Box:
    """Given the options of `backup.drill`, return its box: it writes to its scratch place, and locks the repository."""
    repository = options["repository"]
    where = [] if options.get("where") is None else [options["where"]]
    return Box(
        writable=(*where, *_own(repository)),
        capabilities=_ANYBODYS,
        programs=True,
        network=repository["driver"] not in _LOCAL,
    )


def restore(_options: Mapping[str, Any]) -> Box:
    """Given the options of `backup.restore`, return its box: it brings back whatever there was, wherever that was."""
    return UNCONFINED


def _own(repository: Mapping[str, Any]) -> list[str]:
    """Return where the engine of a repository writes, as far as its settings tell."""
    settings = repository["settings"]
    if repository["driver"] == "pgbackrest":
        return list(_PGBACKREST)
    places = [settings.get(key) for key in ("path", "repository", "cache")]
    return [os.path.normpath(path) for path in places if isinstance(path, str) and path.startswith("/")]
