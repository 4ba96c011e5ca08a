"""Reads an archive as it comes, in memory that does not grow; what it announces is bounded first.

It is the same reader that looks at an archive while it is made, and when it is brought back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from agent.drivers.repositories.tar.headers import BLOCK, BadHeader, Member, decimal, member_of, octal, records_of
from agent.drivers.repository import Damaged

_BUFFER = 1 << 19
"""More would not stay in the processor's cache until it is hashed and written."""
_MOST_RECORDS = 1 << 28
"""The records of one object may take so many bytes: those of a directory hold every name in it."""
_MOST_EXTENTS = 1 << 22
_MOST_PADDING = 1 << 24
_RECORDS = ord("x")
_END = bytes(BLOCK)
_HEADERS = 3 * BLOCK
_TIME, _TIME_SIZE, _NEWLINE = b"30 mtime=", b"00000000036\0", ord("\n")
_TIME_AT, _TIME_END = BLOCK + len(_TIME), BLOCK + 29
_NONE: Mapping[bytes, bytes] = {}


def from_descriptor(descriptor: int) -> Callable[[memoryview], int]:
    """Return what reads an archive from a descriptor."""
    return lambda buffer: os.readv(descriptor, [buffer])


class Stream:
    """The members of an archive, in their order; each is to be taken or skipped to its end.

    `read(buffer)` puts what comes next into a buffer, and returns how many bytes, 0 at the end. `where` names the
    archive in messages. `heard(bytes)` is called whenever more was read, and may raise. `cut` is that it ended before
    its end.
    """

    def __init__(self, read: Callable[[memoryview], int], where: str, heard: Callable[[int], None]) -> None:
        self._read = read
        self._where = where
        self._heard = heard
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._at = 0
        self._end = 0
        self._left = 0
        self._padding = 0
        self.cut = False

    def next(self) -> Member | None:
        """Return the next member, or None at the end of the archive. Raises Damaged."""
        if self._left:
            raise AssertionError("a member was left before its end")
        if self._padding:
            if self._padding <= self._end - self._at:
                self._at += self._padding
            else:
                self._advance(self._padding)
            self._padding = 0
        try:
            return self._next()
        except BadHeader as error:
            raise self.damaged(str(error)) from error

    def _next(self) -> Member | None:
        at = self._at
        if at + _HEADERS <= self._end and self._is_usual(at):
            self._at = at + _HEADERS
            time = bytes(self._view[at + _TIME_AT : at + _TIME_END])
            member = member_of(bytes(self._view[at + 2 * BLOCK : at + _HEADERS]), {b"mtime": time})
        else:
            records = _NONE
            while (header := self._block())[156] == _RECORDS:
                if records is not _NONE:
                    raise BadHeader("has two lists of records for one object")
                records = self._records(octal(header[124:136]))
            if header == _END and records is _NONE:
                self._finish()
                return None
            member = member_of(header, records)
        self._left = member.stored
        self._padding = -member.stored % BLOCK
        return member

    def _is_usual(self, at: int) -> bool:
        """Tell whether there are headers of the usual kind in the buffer: their only record is a time of 20 digits."""
        buffer = self._buffer
        return (
            buffer[at + 156] == _RECORDS
            and buffer.startswith(_TIME, at + BLOCK)
            and buffer.startswith(_TIME_SIZE, at + 124)
            and buffer[at + _TIME_END] == _NEWLINE
            and buffer[at + 2 * BLOCK + 156] != _RECORDS
        )

    def take(self) -> memoryview | None:
        """Return the next bytes of the member's content, valid until the next call of anything, or None at its end."""
        left = self._left
        if not left:
            return None
        at, have = self._at, self._end - self._at
        if not have:
            self._fill(1)
            at, have = 0, self._end
        have = min(have, left)
        self._at = at + have
        self._left = left - have
        return self._view[at : at + have]

    def extents(self, member: Member) -> list[tuple[int, int]]:
        """Return where the content of a sparse member belongs, as (offset, length), in order; what is between is holes.

        What `take` gives afterwards is that content.
        """
        numbers: list[int] = []
        rest, wanted = b"", 1
        while len(numbers) < wanted:
            if self._left < BLOCK or len(rest) > BLOCK:
                raise self.damaged("has a file whose map of pieces does not end")
            self._left -= BLOCK
            *whole, rest = (rest + self._block()).split(b"\n")
            try:
                numbers += map(decimal, whole)
            except BadHeader as error:
                raise self.damaged(str(error)) from error
            wanted = 1 + 2 * numbers[0] if numbers else 1
            if wanted > _MOST_EXTENTS:
                raise self.damaged("has a file of more pieces than are allowed")
        extents = list(zip(numbers[1::2], numbers[2::2], strict=False))
        reached = 0
        for offset, length in extents:
            if offset < reached or offset + length > member.size:
                raise self.damaged("has pieces of a file that are not in order, or beyond its end")
            reached = offset + length
        if len(numbers) != wanted or sum(length for _, length in extents) != self._left:
            raise self.damaged("has pieces of a file that are not those of its map")
        return extents

    def spread(self, member: Member) -> Iterator[tuple[int, memoryview]]:
        """Yield the content of a sparse member in order, as (offset, bytes), valid until the next; see `extents`."""
        piece: memoryview | None = None
        for offset, length in self.extents(member):
            at = offset
            while at < offset + length:
                if not piece:
                    piece = self.take()
                    assert piece is not None
                part, piece = piece[: offset + length - at], piece[offset + length - at :]
                yield at, part
                at += len(part)

    def skip(self) -> None:
        """Go to the end of the member."""
        self._advance(self._left)
        self._left = 0

    def pause(self) -> None:
        """Let whoever waits be heard; for long work between two reads."""
        self._heard(0)

    def damaged(self, what: str) -> Damaged:
        """Return what to raise when the archive is not what this driver writes."""
        return Damaged(f"{self._where} is no archive of this driver's: it {what}")

    def _block(self) -> bytes:
        at = self._at
        if self._end - at < BLOCK:
            self._fill(BLOCK)
            at = 0
        self._at = at + BLOCK
        return bytes(self._view[at : at + BLOCK])

    def _fill(self, least: int) -> None:
        """Have at least so many bytes in the buffer, from its front."""
        left = self._end - self._at
        self._view[:left] = self._view[self._at : self._end]
        self._at, self._end = 0, left
        while self._end < least:
            got = self._read(self._view[self._end :])
            if not got:
                self.cut = True
                raise Damaged(f"{self._where} ends too early")
            self._end += got
            self._heard(got)

    def _advance(self, count: int) -> None:
        while count > self._end - self._at:
            count -= self._end - self._at
            self._at = self._end
            self._fill(1)
        self._at += count

    def _finish(self) -> None:
        """Read the second block of the end, the zeros that tar fills its last record with, and nothing else."""
        if self._block() != _END:
            raise self.damaged("goes on after its end")
        padding = 0
        while True:
            rest = bytes(self._view[self._at : self._end])
            padding += len(rest)
            if rest.strip(b"\0") or padding > _MOST_PADDING:
                raise self.damaged("goes on after its end")
            self._at, self._end = 0, self._read(self._view)
            if not self._end:
                return
            self._heard(self._end)

    def _records(self, size: int) -> dict[bytes, bytes]:
        if size > _MOST_RECORDS:
            raise BadHeader("has records that are larger than is allowed")
        return records_of(self._content(size))

    def _content(self, size: int) -> bytes:
        padded = size + -size % BLOCK
        if padded <= _BUFFER:
            if self._end - self._at < padded:
                self._fill(padded)
            at = self._at
            self._at = at + padded
            return bytes(self._view[at : at + size])
        self._left = size
        content = b"".join(bytes(piece) for piece in iter(self.take, None))
        self._advance(padded - size)
        return content
