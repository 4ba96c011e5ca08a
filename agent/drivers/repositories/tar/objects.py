"""Reads the manifest of an archive."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from agent.drivers.repositories.tar import manifest
from agent.drivers.repositories.tar.chain import Link
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repositories.tar.plain import plain
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged

_BUFFER = 1 << 20
_MOST_LINE = 1 << 28
_MOST_RATIO, _FREE = 500, 16 << 20
"""So many times its stored size a manifest may have when it is decompressed, and so many bytes in any case."""


@contextlib.contextmanager
def objects(site: Site, link: Link, source: int) -> Iterator[Iterator[Object | End]]:
    """Given the open manifest of a backup, give its objects and its end, which are to be taken to the last.

    Raises Damaged when it is none, or larger than what it is made of can be; RunFailed when it cannot be decrypted.
    """
    with lines(site, link, source) as raw:
        yield manifest.read(raw, place(link))


def place(link: Link) -> str:
    """Return how messages name the manifest of a backup."""
    return f"{link.where}/{link.made.manifest}"


@contextlib.contextmanager
def lines(site: Site, link: Link, source: int) -> Iterator[Iterator[bytes]]:
    """As `objects`, but give the lines as they are."""
    where = place(link)
    most = os.fstat(source).st_size * _MOST_RATIO + _FREE
    with (
        plain(site, link, link.made.manifest, source) as reading,
        open(reading, "rb", buffering=_BUFFER, closefd=False) as file,
    ):
        yield _lines(file, where, most)


def _lines(file: BinaryIO, where: str, most: int) -> Iterator[bytes]:
    while line := file.readline(_MOST_LINE):
        most -= len(line)
        if most < 0 or not line.endswith(b"\n"):
            raise Damaged(f"{where} is larger than a manifest can be, or ends within a line")
        yield line
