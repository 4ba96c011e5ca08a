"""The way to a path: every directory and symbolic link that decides what the path leads to."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator

from msgspec import Struct, field

_MOST_LINKS = 40
"""As many links in a row as the kernel follows."""


class Place(Struct, frozen=True):
    """One directory, link or file on the way. `path` holds no link but at its end."""

    path: str
    device: int
    inode: int
    mode: int
    uid: int
    gid: int

    @property
    def identity(self) -> tuple[int, int]:
        """What stays the same under another name, and differs when another takes over the name."""
        return self.device, self.inode


class Way(Struct, frozen=True):
    """The places on the way, the last one included. `missing` is the name that the last place lacks, or ""."""

    places: tuple[Place, ...]
    missing: str = ""


class Walker(Struct):
    """Walks ways; looks at each place once, so use a fresh one for each look at the world."""

    _seen: dict[str, Place | None] = field(default_factory=dict)

    def way(self, path: str, here: str = "/") -> Way:
        """Given a path below `here`, a directory without links in its name, return the way to it as far as it exists.

        The places up to `here` are left out, but for the root directory.
        """
        root = self._look("/") if here == "/" else None
        places = [] if root is None else [root]
        links = 0
        ahead = deque(_names(path))
        while ahead:
            name = ahead.popleft()
            if name == "..":
                here = os.path.dirname(here)
                continue
            step = os.path.join(here, name)
            place = self._look(step)
            if place is None:
                # What leads there may be a link: the name is to appear in the directory that it points into.
                lacks = None if places and places[-1].path == here else self._look(here)
                return Way((*places, lacks) if lacks else tuple(places), name)
            places.append(place)
            if not stat.S_ISLNK(place.mode):
                here = step
                continue
            target = _target(step)
            links += 1
            if target is None or links > _MOST_LINKS:
                return Way(tuple(places), name)
            here = "/" if target.startswith("/") else here
            ahead.extendleft(reversed(list(_names(target))))
        return Way(tuple(places))

    def _look(self, path: str) -> Place | None:
        if path not in self._seen:
            try:
                seen = os.lstat(path)
            except OSError:
                self._seen[path] = None
            else:
                self._seen[path] = Place(path, seen.st_dev, seen.st_ino, seen.st_mode, seen.st_uid, seen.st_gid)
        return self._seen[path]


def _names(path: str) -> Iterator[str]:
    return (name for name in path.split("/") if name not in ("", "."))


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def links_in(directory: str) -> list[str]:
    """Given a directory, return the names of the symbolic links in it; nothing when it cannot be read."""
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_symlink()]
    except OSError:
        return []
