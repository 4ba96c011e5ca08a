"""Read one file of a log, from where reading it stands."""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from agent.host.following.candidates import Candidate
from agent.host.following.content import CHUNK, Block, Unpack, blocks, chunks, read_at, skip_hole
from agent.host.following.position import MARK, Part, digest


class Reading(Struct):
    """One file of a log, to be read from where reading it stands.

    `finished` says that nothing will be added to it, `settled` that nothing was added for a while, `ended` that what is
    there now was read to its end.
    """

    candidate: Candidate
    part: Part
    finished: bool
    settled: bool
    unpack: Unpack
    ended: bool = False

    def blocks(self) -> Iterator[Block]:
        """Yield what is new, in blocks of whole lines. Raises RunFailed when it cannot be unpacked, OSError."""
        one, start = self.candidate, self.part.offset
        marked = min(start, MARK)
        if one.ending:
            before = self._read(start - marked, marked) if start else b""
            stream = chunks(one.descriptor, one.ending, start, self.unpack)
        else:
            first = os.pread(one.descriptor, marked + CHUNK, start - marked)
            if not self._goes_on(first, marked):
                # It was truncated since it was found: the next look sees what has become of it.
                return
            before, new = first[:marked], first[marked:]
            after_hole = skip_hole(one.descriptor, start)
            if after_hole > start:
                start, marked = after_hole, min(after_hole, MARK)
                before = read_at(one.descriptor, start - marked, marked)
                new = os.pread(one.descriptor, CHUNK, start)
            stream = _going_on(one.descriptor, start, before, new)
        yield from blocks(stream, start, before, whole=self.finished)
        self.ended = True

    def _goes_on(self, first: bytes, marked: int) -> bool:
        """Tell whether what was read from before the place that was reached is of the content that was read so far.

        It is what is handed on that is looked at: a log may be truncated and written to between any two looks.
        """
        if marked:
            return digest(first[:marked]) == self.part.tail
        return not self.part.head_size or digest(first[: self.part.head_size]) == self.part.head

    def _read(self, offset: int, length: int) -> bytes:
        return self.candidate.reader(self.unpack)(offset, length)

    def reached(self, block: Block, length: int) -> None:
        """Given a block and how many of its bytes are dealt with, let reading go on after these."""
        offset, before = block.until(length)
        part = replace(self.part, offset=offset, tail=digest(before))
        begins = block.data[:MARK] if block.start == 0 else b""
        if begins and len(begins) >= self.part.head_size:
            # The log may have been truncated and written to since it was found: this is what was read.
            part = replace(part, head=digest(begins), head_size=len(begins))
        elif self.part.head_size < MARK:
            head = self._read(0, min(offset, MARK)) if offset > self.part.head_size else b""
            same = not self.part.head_size or digest(head[: self.part.head_size]) == self.part.head
            part = replace(part, head=digest(head), head_size=len(head)) if head and same else part
        self.part = part


def _going_on(descriptor: int, start: int, before: bytes, new: bytes) -> Iterator[bytes]:
    """Yield the content of a plain file from a place on, of which some was read, for as long as it goes on after that.

    Each piece is read with what came before it: where that is another, the file was truncated and written to.
    """
    at = start
    while new:
        yield new
        at += len(new)
        before = new[-MARK:] if len(new) >= MARK else (before + new)[-MARK:]
        again = os.pread(descriptor, len(before) + CHUNK, at - len(before))
        new = again[len(before) :] if again.startswith(before) else b""
