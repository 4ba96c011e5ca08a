"""Whether there is room for what is to be brought back."""

from __future__ import annotations

import os

from agent.errors import RunFailed
from agent.readable import size

_SPARE = 64 << 20
"""Bytes to leave free beyond what is needed: file systems need some for themselves."""


def room_at(path: str) -> int:
    """Return how many bytes the file system of an existing path has for this user."""
    about = os.statvfs(path)
    return about.f_bavail * about.f_frsize


def require_room(path: str, need: int) -> None:
    """Raise RunFailed unless there is room for so many bytes where a path is."""
    room = room_at(path)
    if room < need + _SPARE:
        raise RunFailed(
            f"{path} has {size(room)} free, and {size(need + _SPARE)} are needed: make room, or name another place"
        )
