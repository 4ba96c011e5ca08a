"""Takes the contents of members out of an archive, and sums them on the way."""

from __future__ import annotations

import os

from agent.digests import Digest, blake3
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.members import Stream

_ZEROS = memoryview(bytes(1 << 20))


class Summing:
    """Sums the files of one archive, one after another."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._digest = blake3()

    def take(self, member: Member, descriptor: int | None = None) -> str:
        """Take the content of a file, write it to a descriptor if there is one, and return its BLAKE3.

        Holes are hashed as the zeros that they are read as, and not written. Raises Damaged where the archive is not
        what it should be, OSError when it cannot be written.
        """
        digest = self._digest
        digest.reset()
        if member.sparse:
            _spread(self._stream, member, digest, descriptor)
            return digest.hexdigest()
        take = self._stream.take
        while (piece := take()) is not None:
            digest.update(piece)
            if descriptor is not None:
                while len(piece) > (written := os.write(descriptor, piece)):
                    piece = piece[written:]
        return digest.hexdigest()


def _spread(stream: Stream, member: Member, digest: Digest, descriptor: int | None) -> None:
    if descriptor is not None:
        os.truncate(descriptor, member.size)
    at = 0
    piece: memoryview | None = None
    for offset, length in stream.extents(member):
        _hash_zeros(stream, digest, offset - at)
        at = offset
        while at < offset + length:
            if not piece:
                piece = stream.take()
                assert piece is not None
            part, piece = piece[: offset + length - at], piece[offset + length - at :]
            digest.update(part)
            if descriptor is not None:
                _write(descriptor, part, at)
            at += len(part)
    _hash_zeros(stream, digest, member.size - at)


def _hash_zeros(stream: Stream, digest: Digest, count: int) -> None:
    while count > 0:
        digest.update(_ZEROS[:count])
        count -= len(_ZEROS)
        stream.pause()


def _write(descriptor: int, piece: memoryview, at: int) -> None:
    while len(piece) > (written := os.pwrite(descriptor, piece, at)):
        piece, at = piece[written:], at + written
