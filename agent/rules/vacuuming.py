"""Which files of the journal are given up: what `journalctl --vacuum-*` would delete, told before it does.

Source: systemd, src/libsystemd/sd-journal/journal-vacuum.c. Only archived files are looked at. The oldest one is
deleted while any bound is violated: the sizes of archived files together, the number of all files, or its age, which
is that of its first entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

_ARCHIVED = re.compile(r"(?:[^@]+)@([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{16})\.journal")
_BROKEN = re.compile(r"(?:[^@]+)@([0-9a-f]{16})-([0-9a-f]{16})\.journal~")


class JournalFile(Struct, frozen=True):
    """A file of a journal: its path, how much of the disk it takes in bytes, and when its first entry was written.

    `since` is seconds since the epoch, None for a file that is not archived: journald has it open.
    """

    path: str
    bytes: int
    since: float | None


def since_of(name: str) -> float | None:
    """Given the name of a file of a journal, return when its first entry was written, None if it is not archived."""
    if found := _ARCHIVED.fullmatch(name):
        return int(found[3], 16) / 1e6
    if found := _BROKEN.fullmatch(name):
        return int(found[1], 16) / 1e6
    return None


def given_up(
    files: Iterable[JournalFile], *, now: float, size: int | None, age: float | None, count: int | None
) -> Sequence[JournalFile]:
    """Given the files of one directory and the bounds, return those that are to be deleted, the oldest first."""
    known = list(files)
    archived = sorted((one for one in known if one.since is not None), key=lambda one: (one.since or 0.0, one.path))
    active = len(known) - len(archived)
    left = sum(one.bytes for one in archived)
    found: list[JournalFile] = []
    for number, one in enumerate(archived):
        young = age is None or (one.since or 0.0) >= now - age
        small = size is None or left <= size
        few = count is None or active + len(archived) - number <= count
        if young and small and few:
            break
        found.append(one)
        left -= one.bytes
    return found
