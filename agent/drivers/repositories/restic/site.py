"""What the functions of this driver share: where the repository is, what to work with, and places of our own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from msgspec import Struct

from agent.drivers.database import Tools
from agent.host.scratch import make_private

PARTS = "hostkeeper-parts"
"""The directory with what a backup holds beside the files of its paths; each snapshot has one of this name."""

_BUFFER = 1 << 16

DESCRIPTION = "hostkeeper-backup.json"


class Site(Struct, frozen=True, kw_only=True):
    """A repository as the policy has it. `location` is restic's, and may hold a password; `limit_upload` is in bytes
    per second, 0 for none."""

    name: str
    location: str
    password_file: str
    environment_file: str | None
    limit_upload: int
    cache: str
    place: str
    tools: Tools

    @property
    def directory(self) -> str | None:
        """Where the repository is, if it is on this host."""
        path = self.location.removeprefix("local:")
        return path if path.startswith("/") else None

    @property
    def parts(self) -> str:
        """Where copies of databases are written before restic reads them: the same place in each run."""
        return os.path.join(self.place, PARTS)

    @property
    def looking(self) -> bool:
        """Whether there is no directory to work in: then nothing is written anywhere, not even a cache."""
        return not self.tools.scratch

    def spool(self) -> IO[bytes]:
        """Return a file without a name, for what is too long for memory, in memory where nothing may be written."""
        if self.looking:
            return os.fdopen(os.memfd_create("restic"), "w+b", buffering=_BUFFER)
        return tempfile.TemporaryFile(dir=self.tools.scratch, buffering=_BUFFER)

    def make_places(self) -> None:
        """Make the directories of our own. Raises RunFailed."""
        make_private(self.place)
        os.makedirs(self.cache, mode=0o700, exist_ok=True)


def of_settings(name: str, settings: Mapping[str, Any], tools: Tools) -> Site:
    """Given the name of a repository and its settings as the policy has them, return the site."""
    place = os.path.join(tools.keep, "restic", name)
    return Site(
        name=name,
        location=settings["repository"],
        password_file=settings["password_file"],
        environment_file=settings.get("environment_file"),
        limit_upload=int(settings.get("limit_upload") or 0),
        cache=settings.get("cache") or os.path.join(place, "cache"),
        place=place,
        tools=tools,
    )
