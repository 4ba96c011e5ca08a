"""What a chain of archives brings back: which object of which of them comes to which path.

The newest archive names every directory and everything in it, and says of each name whether it holds it itself. What
it does not hold lies unchanged in an earlier one, below the name that its directory had there. So nothing need be
brought back that is removed again, and whatever a name stands for is looked for in one place alone.

It is kept in a SQLite file below a scratch directory: memory does not grow with the number of files, but for a dry run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

import apsw
import msgspec

from agent.drivers.repositories.tar.headers import absolute
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repositories.tar.way import shown
from agent.drivers.repository import Damaged
from agent.errors import RunFailed

_ORDINAL_BITS = 40
_SELF = b""
"""Under this name a directory's own number stands among those of what is in it."""
_DIRECTORY, _AWAITED, _NONE = -1, -2, -3
_ASIDE = b"\0"
"""Where a directory is while others change names around it."""
_SHOWN = 5

_SCHEMA = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384; PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE directories (generation INTEGER, path BLOB, names BLOB, PRIMARY KEY (generation, path)) WITHOUT ROWID;
CREATE TABLE links (code INTEGER PRIMARY KEY, data INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE wanted (code INTEGER, path BLOB, PRIMARY KEY (code, path)) WITHOUT ROWID;
CREATE TABLE places (path BLOB PRIMARY KEY) WITHOUT ROWID;
BEGIN;
"""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[bytes, int]).decode


class Merge:
    """Takes the manifests of a chain, oldest first, then tells what a restore needs of each archive.

    `scratch` is a directory to work in, "" for whoever may not write: then all is in memory.
    """

    def __init__(self, scratch: str) -> None:
        self._database = apsw.Connection(os.path.join(scratch, "merge.sqlite") if scratch else ":memory:")
        self._database.execute(_SCHEMA).fetchall()
        self._generation = -1
        self._head = b""
        self._group: dict[bytes, int] = {}
        self._seen: tuple[bytes, dict[bytes, int]] | None = None
        self._linked = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, objects: Iterable[Object | End]) -> None:
        """Take the next manifest. Raises Damaged for hard links that lead nowhere."""
        self._generation += 1
        self._database.execute("DELETE FROM directories WHERE generation < ?", (self._generation - 1,))
        base = self._generation << _ORDINAL_BITS
        for ordinal, one in enumerate(objects):
            if isinstance(one, End):
                self._flush()
                self._keep_sources(one.sources)
            elif one.names is not None:
                self._directory(one.entry.path, base + ordinal, one.names)
            else:
                self._other(one, base + ordinal)

    def _directory(self, path: bytes, code: int, listed: Sequence[tuple[str, bytes]]) -> None:
        self._rename([absolute(name) if name else _ASIDE for kind, name in listed if kind in "RT"])
        names = {_SELF: code}
        earlier: dict[bytes, int] | None = None
        for kind, name in listed:
            if kind == "N":
                if earlier is None:
                    earlier = self._row(self._generation - 1, path) or {}
                # Of what is left out by a pattern, or is a socket, no archive holds anything.
                if (old := earlier.get(name, _NONE)) >= 0:
                    names[name] = old
            elif kind in "YD":
                names[name] = _AWAITED if kind == "Y" else _DIRECTORY
        self._store(path, names)

    def _other(self, one: Object, code: int) -> None:
        head, _, name = one.entry.path.rpartition(b"/")
        if head != self._head:
            self._flush()
            self._head = head
        self._group[name] = code
        if one.entry.kind == "hard link":
            data = self._code(one.entry.target)
            if data < self._generation << _ORDINAL_BITS:
                raise Damaged(f"{shown(one.entry.path)} is a link to {shown(one.entry.target)}, which is not there")
            self._database.execute("INSERT INTO links VALUES (?, ?)", (code, self._data(data)))
            self._linked = True

    def _code(self, path: bytes) -> int:
        """Return the number of the object of the newest archive at a path, negative where there is none."""
        head, _, name = path.rpartition(b"/")
        if head == self._head and name in self._group:
            return self._group[name]
        if self._seen is None or self._seen[0] != head:
            self._seen = head, self._row(self._generation, head or b"/") or {}
        return self._seen[1].get(name, _NONE)

    def _data(self, code: int) -> int:
        """Return the number of the object that holds the content of a hard link, or the given one."""
        if not self._linked:
            return code
        found = self._database.execute("SELECT data FROM links WHERE code = ?", (code,)).fetchone()
        return found[0] if found else code

    def _flush(self) -> None:
        """Note what an archive holds of a directory."""
        if self._group:
            path = self._head or b"/"
            self._store(path, {**(self._row(self._generation, path) or {}), **self._group})
            self._group = {}
            self._seen = None

    def _keep_sources(self, sources: Iterable[str]) -> None:
        """Keep unchanged files that were named themselves: they are in no directory that the archives tell of."""
        for source in map(os.fsencode, sources):
            head, _, name = source.rpartition(b"/")
            if not name or self._row(self._generation, source) is not None:
                continue
            names = self._row(self._generation, head or b"/") or {}
            earlier = self._row(self._generation - 1, head or b"/") or {}
            if name not in names and earlier.get(name, _NONE) >= 0:
                self._store(head or b"/", {**names, name: earlier[name]})

    def _row(self, generation: int, path: bytes) -> dict[bytes, int] | None:
        query = "SELECT names FROM directories WHERE generation = ? AND path = ?"
        found = self._database.execute(query, (generation, path)).fetchone()
        return _decode(found[0]) if found else None

    def _store(self, path: bytes, names: dict[bytes, int]) -> None:
        self._keep(self._generation, path, _encode(names))

    def _keep(self, generation: int, path: bytes, names: bytes) -> None:
        self._database.execute("REPLACE INTO directories VALUES (?, ?, ?)", (generation, path, names))

    def _rename(self, moves: Sequence[bytes]) -> None:
        """Given old and new paths of directories in turn, rename them in what the archives before tell, in order."""
        before = self._generation - 1
        where = "WHERE generation = ? AND (path = ? OR (path > ? AND path < ?))"
        for old, new in zip(moves[::2], moves[1::2], strict=False):
            values = (before, old, old + b"/", old + b"0")
            rows: Any = self._database.execute(f"SELECT path, names FROM directories {where}", values).fetchall()  # noqa: S608
            self._database.execute(f"DELETE FROM directories {where}", values)  # noqa: S608
            for path, names in rows:
                self._keep(before, new + path[len(old) :], names)

    def choose(self, paths: Sequence[bytes]) -> None:
        """Choose what is at and below some paths, everything where there are none.

        Raises RunFailed for a path at which there is nothing.
        """
        found: set[bytes] = set()
        for path, packed in self._rows():
            whole = _chosen(path, paths) if paths else path
            if whole is None and not any(one.startswith(path.rstrip(b"/") + b"/") for one in paths):
                continue
            for name, code in _decode(packed).items():
                place = path if name == _SELF else path.rstrip(b"/") + b"/" + name
                chosen = whole if whole is not None else _chosen(place, paths)
                if chosen is None or code in (_DIRECTORY, _AWAITED):
                    continue
                found.add(chosen if paths else b"")
                self._want(code, place, directory=name == _SELF)
        if missing := [path for path in paths if path not in found]:
            raise RunFailed(f"there is no {', '.join(map(shown, missing[:_SHOWN]))} in this backup: list what there is")

    def _rows(self) -> Iterator[Any]:
        query = "SELECT path, names FROM directories WHERE generation = ?"
        yield from self._database.execute(query, (self._generation,))

    def _want(self, code: int, path: bytes, *, directory: bool) -> None:
        self._database.execute("INSERT OR IGNORE INTO wanted VALUES (?, ?)", (self._data(code), path))
        if directory:
            self._database.execute("INSERT INTO places VALUES (?)", (path,))

    def directories(self) -> Iterator[bytes]:
        """Yield the paths of the chosen directories, those above first."""
        for (path,) in self._database.execute("SELECT path FROM places ORDER BY path"):
            yield path

    def wanted(self, generation: int) -> Iterator[tuple[int, list[bytes]]]:
        """Yield what is needed of an archive: the numbers of objects in it, in order, and the paths they come to."""
        base = generation << _ORDINAL_BITS
        last = -1
        paths: list[bytes] = []
        query = "SELECT code, path FROM wanted WHERE code >= ? AND code < ? ORDER BY code, path"
        for code, path in self._database.execute(query, (base, base + (1 << _ORDINAL_BITS))):
            if code != last and paths:
                yield last - base, paths
                paths = []
            last = code
            paths.append(path)
        if paths:
            yield last - base, paths


def _chosen(path: bytes, paths: Sequence[bytes]) -> bytes | None:
    """Return the one of some paths that a path is at or below, or None."""
    for one in paths:
        if path == one or path.startswith(one.rstrip(b"/") + b"/"):
            return one
    return None
