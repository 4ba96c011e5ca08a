"""What was read of directories, held in little room, so that the next walk need not read them again."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from agent.host.tree.directory import Directory, Listing

ROOM = 16 << 20
"""So many bytes of memory are spent on names; a tree with more of them is read again."""

_OVERHEAD = 400
"""About as many bytes as a listing takes beside its names."""


class Listings:
    """The listings of a walk's directories, all of them or, when they do not fit into `room` bytes, none."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._held: dict[tuple[int, int], Listing] = {}

    def batches(self, directory: Directory) -> Iterator[list[str]]:
        """Given a directory just entered, yield its batches, and hold them."""
        joined = []
        for batch in directory.batches():
            if batch and self._room > 0:
                joined.append("/".join(batch))
                self._room -= sys.getsizeof(joined[-1])
            yield batch
        below = directory.subdirectories()
        if below is None:
            self._room = 0
        else:
            self._room -= sum(map(sys.getsizeof, below)) + _OVERHEAD
        if self._room > 0:
            self._held[directory.device, directory.inode] = Listing(joined, below or [])
        else:
            self._held.clear()

    def recall(self, directory: Directory) -> None:
        """Given a directory just entered, have it read from its listing, if there is one. Each serves once."""
        listing = self._held.pop((directory.device, directory.inode), None)
        if listing is not None:
            directory.recall(listing)
