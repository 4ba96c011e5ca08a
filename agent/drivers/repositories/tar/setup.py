"""Makes a repository, and tells whether a directory is one."""

from __future__ import annotations

import json
import os

from agent.drivers.repositories.tar import layout, readme, seal
from agent.drivers.repositories.tar.record import FORMAT
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged
from agent.errors import RunFailed
from agent.host import durable

_MARKER = f"{json.dumps({'format': FORMAT})}\n".encode()


def prepare(site: Site) -> None:
    """Make the repository where there is nothing or an empty directory; leave one of ours alone.

    Raises RunFailed for a directory with something else in it, and for a repository of another format.
    """
    try:
        os.makedirs(site.path, mode=0o700, exist_ok=True)
        # What mkfs leaves in a new file system is nobody's.
        names = set(os.listdir(site.path)) - {"lost+found", layout.LOCK, f"{layout.MARKER}.new", f"{layout.README}.new"}
        if layout.MARKER not in names:
            if names - {layout.README}:
                raise RunFailed(
                    f"{site.path} is not empty and no repository: name an empty directory, or one that is not there"
                )
            durable.replace(os.path.join(site.path, layout.README), readme.TEXT.encode(), 0o644)
            durable.replace(os.path.join(site.path, layout.MARKER), _MARKER, 0o644)
    except OSError as error:
        raise RunFailed(f"cannot make a repository at {site.path}: {error.strerror}") from error
    require(site)


def require(site: Site) -> None:
    """Raise RunFailed unless there is a repository, Damaged unless it is one that this version knows."""
    found = _marker(site)
    if found != _MARKER:
        raise Damaged(
            f"{site.path} is damaged, or a repository of another version: {layout.MARKER} should say "
            f"{_MARKER.decode().strip()} and says {found[:100]!r}"
        )


def _marker(site: Site) -> bytes:
    try:
        descriptor = os.open(os.path.join(site.path, layout.MARKER), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            return file.read(seal.SMALL)
    except OSError as error:
        raise RunFailed(
            f"{site.path} is no repository ({layout.MARKER}: {error.strerror}): is its disk mounted, its path right?"
        ) from error
