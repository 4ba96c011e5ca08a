"""Links that lead to names which are no UTF-8: an older restic keeps other signs instead, and does not say so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from agent.drivers.repositories.restic import tree
from agent.drivers.repositories.restic.engine import Engine
from agent.host.output import visible

_KEEPS = (0, 16)
"""Since this version restic keeps where links lead as it is."""


def bent(engine: Engine, snapshot: str, paths: Iterable[str]) -> Iterator[str]:
    """Given a snapshot that was just made of some paths, yield a flaw for each link in it that does not lead where the
    live one does."""
    if engine.version() >= _KEEPS:
        return
    for one in tree.entries(engine, snapshot, map(os.fsencode, paths)):
        if one.kind == "link" and not _is_kept(one.path):
            yield (
                f"{visible(os.fsdecode(one.path))} is a link to a name that is no UTF-8, which restic keeps only since "
                f"{'.'.join(map(str, _KEEPS))}"
            )


def _is_kept(path: bytes) -> bool:
    try:
        os.readlink(path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    except OSError:
        # What has gone since says nothing of what restic has read.
        return True
    return True
