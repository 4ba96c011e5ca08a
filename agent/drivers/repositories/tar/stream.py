"""Reads an archive of GNU tar as it goes by, and hashes each regular file in it, in memory that does not grow.

What is read is `--format=posix` (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block") with GNU tar's
additions: `GNU.dumpdir` (GNU tar manual, "Dumpdir") and sparse files of version 1.0 ("Storing Sparse Files").
Names that lead nowhere else, checksums of headers and the like are not looked at: it comes from a tar of our own.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from agent.drivers.repositories.tar.holes import Holes
from agent.errors import RunFailed

BLOCK = 512
_KINDS = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hard link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "fifo",
}
_MAGIC = b"ustar\x0000"
_EMPTY = sha256().hexdigest()


class Member(Struct, frozen=True):
    """An object of an archive as its headers tell it: `records` are those of pax, `modified` is nanoseconds."""

    name: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: int
    target: bytes
    device: str
    records: dict[bytes, bytes]


class _Digest(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Stream:
    """Takes an archive in pieces of any length, and gives each member, complete, with its SHA-256 (of files) to `tell`.

    `content` counts the bytes of files that went by.
    """

    def __init__(self, tell: Callable[[Member, str], None], checkpoint: Callable[[], None]) -> None:
        self.content = 0
        self.ended = False
        self._tell = tell
        self._checkpoint = checkpoint
        self._member: Member | None = None
        self._digest: _Digest = sha256()
        self._left = self._skip = 0
        self._held = b""
        self._need = BLOCK
        self._records: dict[bytes, bytes] | None = {}
        self._records_size = 0

    def feed(self, chunk: memoryview) -> None:
        """Take the next piece. Raises RunFailed when it is no archive of the kind that is read here."""
        at, end = 0, len(chunk)
        while at < end and not self.ended:
            if self._left:
                size = min(self._left, end - at)
                self._digest.update(chunk[at : at + size])
                self._left -= size
                at += size
                if not self._left:
                    self._complete()
            elif self._skip:
                size = min(self._skip, end - at)
                self._skip -= size
                at += size
            else:
                block = bytes(chunk[at : at + self._need - len(self._held)])
                at += len(block)
                if self._held:
                    block = self._held + block
                if len(block) == self._need:
                    self._held = b""
                    self._block(block)
                else:
                    self._held = block

    def _block(self, block: bytes) -> None:
        if self._records_size:
            self._records = _records(block, self._records_size)
            self._records_size, self._need = 0, BLOCK
            return
        if block[257:265] != _MAGIC:
            if any(block):
                raise RunFailed("tar wrote what is no archive: is it GNU tar? See what tar --version says")
            self.ended = True
            return
        kind = block[156:157]
        if kind in b"xg":
            size = _octal(block[124:136])
            if kind == b"x":
                self._records_size = size
                self._need = -(-size // BLOCK) * BLOCK
            else:
                self._skip = -(-size // BLOCK) * BLOCK
            return
        self._begin(block, kind)

    def _begin(self, block: bytes, kind: bytes) -> None:
        records, self._records = self._records or {}, None
        stored = int(records[b"size"]) if b"size" in records else _octal(block[124:136])
        member = _member(block, kind, records, stored)
        self._member = member
        if member.kind != "file":
            self._skip = -(-stored // BLOCK) * BLOCK
            self._tell(member, "")
            return
        self.content += stored
        if not stored and not member.size:
            self._tell(member, _EMPTY)
            return
        self._digest = Holes(member.size, self._checkpoint) if b"GNU.sparse.major" in records else sha256()
        self._left, self._skip = stored, -stored % BLOCK
        if not stored:
            self._complete()

    def _complete(self) -> None:
        assert self._member is not None
        self._tell(self._member, self._digest.hexdigest())


def _member(block: bytes, kind: bytes, records: dict[bytes, bytes], stored: int) -> Member:
    if kind not in _KINDS:
        raise RunFailed(f"tar wrote an object of a kind that is not known: {kind!r}")
    name = records.get(b"GNU.sparse.name") or records.get(b"path") or _name(block)
    mtime = records.get(b"mtime")
    device = ""
    if kind in b"34":
        letter = "c" if kind == b"3" else "b"
        device = f"{letter} {_octal(block[329:337])} {_octal(block[337:345])}"
    return Member(
        name,
        _KINDS[kind],
        _octal(block[100:108]),
        int(records[b"uid"]) if b"uid" in records else _octal(block[108:116]),
        int(records[b"gid"]) if b"gid" in records else _octal(block[116:124]),
        int(records.get(b"GNU.sparse.realsize", stored)),
        _nanoseconds(mtime) if mtime is not None else _octal(block[136:148]) * 1_000_000_000,
        (records.get(b"linkpath") or block[157:257].partition(b"\0")[0]) if kind in b"12" else b"",
        device,
        records,
    )


def _name(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix else name


def _octal(field: bytes) -> int:
    return int(field.rstrip(b"\0 ") or b"0", 8)


def _nanoseconds(text: bytes) -> int:
    whole, _, fraction = text.partition(b".")
    nanoseconds = int((fraction + b"000000000")[:9])
    # -1.5 is one and a half seconds before the epoch.
    return int(whole) * 1_000_000_000 + (-nanoseconds if text.startswith(b"-") else nanoseconds)


def _records(block: bytes, size: int) -> dict[bytes, bytes]:
    """Given the content of an extended header, return its records: `length SP keyword = value LF`, each."""
    records = {}
    at = 0
    while at < size:
        space = block.index(b" ", at)
        end = at + int(block[at:space])
        equals = block.index(b"=", space, end)
        records[block[space + 1 : equals]] = block[equals + 1 : end - 1]
        at = end
    return records
