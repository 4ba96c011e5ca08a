"""What is brought back of files and databases, by whom it can be, and what stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from agent.drivers.repositories.tar.encryption import Encryption
from agent.drivers.repositories.tar.entries import entries
from agent.drivers.repositories.tar.reading import reading
from agent.drivers.repositories.tar.restore import restore
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.verify import verify
from agent.drivers.repository import Damaged, Restored, Selection
from agent.errors import RunFailed
from agent.model.backups import Backup
from agent.ports import StopRequested
from tests.drivers.repositories.tar import forge
from tests.drivers.repositories.tar.forge import NOON, Piece, directory
from tests.drivers.repositories.tar.house import House
from tests.system.backups.beds import Numbers

DUMP = b"CREATE TABLE t;\n" * 20_000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return forge.site(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Callable[[], str]:
    """Make empty directories."""

    def make() -> str:
        path = tmp_path / f"target-{len(os.listdir(tmp_path))}"
        path.mkdir()
        return str(path)

    return make


def two(site: Site) -> tuple[Backup, Backup]:
    """Make a full backup and one that builds on it: a file changed, one gone, one new, hard links unchanged."""
    names = [b"changed", b"gone", b"one", b"two"]
    full = forge.forge(
        site,
        [
            directory(b"/a", *(("Y", name) for name in names)),
            *(Piece(path=b"/a/" + name, content=b"old " + name) for name in names[:3]),
            Piece(path=b"/a/two", flag=b"1", target=b"a/one"),
        ],
        databases={"shop": DUMP},
    )
    kept = [("N", b"one"), ("N", b"two")]
    later = forge.forge(
        site,
        [
            directory(b"/a", ("Y", b"changed"), ("Y", b"new"), *kept),
            Piece(path=b"/a/changed", content=b"new"),
            Piece(path=b"/a/new", content=b"new"),
        ],
        parent=full,
        began=NOON + 1,
    )
    return full, later


def content(top: str) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in Path(top).rglob("*") if path.is_file()}


def test_restore_of_a_chain_replays_what_changed_and_went(site: Site, empty: Callable[[], str]) -> None:
    _, later = two(site)
    target = empty()
    assert restore(site, later, Selection(), target) == Restored(5, 13, compared=0)
    assert content(target) == {"a/changed": b"new", "a/new": b"new", "a/one": b"old one", "a/two": b"old one"}
    assert os.path.samefile(f"{target}/a/one", f"{target}/a/two")
    assert {(entry.path, entry.kind, entry.target) for entry in entries(site, later)} == {
        (b"/a", "directory", b""),
        (b"/a/changed", "file", b""),
        (b"/a/new", "file", b""),
        (b"/a/one", "file", b""),
        (b"/a/two", "hard link", b"/a/one"),
    }


def test_entries_of_a_chain_without_a_place_to_work_in_are_the_same_and_nothing_is_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, later = two(site)
    looking = structs.replace(site, tools=structs.replace(site.tools, scratch=""))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert list(entries(looking, later)) == list(entries(site, later))
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ((b"/a/two",), {"a/two": b"old one"}),
        ((b"/a/changed", b"/a/two"), {"a/changed": b"new", "a/two": b"old one"}),
        ((b"/",), {"a/changed": b"new", "a/new": b"new", "a/one": b"old one", "a/two": b"old one"}),
    ],
)
def test_restore_by_path_brings_back_that_alone(
    site: Site, empty: Callable[[], str], paths: tuple[bytes, ...], expected: dict[str, bytes]
) -> None:
    _, later = two(site)
    target = empty()
    restore(site, later, Selection(paths), target)
    assert content(target) == expected


@pytest.mark.parametrize("path", [b"/a/gone", b"/b", b"/a/on", b""])
def test_restore_of_a_path_that_is_not_there_fails_before_anything(
    site: Site, empty: Callable[[], str], path: bytes
) -> None:
    _, later = two(site)
    target = empty()
    with pytest.raises(RunFailed, match="list what there is"):
        restore(site, later, Selection((b"/a/one", path)), target)
    assert os.listdir(target) == []


def test_restore_to_what_is_not_empty_or_not_there_fails(site: Site, empty: Callable[[], str]) -> None:
    full, _ = two(site)
    target = empty()
    Path(target, "mine").write_text("mine")
    with pytest.raises(RunFailed, match="is not empty"):
        restore(site, full, Selection(), target)
    assert content(target) == {"mine": b"mine"}
    with pytest.raises(RunFailed, match="make the directory first"):
        restore(site, full, Selection(), f"{target}/nowhere")
    Path(target, "link").symlink_to(empty())
    with pytest.raises(RunFailed, match="cannot restore to"):
        restore(site, full, Selection(), f"{target}/link")


def test_what_is_told_to_stop_stops(tmp_path: Path, empty: Callable[[], str]) -> None:
    stop: list[bool] = []
    site = forge.site(tmp_path, stop)
    full, _ = two(site)
    stop.append(True)
    target = empty()
    with pytest.raises(StopRequested):
        restore(site, full, Selection(), target)
    with pytest.raises(StopRequested):
        verify(site, full, deep=True)
    assert os.listdir(target) == []


def test_verify_deep_finds_what_was_sealed_wrong(site: Site) -> None:
    pieces = [directory(b"/a", ("Y", b"f")), Piece(path=b"/a/f", content=b"x", told={"sha256": "0" * 64})]
    wrong = forge.forge(site, pieces)
    assert verify(site, wrong, deep=False) == 0
    with pytest.raises(Damaged, match="another content than its manifest tells"):
        verify(site, wrong, deep=True)
    broken = forge.forge(site, began=NOON + 1, files={"files.tar.zst": forge.compressed(DUMP)[:-9]})
    with pytest.raises(Damaged):
        verify(site, broken, deep=True)


@pytest.mark.parametrize("name", ["files.tar.zst", "files.manifest.zst", "database-shop.sql.zst", "backup.json"])
def test_verify_finds_a_cut_file_without_reading_it(site: Site, name: str) -> None:
    full, later = two(site)
    file = Path(site.path, full.host, full.task, full.id, name)
    os.truncate(file, file.stat().st_size - 1)
    for backup in (full, later):
        with pytest.raises(Damaged):
            verify(site, backup, deep=False)


@pytest.mark.root
def test_backup_of_a_database_alone_is_whole_and_has_no_files(tmp_path: Path, empty: Callable[[], str]) -> None:
    house = House(tmp_path)
    backup = house.create(paths=(), databases=(Numbers(),))
    site = Site(
        name="local", path=str(house.path), level=1, threads=1, encryption=Encryption(), tools=forge.tools(tmp_path)
    )
    assert verify(site, backup, deep=True) > 0
    assert list(entries(site, backup)) == []
    assert read(site, backup, backup.parts[0].name)
    with pytest.raises(RunFailed, match="has no files"):
        restore(site, backup, Selection(), empty())


def test_verify_deep_reads_every_byte(site: Site) -> None:
    full, _ = two(site)
    place = Path(site.path, full.host, full.task, full.id)
    assert verify(site, full, deep=True) == sum(
        path.stat().st_size for path in place.iterdir() if path.name != "B3SUMS"
    )


def read(site: Site, backup: Backup, part: str) -> bytes:
    with reading(site, backup, part) as programs:
        source, sink = os.pipe()
        with site.tools.processes.piped(programs(sink), site.tools.stop) as running:
            os.close(sink)
            with open(source, "rb") as file:
                read = file.read()
        if any(one.code for one in running.completed):
            raise RunFailed("zstd says that it is not whole")
        return read


def test_reading_gives_a_database_as_often_as_it_is_asked(site: Site) -> None:
    full, later = two(site)
    assert read(site, full, "shop") == DUMP
    for backup, part in ((later, "shop"), (full, "files"), (full, "other")):
        with pytest.raises(RunFailed, match="has no database"):
            read(site, backup, part)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """Make a key of age; return the file with it, and the public one."""
    file = tmp_path / "key"
    made = subprocess.run(["age-keygen", "-o", file], check=True, capture_output=True, text=True)
    return str(file), made.stderr.split()[-1]


@pytest.mark.root
def test_encrypted_backups_come_back_with_their_key_alone(
    tmp_path: Path, empty: Callable[[], str], keys: tuple[str, str]
) -> None:
    file, public = keys
    house = House(tmp_path, encryption={"age": {"recipients": [public], "identity_file": None}})
    (house.tree / "file").write_text("secret")
    full = house.create(databases=(Numbers(),))
    (house.tree / "new").write_text("new")
    later = house.create(full)

    def site(identity: str | None) -> Site:
        tools = forge.tools(tmp_path)
        encryption = Encryption("age", (public,), identity)
        return Site(name="local", path=str(house.path), level=1, threads=1, encryption=encryption, tools=tools)

    target = empty()
    restore(site(file), later, Selection(), target)
    assert content(target + str(house.tree)) == {"file": b"secret", "new": b"new"}
    assert verify(site(file), later, deep=True) == verify(site(None), later, deep=True)
    (part,) = (one.name for one in full.parts if one.name != "files")
    assert len(read(site(file), full, part)) > 0
    other = tmp_path / "other"
    subprocess.run(["age-keygen", "-o", other], check=True, capture_output=True)
    for identity, why in ((None, "identity_file"), (str(other), "is it the right key"), ("/nowhere", "right key")):
        with pytest.raises(RunFailed, match=why):
            restore(site(identity), later, Selection(), empty())
        with pytest.raises(RunFailed, match=why):
            list(entries(site(identity), later))
        with pytest.raises(RunFailed, match=why):
            read(site(identity), full, part)


RESTORE = """
import sys, msgspec
from pathlib import Path
from agent.drivers.repositories.tar.restore import restore
from agent.drivers.repository import Selection
from agent.model.backups import Backup
from tests.drivers.repositories.tar import forge
from tests.memory import peak
backup = msgspec.json.decode(sys.argv[2], type=Backup)
restore(forge.site(Path(sys.argv[1])), backup, Selection((b"/a",)), sys.argv[3])
print(peak())
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(site: Site, empty: Callable[[], str]) -> None:
    def peak(tops: int) -> int:
        """Return how many KiB it takes to restore so many directories with 200 files in each."""
        names = [(b"%04d" % top, b"%04d" % number) for top in range(tops) for number in range(200)]
        pieces = [
            *(directory(b"/a/%04d" % top, *(("Y", b"%04d" % one) for one in range(200))) for top in range(tops)),
            *(Piece(path=b"/a/%s/%s" % name, seconds=NOON + int(name[1])) for name in names),
        ]
        backup = forge.forge(site, pieces, began=NOON + tops)
        told, place = msgspec.json.encode(backup).decode(), str(Path(site.path).parent)
        command = [sys.executable, "-c", RESTORE, place, told, empty()]
        return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    assert peak(40) < peak(2) + 4_000
