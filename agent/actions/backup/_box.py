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
    path = repository["settings"].get("path")
    return [os.path.normpath(path)] if isinstance(path, str) else []
