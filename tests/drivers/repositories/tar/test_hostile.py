"""Archives that somebody wrote who can write to the repository: whatever is in them stays in the target, and ends."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from agent.drivers.repositories.tar import layout, record
from agent.drivers.repositories.tar.record import Made
from agent.drivers.repositories.tar.restore import restore
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.verify import verify
from agent.drivers.repository import Damaged, Selection
from agent.errors import RunFailed
from agent.model.backups import Backup, Level
from tests.drivers.repositories.tar import forge
from tests.drivers.repositories.tar.forge import Piece, directory
from tests.drivers.repositories.tar.trees import told

pytestmark = [pytest.mark.root, pytest.mark.timeout(20)]

FILE = Piece(path=b"/a/file", content=b"content")
TOP = directory(b"/a", ("Y", b"file"))
_ENTRIES = ((1, 6, -1), (2, 6, 12345), (4, 4, -1), (16, 6, -1), (32, 4, -1))
OPEN = {
    b"SCHILY.xattr.system.posix_acl_access": struct.pack("<I", 2)
    + b"".join(struct.pack("<HHi", *entry) for entry in _ENTRIES)
}
"""An access list as the kernel keeps it (acl(5)): user 12345 may read and write, whatever the mode was before."""

EXTENT = b"1\n0\n512\n".ljust(512, b"\0")


def sparse(content: bytes, size: bytes, **told: object) -> Piece:
    """Return a file with holes of a size as its headers tell it."""
    records = {
        b"GNU.sparse.major": b"1",
        b"GNU.sparse.minor": b"0",
        b"GNU.sparse.name": b"a/file",
        b"GNU.sparse.realsize": size,
    }
    return Piece(path=b"/a/file", content=content, records=records, told={"size": int(size), **told})


@pytest.fixture
def site(tmp_path: Path) -> Site:
    place = tmp_path / "site"
    place.mkdir()
    return forge.site(place)


class Canary:
    """A target in the middle of a tree that must stay as it is."""

    def __init__(self, place: Path) -> None:
        self.around = place / "around"
        self.target = self.around / "in" / "target"
        self.target.mkdir(parents=True)
        for name in ("secret", "in/secret", "in/a"):
            (self.around / name).write_text("secret")
        (self.around / "file").write_text("outside")
        self.before = self._now()

    def _now(self) -> dict[bytes, tuple[object, ...]]:
        inside = os.fsencode(self.target.relative_to(self.around))
        return {
            path: what[:5] + what[6:] if os.path.isdir(os.fsencode(self.around) + path) else what
            for path, what in told(os.fsencode(self.around)).items()
            if not path.startswith(b"/" + inside)
        }

    def unharmed(self) -> bool:
        return self._now() == self.before


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path)


def link(path: bytes, target: bytes) -> Piece:
    return Piece(path=path, flag=b"2", target=target, mode=0o777)


HOSTILE: dict[str, Sequence[Piece]] = {
    "parent name": [Piece(path=b"/../file", content=b"x")],
    "parent names inside": [TOP, Piece(path=b"/a/../../../file", content=b"x")],
    "parent name as the last": [directory(b"/a/..")],
    "dot": [TOP, Piece(path=b"/a/./file", content=b"x")],
    "empty name": [TOP, Piece(path=b"/a//file", content=b"x")],
    "nothing": [Piece(path=b"/", content=b"x")],
    "NUL in a name": [Piece(path=b"/a\0b", name=b"a", records={b"path": b"a\0b"}, content=b"x")],
    "long name": [Piece(path=b"/" + b"n" * 256, content=b"x")],
    "deep name": [Piece(path=b"/n" * 20_000, content=b"x")],
    "through a link": [link(b"/a", b"../.."), Piece(path=b"/a/file", content=b"x")],
    "through an absolute link": [link(b"/a", b"/"), Piece(path=b"/a/tmp/file", content=b"x")],
    "directory through a link": [link(b"/a", b".."), directory(b"/a/in")],
    "link as a directory": [link(b"/a", b"../.."), directory(b"/a")],
    "onto a link": [link(b"/a", b"../../file"), Piece(path=b"/a", content=b"x")],
    "onto a hard link of a link": [
        link(b"/a", b"../../file"),
        Piece(path=b"/b", flag=b"1", target=b"a"),
        Piece(path=b"/b", content=b"x"),
    ],
    "hard link out": [Piece(path=b"/a", flag=b"1", target=b"../../file", told={"target": b"/../../file"})],
    "hard link to what is not there": [Piece(path=b"/a", flag=b"1", target=b"/etc/passwd")],
    "hard link through a link": [link(b"/a", b"../.."), Piece(path=b"/b", flag=b"1", target=b"a/file")],
    "hard link to a directory": [directory(b"/a"), Piece(path=b"/b", flag=b"1", target=b"a")],
    "file twice": [TOP, FILE, FILE],
    "directory twice": [TOP, TOP],
    "file in the place of a directory": [TOP, Piece(path=b"/a", content=b"x")],
    "file below a file": [TOP, FILE, Piece(path=b"/a/file/x", content=b"x")],
    "owner that is none": [Piece(path=b"/a", records={b"uid": b"4294967295"}, told={"uid": 4294967295})],
    "owner beyond all": [Piece(path=b"/a", records={b"uid": b"9" * 19}, told={"uid": int("9" * 19)})],
    "time beyond all": [Piece(path=b"/a", records={b"mtime": b"9" * 40}, told={"modified": int("9" * 40 + "0" * 9)})],
    "NUL in a link": [Piece(path=b"/a", flag=b"2", records={b"linkpath": b"x\0y"}, told={"target": b"x\0y"})],
    "attribute that is none": [Piece(path=b"/a", records={b"SCHILY.xattr.nowhere": b"x"})],
    "ACL that is none": [Piece(path=b"/a", records={b"SCHILY.xattr.system.posix_acl_access": b"x"})],
    "global header": [Piece(path=b"/a", flag=b"g", content=b"", told=None), FILE],
    "long name of GNU's": [Piece(path=b"/././@LongLink", flag=b"L", content=b"/etc/x\0", told=None), FILE],
    "not in the manifest": [TOP, FILE, Piece(path=b"/b", content=b"x", told=None)],
    "another mode than told": [Piece(path=b"/a", mode=0o4755, told={"mode": 0o644})],
    "another size than told": [Piece(path=b"/a", content=b"xx", told={"size": 1})],
    "no sum": [Piece(path=b"/a", content=b"xx", told={"sha256": ""})],
    "another name than told": [Piece(path=b"/a", told={"path": b"/b"})],
    "another kind than told": [link(b"/a", b"x"), Piece(path=b"/b", flag=b"2", target=b"x", told={"kind": "file"})],
    "other names than told": [directory(b"/a", ("D", b"x"), told={"names": (("D", b"y"),)})],
    "content that never comes": [Piece(path=b"/a", content=b"x", size=1 << 40, told={"size": 1 << 40})],
    "content in a link": [Piece(path=b"/a", flag=b"2", target=b"x", content=b"x" * 600)],
    "negative size": [TOP, Piece(path=b"/a/file", content=b"x", size=-1), FILE],
    "number in base 256": [Piece(path=b"/a", records={b"size": b"-1"})],
    "too large a sparse file": [sparse(EXTENT + bytes(512), b"%d" % (1 << 62))],
    "sparse file without end of its map": [sparse(b"1\n0\n".ljust(512, b"0"), b"512")],
    "sparse file with too many pieces": [sparse(b"999999999999\n".ljust(1024, b"\0"), b"512")],
    "sparse file with pieces beyond its end": [sparse(b"1\n100\n512\n".ljust(512, b"\0") + bytes(512), b"512")],
    "sparse file with pieces over one another": [
        sparse(b"2\n0\n512\n0\n512\n".ljust(512, b"\0") + bytes(1024), b"2048")
    ],
    "sparse file with more content than pieces": [sparse(EXTENT + bytes(1024), b"2048")],
    "sparse file with a sign": [sparse(b"1\n-1\n512\n".ljust(512, b"\0") + bytes(512), b"2048")],
}


@pytest.mark.parametrize("pieces", HOSTILE.values(), ids=HOSTILE.keys())
def test_restore_of_a_hostile_archive_fails_and_touches_nothing_outside(
    site: Site, canary: Canary, pieces: Sequence[Piece]
) -> None:
    backup = forge.forge(site, pieces)
    with pytest.raises(RunFailed):
        restore(site, backup, Selection(), str(canary.target))
    assert canary.unharmed()
    with pytest.raises(RunFailed):
        restore(site, backup, Selection((b"/a", b"/b")), str(canary.target))
    assert canary.unharmed()


@pytest.mark.parametrize("name", [b"../../file", b"..", b".", b"x/../../../file", b"/etc/passwd"])
def test_restore_of_a_chain_with_hostile_names_brings_back_none_of_them(
    site: Site, canary: Canary, name: bytes
) -> None:
    full = forge.forge(site, [directory(b"/a", ("Y", name)), Piece(path=b"/a/" + name, content=b"x")])
    backup = forge.forge(site, [directory(b"/a", ("N", name))], parent=full, began=forge.NOON + 1)
    with suppress(RunFailed):
        restore(site, backup, Selection(), str(canary.target))
    assert canary.unharmed()
    assert not any(path.is_file() for path in canary.target.rglob("*"))


def test_restore_of_renames_out_of_the_tree_stays_inside(site: Site, canary: Canary) -> None:
    full = forge.forge(site, [TOP, FILE])
    moves = (("R", b"a"), ("T", b"../../a"), ("R", b""), ("T", b""), ("X", b"../.."))
    top = directory(b"/a", ("N", b"file"), *moves)
    backup = forge.forge(site, [top], parent=full, began=forge.NOON + 1)
    restore(site, backup, Selection(), str(canary.target))
    assert canary.unharmed()


def bomb(site: Site, files: dict[str, bytes]) -> Backup:
    return forge.forge(site, [TOP, FILE], files=files)


def test_restore_of_a_manifest_that_grows_without_end_stops(site: Site, canary: Canary) -> None:
    line = FILE.line().encode()
    many = forge.compressed(line * (40_000_000 // len(line)))
    endless = forge.compressed(bytes(40_000_000))
    for manifest in (many, endless):
        with pytest.raises(Damaged, match="larger than a manifest can be"):
            restore(site, bomb(site, {layout.MANIFEST: manifest}), Selection((b"/a",)), str(canary.target))
    assert canary.unharmed()


@pytest.mark.parametrize("rest", [bytes(40_000_000), forge.archive([FILE]), b"x"])
def test_restore_of_an_archive_that_goes_on_after_its_end_stops(site: Site, canary: Canary, rest: bytes) -> None:
    archive = forge.compressed(forge.archive([TOP, FILE]) + rest)
    with pytest.raises(Damaged, match="goes on after its end"):
        restore(site, bomb(site, {layout.FILES: archive}), Selection(), str(canary.target))


@pytest.mark.parametrize("cut", [0, 1, 511, 512, 700, 1024, 1500, 2048])
def test_restore_of_an_archive_that_was_cut_before_it_was_sealed_fails(site: Site, canary: Canary, cut: int) -> None:
    archive = forge.compressed(forge.archive([TOP, FILE])[:cut])
    with pytest.raises(Damaged):
        restore(site, bomb(site, {layout.FILES: archive}), Selection(), str(canary.target))


def test_restore_of_devices_and_privileged_files_gives_nobody_a_way(site: Site, canary: Canary) -> None:
    pieces = [
        directory(b"/a"),
        Piece(path=b"/a/disk", flag=b"4", device=(8, 0), mode=0o666, uid=1000),
        Piece(path=b"/a/memory", flag=b"3", device=(1, 1), mode=0o666, uid=1000, records=OPEN),
        Piece(path=b"/a/null", flag=b"3", device=(1, 3), mode=0o666),
        Piece(path=b"/a/root", content=b"x", mode=0o4755),
    ]
    restore(site, forge.forge(site, pieces), Selection(), str(canary.target))
    for name in ("disk", "memory"):
        about = (canary.target / "a" / name).lstat()
        assert os.listxattr(canary.target / "a" / name) == []
        assert (stat.S_IMODE(about.st_mode), about.st_uid) == (0, 0)
    assert stat.S_IMODE((canary.target / "a" / "null").lstat().st_mode) == 0o666
    assert stat.S_IMODE((canary.target / "a" / "root").lstat().st_mode) == 0o4755
    assert canary.unharmed()


def test_a_record_that_names_files_elsewhere_is_damaged(site: Site, canary: Canary) -> None:
    archive, listed = (forge.compressed(what([TOP, FILE])) for what in (forge.archive, forge.listed))
    for files in ({"files": "../../../secret"}, {"files": layout.FILES, "shop": "/etc/passwd"}, {}):
        backup = Backup(
            id="",
            repository="",
            host=forge.HOST,
            task=forge.TASK,
            level=Level.FULL,
            parent="",
            began=forge.NOON,
            ended=forge.NOON,
            parts=(),
            files=1,
        )
        made = Made(files=files, manifest=layout.MANIFEST, encryption="", selection="")
        content = {layout.RECORD: record.encode(backup, made), layout.FILES: archive, layout.MANIFEST: listed}
        written = forge.write(site, backup, content)
        with pytest.raises(Damaged):
            restore(site, written, Selection(), str(canary.target))
        with pytest.raises(Damaged):
            verify(site, written, deep=False)


@pytest.mark.parametrize("parent", ["../../../../etc", "x", "20250101T000000Z-full-0123456789abcdef"])
def test_a_parent_that_is_no_backup_is_damaged(site: Site, canary: Canary, parent: str) -> None:
    full = forge.forge(site, [TOP, FILE])
    odd = Backup(
        id=parent,
        repository="local",
        host=full.host,
        task=full.task,
        level=Level.FULL,
        parent="",
        began=0,
        ended=0,
        parts=(),
        files=0,
    )
    backup = forge.forge(site, [TOP, FILE], parent=odd)
    with pytest.raises(Damaged):
        restore(site, backup, Selection(), str(canary.target))
    with pytest.raises(Damaged):
        verify(site, backup, deep=False)
