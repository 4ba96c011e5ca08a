"""What lies in a repository, as pgBackRest lists it, wherever the repository is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.info import REPO


class Item(Struct, frozen=True):
    """One name in a repository: `type` is `file`, `path` or another, `time` when a file was written."""

    type: str
    size: int = 0
    time: int = 0


def under(engine: Engine, path: str) -> Mapping[str, Item]:
    """Return everything below a path of the repository by its name below that; nothing where there is no such path."""
    told = engine.read("repo-ls", f"--repo={REPO}", "--recurse", "--output=json", path)
    return msgspec.json.decode(told, type=dict[str, Item])


def backups(engine: Engine) -> str:
    """Return the path of the backups of the stanza."""
    return f"backup/{engine.stanza}"


def archive(engine: Engine) -> str:
    """Return the path of the log of the stanza."""
    return f"archive/{engine.stanza}"


def size(engine: Engine) -> int:
    """Return the bytes of all files of the stanza."""
    found = (under(engine, place) for place in (backups(engine), archive(engine)))
    return sum(item.size for items in found for item in items.values() if item.type == "file")


def get(engine: Engine, path: str) -> bytes:
    """Return the content of one file of the repository, decrypted. Raises `commands.Failed`."""
    return engine.read("repo-get", f"--repo={REPO}", path)
