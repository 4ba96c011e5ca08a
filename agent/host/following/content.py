"""The content of a log's file, whether or not it is compressed, from a place on and in blocks of whole lines."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO

from msgspec import Struct

from agent.errors import RunFailed
from agent.host.following.position import MARK

CHUNK = 1 << 20
LONGEST = 16 << 20
"""A line that has not ended after so many bytes is taken for several."""

Unpack = Callable[[int], AbstractContextManager[int]]
"""Given the descriptor of a file that zstd compressed, give one to read its content from."""

_OPENERS: Mapping[str, Callable[[IO[bytes]], io.BufferedIOBase]] = {
    ".gz": lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)


class Block(Struct, frozen=True):
    """Whole lines of a file: `start` is where they begin, `before` the bytes right before that.

    The last line of a file that is finished need not have a line end.
    """

    start: int
    before: bytes
    data: bytes

    def lines(self) -> list[bytes]:
        """Return the lines without their ends."""
        return (self.data[:-1] if self.data.endswith(b"\n") else self.data).split(b"\n")

    def until(self, length: int) -> tuple[int, bytes]:
        """Return the place after so many bytes of the block, and the bytes right before it."""
        return self.start + length, (self.before + self.data[max(0, length - MARK) : length])[-MARK:]


def read_at(descriptor: int, offset: int, length: int) -> bytes:
    """Read so many bytes from a place of a plain file, fewer at its end."""
    found = b""
    while len(found) < length and (more := os.pread(descriptor, length - len(found), offset + len(found))):
        found += more
    return found


def chunks(descriptor: int, ending: str, offset: int, unpack: Unpack) -> Iterator[bytes]:
    """Yield the content of a file from a place on; `ending` names how it is compressed, "" for not at all.

    Raises RunFailed when it is damaged or cannot be unpacked.
    """
    if not ending:
        yield from _plain(descriptor, offset)
        return
    try:
        if ending == ".zst":
            with unpack(descriptor) as stream:
                yield from _after(offset, io.FileIO(stream, closefd=False))
        else:
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(os.dup(descriptor), "rb") as raw, _OPENERS[ending](raw) as unpacked:
                yield from _after(offset, unpacked)
    except _DAMAGE as error:
        raise RunFailed(f"its content cannot be unpacked: {error}") from error


def _plain(descriptor: int, offset: int) -> Iterator[bytes]:
    while chunk := os.pread(descriptor, CHUNK, offset):
        offset += len(chunk)
        yield chunk


def _after(offset: int, stream: io.BufferedIOBase | io.FileIO) -> Iterator[bytes]:
    """Yield what comes after the first `offset` bytes of a stream."""
    while chunk := stream.read(CHUNK):
        if offset >= len(chunk):
            offset -= len(chunk)
            continue
        yield chunk[offset:]
        offset = 0


def skip_hole(descriptor: int, offset: int) -> int:
    """Return where data begins at or after a place of a plain file: a writer that is not told of a truncation goes on
    where it was, and leaves a hole before that.
    """
    if os.pread(descriptor, 1, offset) != b"\0":
        return offset
    try:
        offset = os.lseek(descriptor, offset, os.SEEK_DATA)
    except OSError:
        return offset
    while chunk := os.pread(descriptor, CHUNK, offset):
        rest = chunk.lstrip(b"\0")
        offset += len(chunk) - len(rest)
        if rest:
            break
    return offset


def blocks(stream: Iterator[bytes], start: int, before: bytes, *, whole: bool) -> Iterator[Block]:
    """Given the content from a place on and the bytes before it, yield it in blocks of whole lines.

    A line without its end is left, unless the file is `whole` and nothing will follow, or it is longer than LONGEST.
    """
    held: list[bytes] = []
    size = 0
    for chunk in stream:
        cut = chunk.rfind(b"\n") + 1
        held.append(chunk[:cut] if cut else chunk)
        size += len(held[-1])
        if not cut and size < LONGEST:
            continue
        block = Block(start, before, b"".join(held))
        yield block
        start, before = block.until(size)
        held = [chunk[cut:]] if cut and cut < len(chunk) else []
        size = sum(map(len, held))
    if whole and size:
        yield Block(start, before, b"".join(held))
