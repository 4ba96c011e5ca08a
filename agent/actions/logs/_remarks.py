"""What `hostkeeper check` says of actions on logs beside mistakes, apart from the actions: it loads none of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from agent.actions.logs._programs import installed


def rotate(options: Mapping[str, Any]) -> Iterator[str]:
    """Given the options of `logs.rotate`, yield what is worth knowing of the engine that rotates on this host."""
    engine, there = options["engine"], installed("logrotate") is not None
    if not there and engine == "logrotate":
        yield "logrotate is not installed on this host, so every run fails: apt install logrotate, or `engine: auto`"
        return
    if not there and engine == "auto":
        yield "logrotate is not installed on this host, so the agent itself rotates"
    for path in dict.fromkeys(path.rpartition("/")[0] or "/" for path in options["paths"]):
        with suppress(OSError):
            mode = os.stat(path).st_mode
            if not mode & stat.S_IWOTH:
                continue
            if engine == "logrotate" or not mode & stat.S_ISVTX:
                yield f"everybody may write to {path}, so every run is refused: `chmod o-w` it"
            elif there and engine == "auto":
                yield f"everybody may write to {path}, where logrotate rotates nothing: the agent itself rotates there"
