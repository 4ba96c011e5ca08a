"""Which files of a directory are policies, and a signature of each that changes whenever the file does.

A policy is an entry of the directory itself, named `*.yaml` or `*.yml`, not hidden, and no leftover of an editor;
directories below it are not looked into. A symlink counts as what it leads to, so a `..data` that is swapped changes
the signatures of all files behind it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from msgspec import Struct

SUFFIXES = (".yaml", ".yml")
GONE = "gone"
"""The signature of an entry that leads nowhere: a symlink whose target is missing."""


class Scan(Struct, frozen=True):
    """What a directory holds: signatures by file name, which of these files are symlinks, and what is passed over.

    `twice` says that a file among them has a second name, by which it may be changed where nobody looks.
    """

    files: Mapping[str, str]
    links: tuple[str, ...]
    ignored: tuple[str, ...]
    twice: bool = False


def signature_of(status: os.stat_result) -> str:
    """Given what `stat` says of a file, return text that differs once the file has been replaced or changed."""
    return (
        f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_mode}"
    )


def changed_at(signature: str) -> float:
    """Given a signature of `signature_of`, return when the file last changed, in seconds since the epoch."""
    return int(signature.split(":")[4]) / 1e9


def scan(directory: str) -> Scan:
    """Given a directory, return its policy files. Raises OSError when the directory cannot be read."""
    files: dict[str, str] = {}
    links: list[str] = []
    ignored: list[str] = []
    twice = False
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if not name.endswith(SUFFIXES):
                if not name.endswith(("~", ".swp", ".tmp")):
                    ignored.append(name)
                continue
            try:
                status = entry.stat()
            except OSError:
                files[name] = GONE
            else:
                if stat.S_ISDIR(status.st_mode):
                    ignored.append(name)
                    continue
                files[name] = signature_of(status)
                twice = twice or status.st_nlink > 1
            if entry.is_symlink():
                links.append(name)
    return Scan(files, tuple(links), tuple(sorted(ignored)), twice)
