"""The manifest of an archive: JSON lines, one per object in the order of the archive, then one that ends it.

JSON is ASCII here. A byte of a name that is no UTF-8 is a lone surrogate, U+DC80 to U+DCFF (PEP 383), so that every
name comes back as it was. Paths are absolute, those of hard links' targets too; times are nanoseconds since the epoch.
Nobody need ever have a whole manifest in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii as quoted

import msgspec
from msgspec import Struct

from agent.drivers.repositories.tar.headers import DUMPDIR, Member
from agent.drivers.repository import Damaged
from agent.model.backups import Entry

VERSION = 1


class Object(Struct, frozen=True, kw_only=True):
    """An object of an archive. `modified` is `entry.modified` in whole nanoseconds; `device` is like `c 1 3`, or "".

    `names` is what a directory held, None for what is none: GNU tar's dumpdir as (code, name). `Y` is an entry in this
    archive, `N` one unchanged and not in it, `D` a directory. `R` and `T` come in pairs: the directory of the first
    member name became that of the second, and its unchanged content with it; `X` names a temporary one.
    """

    entry: Entry
    modified: int
    device: str = ""
    names: tuple[tuple[str, bytes], ...] | None = None


class End(Struct, frozen=True, kw_only=True):
    """The last line: how many objects there are, what was to be backed up, and what is missing or was left out."""

    objects: int
    sources: tuple[str, ...]
    exclude: tuple[str, ...]
    one_file_system: bool
    flaws: tuple[str, ...]
    left_out: tuple[str, ...]


class _Line(Struct):
    """A line as it is written; names are text."""

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: int
    sha256: str = ""
    target: str = ""
    device: str = ""
    names: list[str] | None = None


_decode = msgspec.json.Decoder(_Line).decode
_ENDING = b'{"end"'
_SUM = b',"sha256":"'
_SUM_LENGTH = len(_SUM) + 64 + len(b'"}\n')


def line(member: Member, digest: str) -> str:
    """Return the line of an object; `digest` is the SHA-256 of a file in hexadecimal, or empty."""
    return f'{_head(member)},"sha256":"{digest}"}}\n' if digest else _head(member) + "}\n"


def sum_of(raw: bytes, member: Member) -> str | None:
    """Return the SHA-256 that a line tells, empty for none, or None unless the rest is as `line` has it for a member.

    What comes of None is to be parsed. This is much cheaper.
    """
    head = _head(member).encode("ascii")
    if not raw.startswith(head) or (member.kind == "directory" and not _is_whole(member.records.get(DUMPDIR))):
        return None
    rest = raw[len(head) :]
    if rest == b"}\n":
        return ""
    if len(rest) != _SUM_LENGTH or not rest.startswith(_SUM) or not rest.endswith(b'"}\n'):
        return None
    return rest[len(_SUM) : -3].decode("ascii", "replace")


def _head(member: Member) -> str:
    text = (
        f'{{"path":{_text(member.path)},"kind":"{member.kind}","mode":{member.mode},"uid":{member.uid},'
        f'"gid":{member.gid},"size":{member.size},"modified":{member.modified}'
    )
    if member.target:
        text += f',"target":{_text(member.target)}'
    if member.device:
        text += f',"device":"{member.device}"'
    if member.kind == "directory":
        names = member.records.get(DUMPDIR, b"").split(b"\0")
        text += f',"names":[{",".join([_text(name) for name in names if name])}]'
    return text


def _is_whole(dumpdir: bytes | None) -> bool:
    """Tell whether a list of names has each ended by a NUL, and itself by another."""
    return dumpdir is not None and dumpdir.endswith(b"\0") and dumpdir.split(b"\0").count(b"") == 2


def last_line(end: End) -> str:
    """Return the line that ends a manifest."""
    fields = {name: getattr(end, name) for name in End.__struct_fields__}
    return json.dumps({"end": VERSION, **fields}) + "\n"


def read(lines: Iterable[bytes], where: str) -> Iterator[Object | End]:
    """Given the lines of a manifest, yield its objects and then its end.

    `where` names it in messages. Raises Damaged for a line that is none, and when the end is missing, is not the last
    line or counts other than came.
    """
    waiting = iter(lines)
    for count, raw in enumerate(waiting):
        one = parse(raw, where)
        if isinstance(one, End):
            check_end(one, count, waiting, where)
            yield one
            return
        yield one
    raise cut(where)


def parse(raw: bytes, where: str) -> Object | End:
    """Return what a line tells. Raises Damaged for one that is none."""
    try:
        return msgspec.convert(json.loads(raw), End) if raw.startswith(_ENDING) else _object(_line(raw))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{where} has a line that does not belong there: {raw[:200]!r}") from error


def check_end(end: End, count: int, rest: Iterator[bytes], where: str) -> None:
    """Raise Damaged unless an end counts the objects that came before it, and nothing comes after it."""
    if next(rest, None) is not None:
        raise Damaged(f"{where} goes on after its end")
    if end.objects != count:
        raise Damaged(f"{where} has {count} objects and tells of {end.objects}")


def cut(where: str) -> Damaged:
    """Return what to raise for a manifest without an end."""
    return Damaged(f"{where} ends too early")


def _text(raw: bytes) -> str:
    return quoted(raw.decode("utf-8", "surrogateescape"))


def _line(raw: bytes) -> _Line:
    try:
        return _decode(raw)
    except msgspec.DecodeError:
        # A name that is no UTF-8 has surrogates in it that msgspec does not take.
        return msgspec.convert(json.loads(raw), _Line)


def _object(told: _Line) -> Object:
    entry = Entry(
        path=_bytes(told.path),
        kind=told.kind,
        mode=told.mode,
        uid=told.uid,
        gid=told.gid,
        size=told.size,
        modified=told.modified / 1e9,
        sha256=told.sha256,
        target=_bytes(told.target),
    )
    names = None if told.names is None else tuple((name[:1], _bytes(name[1:])) for name in told.names)
    return Object(entry=entry, modified=told.modified, device=told.device, names=names)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
