"""What is held to be the same of two trees: everything that a restore can bring back, holes included."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator


def told(top: bytes) -> dict[bytes, tuple[object, ...]]:
    """Return what there is to know of all below a directory, by path from there; of hard links, all their names."""
    found: dict[bytes, tuple[object, ...]] = {}
    names: dict[tuple[int, int], list[bytes]] = {}
    for path in _below(top):
        about = os.lstat(path)
        name = path[len(top) :]
        attributes = tuple(
            sorted(
                (key, os.getxattr(path, key, follow_symlinks=False))
                for key in os.listxattr(path, follow_symlinks=False)
            )
        )
        one: tuple[object, ...] = (oct(about.st_mode), about.st_uid, about.st_gid, about.st_mtime_ns, attributes)
        if stat.S_ISREG(about.st_mode):
            one += (about.st_size, *_content(path))
        elif stat.S_ISLNK(about.st_mode):
            one += (os.readlink(path),)
        elif not stat.S_ISDIR(about.st_mode):
            one += (about.st_rdev,)
        found[name] = one
        if not stat.S_ISDIR(about.st_mode):
            names.setdefault((about.st_dev, about.st_ino), []).append(name)
    for group in names.values():
        for name in group:
            found[name] += (tuple(sorted(group)),)
    return found


def differences(one: bytes, other: bytes) -> list[str]:
    """Return a sentence for each path at which two trees differ."""
    here, there = told(one), told(other)
    return [
        f"{path!r}: {here.get(path)} became {there.get(path)}"
        for path in sorted(here.keys() | there.keys())
        if here.get(path) != there.get(path)
    ]


def _below(top: bytes) -> Iterator[bytes]:
    yield top
    for place, directories, files in os.walk(top):
        for name in directories + files:
            yield os.path.join(place, name)


def _content(path: bytes) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return the SHA-256 of a file, and where its data lies between its holes."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        end, at, data = os.fstat(file.fileno()).st_size, 0, []
        while at < end:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            data.append((begin, at))
    return digest, tuple(data)
