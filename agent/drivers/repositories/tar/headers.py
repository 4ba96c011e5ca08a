"""The headers of an archive as GNU tar writes them with `--format=posix` (POSIX.1-2017, pax), and nothing beyond that.

They are hostile here. Whatever this driver does not write is refused: global headers, GNU's own long names, older
kinds of sparse files, numbers in base 256. Checksums of headers are not looked at: the seal and the manifest say more.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from msgspec import Struct

BLOCK = 512
_MOST_DIGITS = 19
_NO_OWNER = (1 << 32) - 1
"""To the kernel this means to leave an owner as it is."""
_MOST_SPARSE = 1 << 44
"""No file of holes is larger: reading one takes its time, however small it is in the archive."""

KINDS = {
    b"0": "file",
    b"1": "hard link",
    b"2": "link",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "fifo",
}
DUMPDIR = b"GNU.dumpdir"
"""The record that tells what a directory held."""
MAGIC = b"ustar\x0000"
_CHARACTER = b"3"
_TIME, _ONE_TIME = b"30 mtime=", 30
"""The record that most objects have, and no other: the time with nanoseconds."""
_MOST_OWNERS = 4096


class BadHeader(Exception):
    """What is wrong with a header, as the end of a sentence."""


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


def records_of(content: bytes) -> dict[bytes, bytes]:
    """Given the content of an extended header, return its records (pax, `length keyword=value`). Raises BadHeader."""
    size = len(content)
    if size == _ONE_TIME and content.startswith(_TIME) and content.endswith(b"\n"):
        return {b"mtime": content[len(_TIME) : -1]}
    records: dict[bytes, bytes] = {}
    at = 0
    while at < size:
        try:
            space = content.index(b" ", at, at + 12)
            end = at + int(content[at:space])
            equals = content.index(b"=", space, end)
        except ValueError:
            raise BadHeader("has records that cannot be read") from None
        key = content[space + 1 : equals]
        if end > size or content[end - 1] != 10 or key in records:
            raise BadHeader("has records that cannot be read")
        records[key] = content[equals + 1 : end - 1]
        at = end
    return records


def member_of(header: bytes, records: Mapping[bytes, bytes]) -> Member:
    """Given a header block and the records before it, return what they say. Raises BadHeader."""
    # Offsets are those of ustar: name 0, owners 100, size 124, time 136, kind 156, link 157, magic 257, devices 329,
    # prefix 345.
    flag = header[156:157]
    kind = KINDS.get(flag)
    if kind is None or header[257:265] != MAGIC:
        raise BadHeader(f"has an object of a kind that does not belong there ({flag!r})")
    mode, uid, gid = _owners(header[100:124])
    size = octal(header[124:136])
    name = header[:100].rstrip(b"\0")
    modified = records.get(b"mtime")
    member = Member(
        absolute(header[345:500].rstrip(b"\0") + b"/" + name if header[345] else name),
        kind,
        mode,
        uid,
        gid,
        size,
        size,
        octal(header[136:148]) * 1_000_000_000 if modified is None else _instant(modified),
        b"" if kind == "file" else header[157:257].partition(b"\0")[0],
        _device(flag, header[329:337], header[337:345]) if kind == "device" else "",
        records,
    )
    if len(records) > 1 or (records and modified is None):
        _apply(member, records)
    if kind != "file":
        if member.stored:
            raise BadHeader(f"has a {kind} with content")
        if kind == "hard link":
            member.target = absolute(member.target)
    return member


@functools.lru_cache(_MOST_OWNERS)
def _owners(fields: bytes) -> tuple[int, int, int]:
    """Return the mode, owner and group that a header tells; most objects have those of another one."""
    return octal(fields[:8]) & 0o7777, octal(fields[8:16]), octal(fields[16:])


def _apply(member: Member, records: Mapping[bytes, bytes]) -> None:
    """Let records say what a header has no room for."""
    get = records.get
    if path := get(b"GNU.sparse.name") or get(b"path"):
        member.path = absolute(path)
    if b"uid" in records:
        member.uid = _owner(records[b"uid"])
    if b"gid" in records:
        member.gid = _owner(records[b"gid"])
    if b"size" in records:
        member.size = member.stored = decimal(records[b"size"])
    if b"linkpath" in records and member.kind in ("link", "hard link"):
        member.target = records[b"linkpath"]
    if b"GNU.sparse.major" in records:
        member.size = _sparse(member.kind, records)


def _sparse(kind: str, records: Mapping[bytes, bytes]) -> int:
    version = records[b"GNU.sparse.major"], records.get(b"GNU.sparse.minor")
    if version != (b"1", b"0") or kind != "file" or b"GNU.sparse.name" not in records:
        raise BadHeader("has a sparse file of another format")
    size = decimal(records.get(b"GNU.sparse.realsize", b""))
    if size > _MOST_SPARSE:
        raise BadHeader("has a sparse file that is larger than is allowed")
    return size


def _device(flag: bytes, major: bytes, minor: bytes) -> str:
    return f"{'c' if flag == _CHARACTER else 'b'} {octal(major)} {octal(minor)}"


def _owner(text: bytes) -> int:
    if (owner := decimal(text)) >= _NO_OWNER:
        raise BadHeader("has an owner that nobody can be")
    return owner


def octal(field: bytes) -> int:
    """Given a numeric field of a header, return the number. Raises BadHeader."""
    try:
        number = int(field.rstrip(b"\0 ") or b"0", 8)
    except ValueError:
        raise BadHeader("has a header that cannot be read") from None
    if number < 0:
        raise BadHeader("has a number below zero")
    return number


def decimal(text: bytes) -> int:
    """Given a number in a record or a map, return it. Raises BadHeader."""
    if not text.isdigit() or len(text) > _MOST_DIGITS:
        raise BadHeader("has a number that cannot be read")
    return int(text)


def _instant(text: bytes) -> int:
    """Given seconds since the epoch with a fraction, return nanoseconds."""
    whole, _, fraction = text.partition(b".")
    try:
        if len(fraction) == 9:
            return int(whole + fraction)
        return int(whole + (fraction + b"000000000")[:9])
    except ValueError:
        raise BadHeader("has a time that cannot be read") from None


def absolute(name: bytes) -> bytes:
    """Return the path of a member's name: tar's are relative to `/`, and those of directories end in a slash."""
    return b"/" + name.removeprefix(b"./").strip(b"/") if name != b"." else b"/"
