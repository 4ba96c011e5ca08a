"""Reads an archive as it comes through a pipe: what GNU tar writes with `--format=posix`, and nothing beyond that.

An archive is hostile here. Whatever this driver does not write is refused: global headers, GNU's own long names, older
kinds of sparse files, numbers in base 256. What a header announces is bounded before it is read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping

from msgspec import Struct

from agent.drivers.repository import Damaged

_BLOCK = 512
_BUFFER = 1 << 20
_MOST_RECORDS = 1 << 28
"""The records of one object may take so many bytes: those of a directory hold every name in it."""
_MOST_EXTENTS = 1 << 22
_MOST_DIGITS = 19
_MOST_SPARSE = 1 << 44
"""No file of holes is larger: reading one takes its time, however small it is in the archive."""

_KINDS = {
    b"0": "file",
    b"1": "hard link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "fifo",
}
_MAGIC = b"ustar\x0000"
_RECORDS = ord("x")
_CHARACTER = b"3"
_END = bytes(_BLOCK)
_TIME, _ONE_TIME = b"30 mtime=", 30
"""The record that most objects have, and no other: the time with nanoseconds."""
_FIELDS = struct.Struct("100s8s8s8s12s12s8sc100s8s64x8s8s155s12x")
"""name, mode, uid, gid, size, mtime, checksum, type, link, magic, (names of owners), device, prefix (ustar)."""
_NONE: Mapping[bytes, bytes] = {}


class Member(Struct, gc=False):
    """What the headers of one object say. `path` and a hard link's `target` are absolute; `modified` is nanoseconds.

    `stored` is how many bytes of the archive follow, `size` how many the file has. `device` is like `c 1 3`, or "".
    """

    path: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    stored: int
    modified: int
    target: bytes
    device: str
    records: Mapping[bytes, bytes]

    @property
    def sparse(self) -> bool:
        """Whether a map of its extents comes first."""
        return b"GNU.sparse.major" in self.records


class Stream:
    """The members of an archive that a descriptor gives, in their order; each is to be taken or skipped to its end.

    `where` names the archive in messages. `heard(bytes)` is called whenever more was read, and may raise.
    """

    def __init__(self, descriptor: int, where: str, heard: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._where = where
        self._heard = heard
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._at = 0
        self._end = 0
        self._left = 0
        self._padding = 0

    def next(self) -> Member | None:
        """Return the next member, or None at the end of the archive. Raises Damaged."""
        if self._left:
            raise AssertionError("a member was left before its end")
        if self._padding:
            self._advance(self._padding)
            self._padding = 0
        records = _NONE
        while True:
            header = self._block()
            if header[156] == _RECORDS:
                if records is not _NONE:
                    raise self.damaged("has two lists of records for one object")
                records = self._records(self._octal(header[124:136]))
            elif header == _END and records is _NONE:
                self._finish()
                return None
            else:
                member = self._member(header, records)
                self._left = member.stored
                self._padding = -member.stored % _BLOCK
                return member

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
            if self._left < _BLOCK or len(rest) > _BLOCK:
                raise self.damaged("has a file whose map of pieces does not end")
            self._left -= _BLOCK
            *whole, rest = (rest + self._block()).split(b"\n")
            numbers += map(self._decimal, whole)
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
        if self._end - at < _BLOCK:
            self._fill(_BLOCK)
            at = 0
        self._at = at + _BLOCK
        return bytes(self._view[at : at + _BLOCK])

    def _fill(self, least: int) -> None:
        """Have at least so many bytes in the buffer, from its front."""
        left = self._end - self._at
        self._view[:left] = self._view[self._at : self._end]
        self._at, self._end = 0, left
        while self._end < least:
            got = os.readv(self._descriptor, [self._view[self._end :]])
            if not got:
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
        while True:
            if any(self._view[self._at : self._end]):
                raise self.damaged("goes on after its end")
            self._at, self._end = 0, os.readv(self._descriptor, [self._view])
            if not self._end:
                return
            self._heard(self._end)

    def _records(self, size: int) -> dict[bytes, bytes]:
        if size > _MOST_RECORDS:
            raise self.damaged("has records that are larger than is allowed")
        content = self._content(size)
        if size == _ONE_TIME and content.startswith(_TIME):
            return {b"mtime": content[len(_TIME) : -1]}
        records: dict[bytes, bytes] = {}
        at = 0
        while at < size:
            try:
                space = content.index(b" ", at, at + 12)
                end = at + int(content[at:space])
                equals = content.index(b"=", space, end)
            except ValueError:
                raise self.damaged("has records that cannot be read") from None
            key = content[space + 1 : equals]
            if end > size or content[end - 1] != 10 or key in records:
                raise self.damaged("has records that cannot be read")
            records[key] = content[equals + 1 : end - 1]
            at = end
        return records

    def _content(self, size: int) -> bytes:
        padded = size + -size % _BLOCK
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

    def _member(self, header: bytes, records: Mapping[bytes, bytes]) -> Member:
        name, mode, uid, gid, length, time, _, flag, link, magic, major, minor, prefix = _FIELDS.unpack(header)
        kind = _KINDS.get(flag)
        if kind is None or magic != _MAGIC:
            raise self.damaged(f"has an object of a kind that does not belong there ({flag!r})")
        get = records.get
        path = get(b"GNU.sparse.name") or get(b"path") or _joined(prefix, name)
        stored = self._number(get(b"size"), length)
        size = self._sparse(kind, records) if b"GNU.sparse.major" in records else stored
        target = b""
        if kind != "file":
            if stored:
                raise self.damaged(f"has a {kind} with content")
            if kind in ("link", "hard link"):
                target = get(b"linkpath") or link.partition(b"\0")[0]
                target = absolute(target) if kind == "hard link" else target
        modified = get(b"mtime")
        return Member(
            path=absolute(path),
            kind=kind,
            mode=self._octal(mode) & 0o7777,
            uid=self._number(get(b"uid"), uid),
            gid=self._number(get(b"gid"), gid),
            size=size,
            stored=stored,
            modified=self._octal(time) * 1_000_000_000 if modified is None else self._instant(modified),
            target=target,
            device=self._device(flag, major, minor) if kind == "device" else "",
            records=records,
        )

    def _sparse(self, kind: str, records: Mapping[bytes, bytes]) -> int:
        version = records[b"GNU.sparse.major"], records.get(b"GNU.sparse.minor")
        if version != (b"1", b"0") or kind != "file" or b"GNU.sparse.name" not in records:
            raise self.damaged("has a sparse file of another format")
        size = self._decimal(records.get(b"GNU.sparse.realsize", b""))
        if size > _MOST_SPARSE:
            raise self.damaged("has a sparse file that is larger than is allowed")
        return size

    def _device(self, flag: bytes, major: bytes, minor: bytes) -> str:
        return f"{'c' if flag == _CHARACTER else 'b'} {self._octal(major)} {self._octal(minor)}"

    def _number(self, record: bytes | None, field: bytes) -> int:
        return self._octal(field) if record is None else self._decimal(record)

    def _octal(self, field: bytes) -> int:
        try:
            return int(field[:-1], 8)
        except ValueError:
            pass
        try:
            return int(field.rstrip(b"\0 ") or b"0", 8)
        except ValueError:
            raise self.damaged("has a header that cannot be read") from None

    def _decimal(self, text: bytes) -> int:
        if not text.isdigit() or len(text) > _MOST_DIGITS:
            raise self.damaged("has a number that cannot be read")
        return int(text)

    def _instant(self, text: bytes) -> int:
        """Given seconds since the epoch with a fraction, return nanoseconds."""
        whole, _, fraction = text.partition(b".")
        try:
            return int(whole + (fraction + b"000000000")[:9])
        except ValueError:
            raise self.damaged("has a time that cannot be read") from None


def _joined(prefix: bytes, name: bytes) -> bytes:
    name = name.rstrip(b"\0")
    return prefix.rstrip(b"\0") + b"/" + name if prefix[0] else name


def absolute(name: bytes) -> bytes:
    """Return the path of a member's name: tar's are relative to `/`, and those of directories end in a slash."""
    return b"/" + name.removeprefix(b"./").strip(b"/") if name != b"." else b"/"
