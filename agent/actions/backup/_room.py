"""Whether there is room for what is to be brought back."""

from __future__ import annotations

import os

from agent.errors import RunFailed
from agent.readable import size

_LEAST, _SHARE = 1 << 20, 20
"""Beyond what is needed, so many bytes are left free, or one part in so many: file systems take some for themselves."""


def room_at(path: str) -> int:
    """Return how many bytes the file system of an existing path has for this user."""
    about = os.statvfs(path)
    return about.f_bavail * about.f_frsize


def needed(bytes_: int) -> int:
    """Return how much room so many bytes need."""
    return bytes_ + max(_LEAST, bytes_ // _SHARE)


def require_room(path: str, need: int) -> None:
    """Raise RunFailed unless there is room for so many bytes where a path is."""
    room, wanted = room_at(path), needed(need)
    if room < wanted:
        raise RunFailed(
            f"{path} has {size(room)} free, and {size(wanted)} are needed: make room, or name another place"
        )
