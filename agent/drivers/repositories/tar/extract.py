"""Goes through an archive together with its manifest, and holds contents against it or brings them back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from agent.drivers.repositories.tar import manifest
from agent.drivers.repositories.tar.hashing import Summing
from agent.drivers.repositories.tar.headers import DUMPDIR, Member
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repositories.tar.members import Stream
from agent.drivers.repositories.tar.target import Target
from agent.drivers.repositories.tar.way import shown
from agent.drivers.repositories.tar.writing import write

Wanted = Callable[[int, Member], list[bytes]]
"""Given the number of an object and its headers, the paths that it comes to, none where it is not wanted."""


class Count(Struct):
    """What was brought back so far: objects, and bytes of files."""

    items: int = 0
    bytes: int = 0


def walk(stream: Stream, lines: Iterable[bytes], where: str) -> Iterator[tuple[int, Member, str]]:
    """Given an archive and the lines of its manifest, yield its objects, numbered, each with the SHA-256 told.

    `where` names the manifest in messages. Raises Damaged where the two differ. The content of each is to be taken or
    skipped before the next.
    """
    waiting = iter(lines)
    for number, raw in enumerate(waiting):
        member = stream.next()
        told = manifest.sum_of(raw, member) if member is not None else None
        if told is None:
            one = manifest.parse(raw, where)
            if isinstance(one, End):
                if member is not None:
                    raise stream.damaged(f"has {shown(member.path)}, which is not in its manifest")
                manifest.check_end(one, number, waiting, where)
                return
            if member is None:
                raise stream.damaged(f"lacks {shown(one.entry.path)}, which is in its manifest")
            if not _agree(one, member):
                raise stream.damaged(f"has {shown(member.path)} where its manifest has another {shown(one.entry.path)}")
            told = one.entry.sha256
        assert member is not None
        yield number, member, told
    raise manifest.cut(where)


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
        and (one.names is None or _names(one.names) == member.records.get(DUMPDIR))
    )


def _names(names: Iterable[tuple[str, bytes]]) -> bytes:
    return b"".join(code.encode() + name + b"\0" for code, name in names) + b"\0"


def compare(stream: Stream, summing: Summing, member: Member, told: str) -> None:
    """Take the content of a file, and hold its SHA-256 against the manifest. Raises Damaged when it is another."""
    if summing.take(member) != told:
        raise stream.damaged(f"has {shown(member.path)} with another content than its manifest tells")


class Extraction:
    """Brings back what is wanted of the archives of a chain, one after another, and counts.

    `made` says that directories were all made before. Contents are not summed here: the archive was, before, and
    whoever asked for them compares what has reached the disk, which says more.
    """

    def __init__(self, target: Target, count: Count, *, made: bool) -> None:
        self._target = target
        self._made = made
        self.count = count

    def extract(self, stream: Stream, lines: Iterable[bytes], where: str, wanted: Wanted) -> None:
        """Bring back what is wanted of an archive; see `walk`. Raises Damaged, OSError and ValueError; see `Target`."""
        count, target = self.count, self._target
        for number, member, told in walk(stream, lines, where):
            paths = wanted(number, member)
            if not paths:
                stream.skip()
                continue
            path = paths[0]
            if member.kind == "file":
                if not told:
                    raise stream.damaged(f"has {shown(member.path)}, of which its manifest has no sum")
                descriptor = target.new_file(path)
                try:
                    write(stream, member, descriptor)
                    target.settle(descriptor, member)
                finally:
                    os.close(descriptor)
                count.bytes += member.size
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
