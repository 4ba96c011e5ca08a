"""Where reading a log stands: in which files, how far, and by what these are known again.

A file is known by device and inode, which are given anew to others, and by its content: by digests of its beginning and
of the bytes right before the place that was reached.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from agent.digests import blake2b

MARK = 256
"""So many bytes are digested at the beginning, and before the place that was reached."""


def digest(content: bytes) -> str:
    """Return a short digest of bytes."""
    return blake2b(content, digest_size=12).hexdigest()


class Part(Struct, frozen=True, kw_only=True):
    """How far one file was read. `head` is the digest of its first `head_size` bytes, `tail` of those before `offset`.

    `born` is when the file was made, in nanoseconds since the epoch, where its file system tells.
    A file that was compressed keeps the offset of its content; device and inode are then those of the compressed one.
    """

    device: int
    inode: int
    born: int | None = None
    offset: int = 0
    head: str = ""
    head_size: int = 0
    tail: str = ""

    def fits(self, read: Callable[[int, int], bytes]) -> bool:
        """Given what reads so many bytes from a place, tell whether a content is the one that was read so far."""
        if self.head_size and digest(read(0, self.head_size)) != self.head:
            return False
        marked = min(self.offset, MARK)
        return not marked or digest(read(self.offset - marked, marked)) == self.tail


class Position(Struct, frozen=True, kw_only=True):
    """Where reading a log stands: its files that may still give lines, the oldest first, and when it was looked at.

    `seen` is seconds since the epoch. The files are the one that is written and those that were before it.
    """

    seen: float
    parts: tuple[Part, ...] = ()
