"""What `hostkeeper check` says of actions on files beside mistakes, apart from the actions: it loads none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from agent.rules.patterns import picks
from agent.rules.system_places import is_system_place


def retain(options: Mapping[str, Any]) -> Iterator[str]:
    """Given the options of `files.retain`, yield what keeps it from cleaning a path on this host, or does so twice."""
    seen: list[str] = []
    for path in options["paths"]:
        plain = path.rstrip("/")
        for other in (one for one in seen if _is_below(plain, one) or _is_below(one, plain)):
            inner, outer = (plain, other) if _is_below(plain, other) else (other, plain)
            where = "is named twice" if inner == outer else f"is below {outer}, which is named too"
            yield f"{inner} {where}: its files are looked at twice, and count twice in limits; name it once"
        seen.append(plain)
        if os.path.islink(plain):
            yield f"{path} is a symbolic link, so every run is refused: name {os.path.realpath(plain)} instead"
        elif not picks(options["match"]) and is_system_place(os.path.realpath(plain)):
            yield f"{path} is a directory of the system itself, so every run is refused: say with `match` what to clean"


def _is_below(inner: str, outer: str) -> bool:
    """Tell whether a path is another one or below it."""
    return f"{inner}/".startswith(f"{outer}/")
