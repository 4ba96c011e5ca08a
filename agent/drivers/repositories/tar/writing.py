"""Writes the contents of the members of an archive to files."""

from __future__ import annotations

import os

from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.members import Stream


def write(stream: Stream, member: Member, descriptor: int) -> None:
    """Take the content of a file and write it to a new, empty one; holes stay holes.

    Raises Damaged where the archive is not what it should be, OSError when it cannot be written.
    """
    if member.sparse:
        os.truncate(descriptor, member.size)
        for offset, part in stream.spread(member):
            _write_at(descriptor, part, offset)
        return
    take = stream.take
    while (piece := take()) is not None:
        while len(piece) > (written := os.write(descriptor, piece)):
            piece = piece[written:]


def _write_at(descriptor: int, piece: memoryview, at: int) -> None:
    while len(piece) > (written := os.pwrite(descriptor, piece, at)):
        piece, at = piece[written:], at + written
