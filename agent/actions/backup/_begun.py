"""What a recovery has begun, written down in the root that is recovered, since there is no store yet."""

from __future__ import annotations

import os

import msgspec
from msgspec import Struct

from agent.actions.backup._places import Stage
from agent.host.durable import replace
from agent.model.backups import Backup, Part

JOURNAL = ".hostkeeper-recover"
"""In the root that is recovered: what was begun."""


class Begun(Struct, frozen=True):
    """One share of a backup that was begun: where it is staged, whether that is done, and all of it found whole.

    `keep` says whether what it replaces is kept.
    """

    task: str
    backup: str
    level: int
    stages: tuple[Stage, ...]
    staged: bool = False
    settled: bool = False
    keep: bool = False


class Recovered(Struct, frozen=True):
    """What came back of one task: the backup, files compared (links and the like too), paths, copies to load by hand,
    and what is kept."""

    backup: Backup
    files: int
    paths: tuple[str, ...]
    copies: tuple[tuple[str, Part], ...]
    kept: tuple[str, ...]


def begun_in(root: str) -> tuple[Begun, ...]:
    """Return what was begun in a root, nothing where nothing was."""
    try:
        with open(os.path.join(root, JOURNAL), "rb") as file:
            return msgspec.json.decode(file.read(), type=tuple[Begun, ...])
    except FileNotFoundError:
        return ()


def write_begun(root: str, begun: list[Begun]) -> None:
    """Write down what was begun in a root."""
    replace(os.path.join(root, JOURNAL), msgspec.json.encode(begun))
