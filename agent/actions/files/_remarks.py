"""What `hostkeeper check` says of actions on files beside mistakes, apart from the actions: it loads none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from agent.rules.patterns import picks
from agent.rules.system_places import is_system_place


def retain(options: Mapping[str, Any]) -> Iterator[str]:
    """Given the options of `files.retain`, yield what keeps it from cleaning a path on this host."""
    for path in options["paths"]:
        plain = path.rstrip("/")
        if os.path.islink(plain):
            yield f"{path} is a symbolic link, so every run is refused: name {os.path.realpath(plain)} instead"
        elif not picks(options["match"]) and is_system_place(os.path.realpath(plain)):
            yield f"{path} is a directory of the system itself, so every run is refused: say with `match` what to clean"
