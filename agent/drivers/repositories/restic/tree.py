"""What a snapshot holds, as `restic ls` tells it.

Its JSON shows names that are no UTF-8 with other signs in them. Where that happens, its plain output, which has the
same objects in the same order and their names as they are, says what they are called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import IO

import msgspec
from msgspec import Struct

from agent.drivers.repositories.restic.engine import Engine, Streams
from agent.drivers.repository import Damaged
from agent.model.backups import Entry

_KINDS = {
    "file": "file",
    "dir": "directory",
    "symlink": "link",
    "fifo": "fifo",
    "dev": "device",
    "chardev": "device",
    "socket": "socket",
}
_SETUID, _SETGID, _STICKY = 1 << 23, 1 << 22, 1 << 20
"""The bits that Go keeps elsewhere in a mode than the kernel does."""

_ROUND_SECONDS = 146097 * 86400.0
"""After so long, 400 years, the calendar comes again."""

REPLACED = "\ufffd"
"""What restic's JSON has in the place of bytes that are no UTF-8."""


class Node(Struct):
    """A line of `restic ls --json` that tells of an object; the first line tells of the snapshot and has no path."""

    path: str = ""
    type: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: str = ""
    ctime: str = ""


def sizes(engine: Engine, snapshot: str, directory: str) -> Mapping[str, int]:
    """Return the sizes of the files in a directory of a snapshot, by path."""
    lines: list[bytes] = []
    engine.must("ls", "--json", "--no-lock", snapshot, directory, hear=lines.append)
    nodes = (msgspec.json.decode(line, type=Node) for line in lines)
    return {node.path: node.size for node in nodes if node.type == "file"}


def entries(engine: Engine, snapshot: str, paths: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the objects of a snapshot that are at or below one of the paths.

    The listing is complete before the first is yielded. Raises Damaged, RunFailed.
    """
    with listed(engine, snapshot, paths) as found:
        yield from found()


@contextmanager
def listed(engine: Engine, snapshot: str, paths: Iterable[bytes]) -> Iterator[Callable[[], Iterator[Entry]]]:
    """As `entries`, to be gone through several times, one after the other."""
    tops = tuple(path.rstrip(b"/") for path in paths)
    with nodes(engine, snapshot) as found:

        def below() -> Iterator[Entry]:
            for path, node in found():
                if any(path == top or path.startswith(top + b"/") for top in tops):
                    yield _entry(path, node)

        yield below


@contextmanager
def nodes(engine: Engine, snapshot: str) -> Iterator[Callable[[], Iterator[tuple[bytes, Node]]]]:
    """Give what yields the nodes of a whole snapshot with their paths as they are; it may be called several times, one
    after the other. Raises Damaged, RunFailed."""
    with ExitStack() as stack:
        file = stack.enter_context(_told(engine, snapshot, "--json"))
        strange = any(REPLACED.encode() in line or b"\\ufffd" in line for line in file)
        plain = stack.enter_context(_told(engine, snapshot, "-q")) if strange else None

        def found() -> Iterator[tuple[bytes, Node]]:
            file.seek(0)
            decoded = (msgspec.json.decode(line, type=Node) for line in file)
            return _really_named(plain, snapshot, decoded) if plain else _named(decoded)

        yield found


@contextmanager
def _told(engine: Engine, snapshot: str, *options: str) -> Iterator[IO[bytes]]:
    with engine.site.spool() as file:
        engine.must("ls", *options, "--no-lock", snapshot, streams=Streams(stdout=file.fileno()))
        file.seek(0)
        yield file


def _named(nodes: Iterable[Node]) -> Iterator[tuple[bytes, Node]]:
    return ((node.path.encode(), node) for node in nodes if node.path)


def _really_named(plain: IO[bytes], snapshot: str, nodes: Iterable[Node]) -> Iterator[tuple[bytes, Node]]:
    plain.seek(0)
    for node in nodes:
        if node.path:
            # A name may hold ends of lines; the JSON keeps those.
            path = b"".join(plain.readline() for _ in range(node.path.count("\n") + 1))[:-1]
            if path.decode("utf-8", "replace").replace(REPLACED, "") != node.path.replace(REPLACED, ""):
                raise Damaged(f"snapshot {snapshot[:8]}: two listings of it do not tell the same")
            yield path, node


def _entry(path: bytes, node: Node) -> Entry:
    mode = node.mode & 0o777
    for bit, kernels in ((_SETUID, 0o4000), (_SETGID, 0o2000), (_STICKY, 0o1000)):
        mode |= kernels if node.mode & bit else 0
    return Entry(
        path=path,
        kind=_KINDS.get(node.type, node.type),
        mode=mode,
        uid=node.uid,
        gid=node.gid,
        size=node.size,
        modified=instant(node.mtime),
    )


def instant(told: str) -> float:
    """Given an instant as restic writes it, return seconds since the epoch.

    Python knows no year 0, to which a file can be set, and which restic makes of all before it.
    """
    if told.startswith("0000-"):
        return datetime.fromisoformat(f"0400{told[4:]}").timestamp() - _ROUND_SECONDS
    return datetime.fromisoformat(told).timestamp()


def pattern(path: bytes) -> str:
    """Return a pattern that matches one path alone, as restic's `--include` takes it."""
    return os.fsdecode(b"".join(b"\\" + sign if sign in b"\\*?[" else sign for sign in _bytes(path)))


def _bytes(path: bytes) -> Iterator[bytes]:
    return (path[place : place + 1] for place in range(len(path)))
