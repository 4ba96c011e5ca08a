"""The table of the mounts that a process has, of which names may hold any byte: users may mount, and choose them."""

from __future__ import annotations

import os
import re

from msgspec import Struct

OWN = "/proc/self/mountinfo"
_ESCAPE = re.compile(rb"\\([0-7]{3})")


class Mount(Struct, frozen=True):
    """A mount: `root`, a directory of the file system of type `kind`, at `place`. `device` is its MAJOR:MINOR."""

    device: str
    root: str
    place: str
    kind: str


def mounts(table: str = OWN) -> list[Mount]:
    """Given the path of a table as proc(5) has it, return its mounts in its order. Raises OSError."""
    with open(table, "rb") as file:
        return [_mount(row) for row in rows(file.read())]


def rows(table: bytes) -> list[bytes]:
    """Given the content of a table, return its rows."""
    # Of what ends lines elsewhere, the kernel escapes the line feed alone.
    return [row for row in table.split(b"\n") if row]


def plain(field: bytes) -> bytes:
    """Given a name as the kernel has written it, return the name."""
    return _ESCAPE.sub(lambda octal: bytes([int(octal[1], 8)]), field)


def _mount(row: bytes) -> Mount:
    _, _, device, root, place, rest = row.split(b" ", 5)
    kind = rest.partition(b" - ")[2].partition(b" ")[0]
    return Mount(*(os.fsdecode(plain(field)) for field in (device, root, place, kind)))
