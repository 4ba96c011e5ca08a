"""Reads an archive of GNU tar as it goes by, and hashes each regular file in it, in memory that does not grow.

What is read is `--format=posix` (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block") with GNU tar's
additions: `GNU.dumpdir` (GNU tar manual, "Dumpdir") and sparse files of version 1.0 ("Storing Sparse Files").
Names that lead nowhere else, checksums of headers and the like are not looked at: it comes from a tar of our own.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from agent.digests import Digest, blake3
from agent.drivers.repositories.tar.headers import KINDS, MAGIC
from agent.drivers.repositories.tar.holes import Holes
from agent.errors import RunFailed

BLOCK = 512
_KINDS = {**KINDS, b"\0": "file", b"7": "file"}
"""Older ways to say that it is a file, too, as a tar of our own may."""
_EXTENDED = ord("x")
_MOST_OWNERS = 4096


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


class Stream:
    """Takes an archive in pieces of any length, and gives each member, complete, with its BLAKE3 (of files) to `tell`.

    `content` counts the bytes of files that went by.
    """

    def __init__(self, tell: Callable[[Member, str], None], checkpoint: Callable[[], None]) -> None:
        self.content = 0
        self.ended = False
        self._tell = tell
        self._checkpoint = checkpoint
        self._member: Member | None = None
        self._digest: Digest | Holes = blake3()
        self._left = self._skip = 0
        self._held = b""
        self._owners: dict[bytes, tuple[int, int, int]] = {}

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
            elif self._held:
                size = min(_length(self._held) - len(self._held), end - at)
                self._held += chunk[at : at + size]
                at += size
                if len(self._held) == _length(self._held):
                    block, self._held = self._held, b""
                    self._begin(block)
            else:
                block = bytes(chunk[at : at + BLOCK])
                size = _length(block)
                if at + size > end:
                    self._held = bytes(chunk[at:])
                    return
                self._begin(block if size == BLOCK else bytes(chunk[at : at + size]))
                at += size

    def _begin(self, block: bytes) -> None:
        """Take the headers of a member: one block, or that of an extended header, its records, and one block."""
        records = {}
        if len(block) > BLOCK:
            records = _records(block, BLOCK, BLOCK + int(block[124:135], 8))
            block = block[-BLOCK:]
        if block[257:265] != MAGIC:
            if records or any(block):
                raise RunFailed("tar wrote what is no archive: is it GNU tar? See what tar --version says")
            self.ended = True
            return
        stored = int(records[b"size"]) if b"size" in records else int(block[124:135], 8)
        member = self._read(block, records, stored)
        if member.kind != "file":
            self._skip = -(-stored // BLOCK) * BLOCK
            self._tell(member, "")
            return
        self._member = member
        self.content += stored
        self._digest = Holes(member.size, self._checkpoint) if b"GNU.sparse.major" in records else blake3()
        self._left, self._skip = stored, -stored % BLOCK
        if not stored:
            self._complete()

    def _complete(self) -> None:
        assert self._member is not None
        self._tell(self._member, self._digest.hexdigest())

    def _read(self, block: bytes, records: dict[bytes, bytes], stored: int) -> Member:
        kind = block[156:157]
        if kind not in _KINDS:
            raise RunFailed(f"tar wrote an object of a kind that is not known: {kind!r}")
        mode, uid, gid = self._owners.get(block[100:124]) or self._owner(block)
        mtime = records.get(b"mtime")
        device = ""
        if kind in b"34":
            device = f"{'c' if kind == b'3' else 'b'} {int(block[329:336], 8)} {int(block[337:344], 8)}"
        return Member(
            records.get(b"GNU.sparse.name") or records.get(b"path") or _name(block),
            _KINDS[kind],
            mode,
            int(records[b"uid"]) if b"uid" in records else uid,
            int(records[b"gid"]) if b"gid" in records else gid,
            int(records.get(b"GNU.sparse.realsize", stored)),
            _nanoseconds(mtime) if mtime is not None else int(block[136:147], 8) * 1_000_000_000,
            (records.get(b"linkpath") or block[157:257].partition(b"\0")[0]) if kind in b"12" else b"",
            device,
            records,
        )

    def _owner(self, block: bytes) -> tuple[int, int, int]:
        """Return the mode, owner and group that a header tells; most files have those of another one."""
        if len(self._owners) >= _MOST_OWNERS:
            self._owners.clear()
        told = int(block[100:107], 8), int(block[108:115], 8), int(block[116:123], 8)
        self._owners[block[100:124]] = told
        return told


def _length(block: bytes) -> int:
    """Given the beginning of a member's headers, return how long they are as far as that can be told by now."""
    if len(block) < BLOCK or block[156] != _EXTENDED or block[257:265] != MAGIC:
        return BLOCK
    return 2 * BLOCK - (-int(block[124:135], 8) // BLOCK) * BLOCK


def _name(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix else name


def _nanoseconds(text: bytes) -> int:
    whole, _, fraction = text.partition(b".")
    nanoseconds = int((fraction + b"000000000")[:9])
    # -1.5 is one and a half seconds before the epoch.
    return int(whole) * 1_000_000_000 + (-nanoseconds if text.startswith(b"-") else nanoseconds)


def _records(block: bytes, at: int, size: int) -> dict[bytes, bytes]:
    """Return the records of an extended header from `at` to `size`: `length SP keyword = value LF`, each."""
    records = {}
    while at < size:
        space = block.index(b" ", at)
        end = at + int(block[at:space])
        equals = block.index(b"=", space, end)
        records[block[space + 1 : equals]] = block[equals + 1 : end - 1]
        at = end
    return records
