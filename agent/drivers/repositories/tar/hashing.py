"""Sums the contents of the members of an archive as they go by."""

from __future__ import annotations

from agent.digests import Digest, content_sha256
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.members import Stream

_ZEROS = memoryview(bytes(1 << 20))


class Summing:
    """Sums the files of one archive, one after another."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def take(self, member: Member) -> str:
        """Take the content of a file, and return its SHA-256; holes are hashed as the zeros that they are read as.

        Raises Damaged where the archive is not what it should be.
        """
        digest = content_sha256()
        if member.sparse:
            _spread(self._stream, member, digest)
            return digest.hexdigest()
        take = self._stream.take
        while (piece := take()) is not None:
            digest.update(piece)
        return digest.hexdigest()


def _spread(stream: Stream, member: Member, digest: Digest) -> None:
    at = 0
    for offset, piece in stream.spread(member):
        _hash_zeros(stream, digest, offset - at)
        digest.update(piece)
        at = offset + len(piece)
    _hash_zeros(stream, digest, member.size - at)


def _hash_zeros(stream: Stream, digest: Digest, count: int) -> None:
    while count > 0:
        digest.update(_ZEROS[:count])
        count -= len(_ZEROS)
        stream.pause()
