"""Goes through an archive together with its manifest, hashes what goes by, and brings back what is wanted of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from agent.digests import Digest, blake3
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repositories.tar.members import Stream
from agent.drivers.repositories.tar.target import Target
from agent.drivers.repositories.tar.way import shown

_ZEROS = memoryview(bytes(1 << 20))
Wanted = Callable[[int, Member], list[bytes]]
"""Given the number of an object and its headers, the paths that it comes to, none where it is not wanted."""


class Count(Struct):
    """What was brought back so far: objects, bytes of files, and files whose BLAKE3 was compared."""

    items: int = 0
    bytes: int = 0
    compared: int = 0


def walk(stream: Stream, objects: Iterable[Object | End]) -> Iterator[tuple[int, Object, Member]]:
    """Yield the objects of an archive, numbered, as its manifest and as its headers tell them.

    Raises Damaged where the two differ. The content of each is to be taken or skipped before the next.
    """
    for number, one in enumerate(objects):
        member = stream.next()
        if isinstance(one, End):
            if member is not None:
                raise stream.damaged(f"has {shown(member.path)}, which is not in its manifest")
        elif member is None:
            raise stream.damaged(f"lacks {shown(one.entry.path)}, which is in its manifest")
        elif not _agree(one, member):
            raise stream.damaged(f"has {shown(member.path)} where its manifest has another {shown(one.entry.path)}")
        else:
            yield number, one, member


def _agree(one: Object, member: Member) -> bool:
    entry = one.entry
    return (
        entry.path == member.path
        and entry.kind == member.kind
        and entry.size == member.size
        and one.modified == member.modified
        and entry.mode == member.mode
        and entry.uid == member.uid
        and entry.gid == member.gid
        and entry.target == member.target
        and one.device == member.device
        and (one.names is None or _names(one.names) == member.records.get(b"GNU.dumpdir"))
    )


def _names(names: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(code.encode() + name + b"\0" for code, name in names) + b"\0"


def compare(stream: Stream, one: Object, member: Member, descriptor: int | None = None) -> None:
    """Take the content of a file, write it to a descriptor if there is one, and hold its BLAKE3 against the manifest.

    Raises Damaged when it is another, OSError when it cannot be written.
    """
    digest = blake3()
    if member.sparse:
        _spread(stream, member, digest, descriptor)
    else:
        while (piece := stream.take()) is not None:
            digest.update(piece)
            if descriptor is not None:
                while len(piece) > (written := os.write(descriptor, piece)):
                    piece = piece[written:]
    if digest.hexdigest() != one.entry.blake3:
        raise stream.damaged(f"has {shown(member.path)} with another content than its manifest tells")


def _spread(stream: Stream, member: Member, digest: Digest, descriptor: int | None) -> None:
    """Take the content of a sparse file: the holes are hashed as the zeros that they are read as, and not written."""
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


class Extraction:
    """Brings back what is wanted of the archives of a chain, one after another, and counts.

    `made` says that directories were all made before.
    """

    def __init__(self, target: Target, count: Count, *, made: bool) -> None:
        self._target = target
        self._made = made
        self.count = count

    def extract(self, stream: Stream, objects: Iterable[Object | End], wanted: Wanted) -> None:
        """Bring back what is wanted of an archive. Raises Damaged, OSError and ValueError; see `Target`."""
        count, target = self.count, self._target
        for number, one, member in walk(stream, objects):
            paths = wanted(number, member)
            if not paths:
                stream.skip()
                continue
            path = paths[0]
            if member.kind == "file":
                descriptor = target.new_file(path)
                try:
                    compare(stream, one, member, descriptor)
                    target.settle(descriptor, member)
                finally:
                    os.close(descriptor)
                count.bytes += member.size
                count.compared += 1
            elif member.kind == "directory":
                if not self._made:
                    target.directory(path)
                target.dress(path, member)
            elif member.kind == "hard link":
                target.link(path, member.target)
            else:
                target.other(path, member)
            for another in paths[1:]:
                target.link(another, path)
            count.items += len(paths)


def everything(number: int, member: Member) -> list[bytes]:
    """Want each object of the only archive at its own path."""
    del number
    return [member.path]


def chosen(pairs: Iterator[tuple[int, list[bytes]]]) -> Wanted:
    """Want the objects whose numbers come, in order, with paths."""
    waiting = next(pairs, None)

    def wanted(number: int, member: Member) -> list[bytes]:
        nonlocal waiting
        del member
        if waiting is None or waiting[0] != number:
            return []
        paths = waiting[1]
        waiting = next(pairs, None)
        return paths

    return wanted
