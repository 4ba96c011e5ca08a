"""The BLAKE3 of a sparse file, from the form in which GNU tar keeps one (version 1.0).

First comes a map: lines of decimal numbers, padded with zeros to whole blocks. The first is how many pieces there are,
then two for each: where it begins in the file, and how long it is. Then come the pieces. All else in the file is zero.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.digests import blake3

BLOCK = 512
_ZEROS = memoryview(bytes(1 << 20))


class Holes:
    """Takes the stored form in pieces of any length; the digest is that of the file as it is read, holes as zeros.

    `size` is that of the file. `checkpoint` is called now and then while a hole is hashed, and may raise.
    """

    def __init__(self, size: int, checkpoint: Callable[[], None]) -> None:
        self._size = size
        self._checkpoint = checkpoint
        self._digest = blake3()
        self._at = 0
        self._map = b""
        self._pieces: list[tuple[int, int]] | None = None

    def update(self, data: memoryview) -> None:
        """Take the next piece of the stored form."""
        at = 0
        while at < len(data) and self._pieces is None:
            size = min(BLOCK - len(self._map) % BLOCK, len(data) - at)
            self._map += data[at : at + size]
            at += size
            if len(self._map) % BLOCK == 0:
                self._pieces = _pieces(self._map)
        while at < len(data) and self._pieces:
            begin, length = self._pieces[-1]
            self._zeros(begin)
            size = min(begin + length - self._at, len(data) - at)
            self._digest.update(data[at : at + size])
            at += size
            self._at += size
            if self._at == begin + length:
                self._pieces.pop()

    def hexdigest(self) -> str:
        """Return the digest once all was taken."""
        self._zeros(self._size)
        return self._digest.hexdigest()

    def _zeros(self, until: int) -> None:
        while self._at < until:
            size = min(until - self._at, len(_ZEROS))
            self._digest.update(_ZEROS[:size])
            self._at += size
            self._checkpoint()


def _pieces(stored: bytes) -> list[tuple[int, int]] | None:
    """Given the beginning of a stored form in whole blocks, return its pieces, the last first, or None for too few."""
    count, line, rest = stored.partition(b"\n")
    if not line or rest.count(b"\n") < 2 * int(count):
        return None
    numbers = [int(number) for number in rest.split(b"\n", 2 * int(count))[: 2 * int(count)]]
    # A piece of no length at the end only tells the size.
    return [(begin, length) for begin, length in zip(numbers[::2], numbers[1::2], strict=True) if length][::-1]
