"""The manifest of an archive: JSON lines, one per object in the order of the archive, then one that ends it.

JSON is ASCII here. A byte of a name that is no UTF-8 is a lone surrogate, U+DC80 to U+DCFF (PEP 383), so that every
name comes back as it was. Paths are absolute, those of hard links' targets too; times are nanoseconds since the epoch.
Nobody need ever have a whole manifest in memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii as quoted

import msgspec
from msgspec import Struct

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
    blake3: str = ""
    target: str = ""
    device: str = ""
    names: list[str] | None = None


_decode = msgspec.json.Decoder(_Line).decode
_ENDING = b'{"end"'


def line(
    path: bytes,
    kind: str,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    modified: int,
    *,
    blake3: str = "",
    target: bytes = b"",
    device: str = "",
    names: Sequence[tuple[str, bytes]] | None = None,
) -> str:
    """Return the line of an object; see `Object` and `agent.model.backups.Entry`."""
    text = (
        f'{{"path":{_text(path)},"kind":"{kind}","mode":{mode},"uid":{uid},"gid":{gid},"size":{size},'
        f'"modified":{modified}'
    )
    if blake3:
        text += f',"blake3":"{blake3}"'
    if target:
        text += f',"target":{_text(target)}'
    if device:
        text += f',"device":"{device}"'
    if names is not None:
        text += f',"names":[{",".join(_text(code.encode() + name) for code, name in names)}]'
    return text + "}\n"


def last_line(end: End) -> str:
    """Return the line that ends a manifest."""
    fields = {name: getattr(end, name) for name in End.__struct_fields__}
    return json.dumps({"end": VERSION, **fields}) + "\n"


def read(lines: Iterable[bytes], where: str) -> Iterator[Object | End]:
    """Given the lines of a manifest, yield its objects and then its end.

    `where` names it in messages. Raises Damaged for a line that is none, and when the end is missing, is not the last
    line or counts other than came.
    """
    ended = False
    for count, raw in enumerate(lines):
        if ended:
            raise Damaged(f"{where} goes on after its end")
        try:
            ended = raw.startswith(_ENDING)
            one = msgspec.convert(json.loads(raw), End) if ended else _object(_line(raw))
        except (ValueError, msgspec.MsgspecError) as error:
            raise Damaged(f"{where} has a line that does not belong there: {raw[:200]!r}") from error
        yield one
        if isinstance(one, End) and one.objects != count:
            raise Damaged(f"{where} has {count} objects and tells of {one.objects}")
    if not ended:
        raise Damaged(f"{where} ends too early")


def _text(raw: bytes) -> str:
    return quoted(os.fsdecode(raw))


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
        blake3=told.blake3,
        target=_bytes(told.target),
    )
    names = None if told.names is None else tuple((name[:1], _bytes(name[1:])) for name in told.names)
    return Object(entry=entry, modified=told.modified, device=told.device, names=names)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
