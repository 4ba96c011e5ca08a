"""The seal of a backup: its B3SUMS vouches for its files, and the name of its directory for its B3SUMS."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from agent.digests import blake3, sha256
from agent.drivers.repositories.tar import layout
from agent.drivers.repository import Damaged

SMALL = 16 << 20
"""No record and no list of sums is larger."""

_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9_][A-Za-z0-9._@:+-]*)", re.ASCII)


def encode(sums: Mapping[str, str]) -> bytes:
    """Given the BLAKE3 of files by name, in hexadecimal, return a B3SUMS as b3sum(1) would check it."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


def decode(content: bytes, where: str) -> dict[str, str]:
    """Given the content of the B3SUMS in the directory `where`, return the BLAKE3 of files by name.

    Raises Damaged for a line that is none of ours, and for a name that comes twice.
    """
    sums: dict[str, str] = {}
    for line in content.decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] in sums:
            raise Damaged(f"{where}/{layout.SUMS} has a line that does not belong there: {line[:200]!r}")
        sums[match[2]] = match[1]
    return sums


def read(where: str) -> dict[str, str]:
    """Given the directory of a backup, return the BLAKE3 of its files by name.

    Raises Damaged when the list is not the one that the directory's name vouches for, OSError when it cannot be read.
    """
    told = layout.parse_id(os.path.basename(where))
    content = _small(where, layout.SUMS)
    if told is None or not sha256(content).hexdigest().startswith(told.mark):
        raise Damaged(f"{where}/{layout.SUMS} is not what was written: its SHA-256 is another")
    return decode(content, where)


def read_small(where: str, name: str, digest: str) -> bytes:
    """Given a directory, a file in it and its BLAKE3 in hexadecimal, return the content.

    Raises Damaged when that is another, when the file is missing, no regular file, or larger than `SMALL`; OSError
    when it cannot be read.
    """
    content = _small(where, name)
    if blake3(content).hexdigest() != digest:
        raise Damaged(f"{where}/{name} is not what was written: its BLAKE3 is another")
    return content


def _small(where: str, name: str) -> bytes:
    try:
        descriptor = os.open(os.path.join(where, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        if not os.path.isdir(where):
            raise
        raise Damaged(f"{where} lacks its {name}") from error
    with open(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > SMALL:
            raise Damaged(f"{where}/{name} is far too large to be what was written")
        return file.read(SMALL)
