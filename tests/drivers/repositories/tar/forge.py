"""Backups as somebody writes them who can write to a repository: every seal is good, what is in them is anything."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from agent.digests import blake3, sha256
from agent.drivers.database import Tools
from agent.drivers.repositories.tar import layout, manifest, record, seal, setup
from agent.drivers.repositories.tar.encryption import Encryption
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.record import Made
from agent.drivers.repositories.tar.site import Site
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Backup, Level, Part

HOST, TASK = "web-1", "backup-shop"
BLOCK = 512
NOON = 1_750_000_000


def tools(place: Path, stop: Sequence[bool] = ()) -> Tools:
    """Return what a driver works with, with directories below a place."""
    for name in ("scratch", "keep"):
        (place / name).mkdir(parents=True, mode=0o700, exist_ok=True)
    return Tools(
        processes=SystemProcesses(),
        clock=SystemClock(),
        stop=lambda: bool(stop),
        progress=lambda done, total, unit: None,
        scratch=str(place / "scratch"),
        keep=str(place / "keep"),
    )


def site(place: Path, stop: Sequence[bool] = (), encryption: Encryption | None = None) -> Site:
    """Return a new repository below a place, as the functions of the driver know it."""
    made = Site(
        name="local",
        path=str(place / "repository"),
        level=1,
        threads=1,
        encryption=encryption or Encryption(),
        tools=tools(place, stop),
    )
    setup.prepare(made)
    return made


class Piece(Struct, kw_only=True):
    """An object of a forged archive, and what its manifest tells of it unless `told` says otherwise, None: nothing."""

    path: bytes
    flag: bytes = b"0"
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    seconds: int = NOON
    target: bytes = b""
    device: tuple[int, int] = (0, 0)
    records: Mapping[bytes, bytes] = {}
    size: int | None = None
    names: Sequence[tuple[str, bytes]] | None = None
    told: Mapping[str, object] | None = {}
    name: bytes | None = None

    def headers(self) -> bytes:
        """Return the blocks of the object, its content among them."""
        records = {**self.records}
        name = self.path.removeprefix(b"/") if self.name is None else self.name
        if len(name) > 100:
            records[b"path"] = name
        if len(self.target) > 100:
            records[b"linkpath"] = self.target
        if self.names is not None:
            records[b"GNU.dumpdir"] = b"".join(code.encode() + one + b"\0" for code, one in self.names) + b"\0"
        extended = b""
        if records:
            content = b"".join(_record(key, value) for key, value in records.items())
            extended = header(b"x", b"PaxHeaders", len(content)) + padded(content)
        size = len(self.content) if self.size is None else self.size
        return (
            extended
            + header(
                self.flag, name[:100], size, self.mode, self.uid, self.gid, self.seconds, self.target[:100], self.device
            )
            + padded(self.content)
        )

    def line(self) -> str:
        """Return the line of the manifest, or nothing."""
        if self.told is None:
            return ""
        fields: dict[str, object] = {
            "path": b"/" + self.path.strip(b"/"),
            "kind": KINDS.get(self.flag, "file"),
            "mode": self.mode,
            "uid": self.uid,
            "gid": self.gid,
            "size": len(self.content),
            "modified": self.seconds * 10**9,
            "target": self.target,
        }
        told = dict(self.told)
        names: Any = told.pop("names", self.names) or ()
        digest = told.pop("sha256", sha256(self.content).hexdigest() if self.flag == b"0" else "")
        if self.flag == b"1":
            fields["target"] = b"/" + self.target.strip(b"/")
        if self.flag in (b"3", b"4"):
            fields["device"] = f"{'c' if self.flag == b'3' else 'b'} {self.device[0]} {self.device[1]}"
        fields |= told
        return manifest.line(_member(fields, names), str(digest))


KINDS = {b"1": "hard link", b"2": "link", b"3": "device", b"4": "device", b"5": "directory", b"6": "fifo"}


def _member(told: Mapping[str, Any], names: Sequence[tuple[str, bytes]]) -> Member:
    """Return what a line tells, as if headers did."""
    dumpdir = b"".join(code.encode() + one + b"\0" for code, one in names) + b"\0"
    return Member(**{"device": "", "stored": told["size"], "records": {b"GNU.dumpdir": dumpdir}, **told})


def _record(key: bytes, value: bytes) -> bytes:
    body = b" " + key + b"=" + value + b"\n"
    size = len(body) + 1
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def header(
    flag: bytes,
    name: bytes,
    size: int,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    seconds: int = 0,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    """Return one header block with a right checksum."""
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, seconds),
            b" " * 8,
            flag,
            target.ljust(100, b"\0"),
            b"ustar\x0000".ljust(72, b"\0"),
            b"%07o\0%07o\0" % device,
        )
    ).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(content: bytes) -> bytes:
    """Return content filled with zeros to whole blocks."""
    return content + bytes(-len(content) % BLOCK)


def directory(path: bytes, *names: tuple[str, bytes], **fields: object) -> Piece:
    """Return a directory with what it held, as (code, name)."""
    named: dict[str, object] = {"names": names, "name": path.strip(b"/") + b"/"}
    return Piece(path=path, flag=b"5", mode=0o755, **named, **fields)  # type: ignore[arg-type]  # a table of its fields


def compressed(content: bytes) -> bytes:
    """Return content as zstd compresses it."""
    return subprocess.run(["zstd", "-q", "-1", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def archive(pieces: Sequence[Piece]) -> bytes:
    """Return an archive of pieces."""
    return b"".join(piece.headers() for piece in pieces).ljust(0) + bytes(2 * BLOCK)


def listed(pieces: Sequence[Piece], sources: Sequence[str] = ("/",)) -> bytes:
    """Return the manifest of pieces."""
    lines = [line for line in (piece.line() for piece in pieces) if line]
    end = manifest.End(
        objects=len(lines), sources=tuple(sources), exclude=(), one_file_system=False, flaws=(), left_out=()
    )
    return ("".join(lines) + manifest.last_line(end)).encode()


def forge(
    where: Site,
    pieces: Sequence[Piece] = (),
    *,
    parent: Backup | None = None,
    began: float = NOON,
    level: Level | None = None,
    task: str = TASK,
    databases: Mapping[str, bytes] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Backup:
    """Write a backup with a good seal; `files` replaces what would be in it, by name, already compressed."""
    content = {layout.FILES: compressed(archive(pieces)), layout.MANIFEST: compressed(listed(pieces))}
    named = {"files": layout.FILES}
    for name, dump in (databases or {}).items():
        file = layout.database_file(name, ".sql")
        content[file] = compressed(dump)
        named[name] = file
    content |= files or {}
    parts = [_part("files", "files", content[layout.FILES] + content[layout.MANIFEST])]
    parts += [_part("sqlite", name, content[named[name]]) for name in databases or {}]
    backup = Backup(
        id="",
        repository="",
        host=HOST,
        task=task,
        level=level or (Level.INCREMENTAL if parent else Level.FULL),
        parent=parent.id if parent else "",
        began=began,
        ended=began + 1,
        parts=tuple(parts),
        files=len(pieces),
    )
    made = Made(files=named, manifest=layout.MANIFEST, encryption="", selection="")
    content[layout.RECORD] = record.encode(backup, made)
    return write(where, backup, content)


def write(where: Site, backup: Backup, content: Mapping[str, bytes]) -> Backup:
    """Write the files of a backup, and their seal."""
    sums = seal.encode({name: blake3(data).hexdigest() for name, data in content.items()})
    name = layout.make_id(backup.began, backup.level, sha256(sums).hexdigest())
    place = Path(layout.series(where.path, backup.host, backup.task)) / name
    place.mkdir(parents=True)
    for file, data in {**content, layout.SUMS: sums}.items():
        (place / file).write_bytes(data)
    return structs.replace(backup, id=name, repository=where.name)


def _part(kind: str, name: str, stored: bytes) -> Part:
    return Part(kind=kind, name=name, form="", bytes=0, stored=len(stored))
