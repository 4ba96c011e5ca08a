"""What is told of a repository: every backup, everything that is none with the reason, and never less than all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.drivers.repositories.tar import layout, record, seal
from agent.drivers.repository import Damaged, ListingFailed
from agent.errors import RunFailed
from agent.model.backups import Backup, Level
from tests.drivers.repositories.tar.house import HOST, SERIES, TASK, House


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A repository with a full and an incremental backup, which nobody changes."""
    house = House(tmp_path_factory.mktemp("made"))
    (house.tree / "one").write_text("1")
    house.create(house.create())
    return house


@pytest.fixture
def house(made: House, tmp_path: Path) -> House:
    copy = House(tmp_path)
    shutil.copytree(made.path, copy.path)
    return copy


def backups(house: House) -> tuple[Backup, ...]:
    return house.open().listing().backups


def junk(house: House) -> dict[str, str]:
    return {one.name: one.why for one in house.open().listing().junk}


def test_listing_is_oldest_first_and_of_whom_it_was_asked(house: House) -> None:
    listing = house.open().listing(HOST, TASK)
    assert [backup.level for backup in listing.backups] == ["full", "incremental"]
    assert listing.backups[1].parent == listing.backups[0].id
    assert listing == house.open().listing(HOST) == house.open().listing()
    assert house.open().listing(HOST, "other").backups == ()
    assert house.open().listing("other", TASK).backups == ()
    with pytest.raises(RunFailed, match="cannot name"):
        house.open().listing(HOST, "../x")


def test_what_is_no_backup_is_junk_with_a_reason(house: House) -> None:
    (house.path / "stray").write_text("x")
    (house.path / "a b").mkdir()
    (house.path / HOST / "stray").symlink_to("/")
    (house.series / "lost").mkdir()
    (house.series / ".partial-1").mkdir()
    os.mkdir(os.fsencode(house.series) + b"/\xff\n")
    (house.series / f"29990101T000000Z-full-{'0' * 16}").mkdir()
    (house.series / f"20200230T000000Z-full-{'0' * 16}").mkdir()
    (house.series / f"20200101T000000Z-full-{'0' * 16}").touch()
    before = backups(house)
    assert junk(house) == {
        "stray": "not a directory",
        "a b": "no agent gives such names",
        f"{HOST}/stray": "not a directory",
        f"{SERIES}/lost": "its name is not that of a backup",
        f"{SERIES}/.partial-1": "half made or half removed: its run died, or is at it right now",
        f"{SERIES}/\\udcff\\n": "its name is not that of a backup",
        f"{SERIES}/29990101T000000Z-full-{'0' * 16}": (
            f"damaged: {house.series}/29990101T000000Z-full-{'0' * 16} lacks its B3SUMS"
        ),
        f"{SERIES}/20200230T000000Z-full-{'0' * 16}": "its name is not that of a backup",
        f"{SERIES}/20200101T000000Z-full-{'0' * 16}": "not a directory",
    }
    assert len(before) == 2


def flip(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    file.write_bytes(content)


@pytest.mark.parametrize("name", ["B3SUMS", "backup.json"])
def test_one_flipped_bit_anywhere_in_the_small_files_is_found(house: House, name: str) -> None:
    first, second = backups(house)
    file = house.series / first.id / name
    whole = file.read_bytes()
    for bit in range(0, len(whole) * 8, 41):
        flip(file, bit)
        listing = house.open().listing()
        assert listing.backups == (second,), bit
        assert [one.name for one in listing.junk] == [f"{SERIES}/{first.id}"]
        assert listing.junk[0].why.startswith("damaged: ")
        file.write_bytes(whole)
    assert backups(house) == (first, second)


def rename(place: Path) -> None:
    place.rename(place.with_name(place.name.replace("-full-", "-incremental-")))


def other_host(place: Path) -> None:
    (place.parents[2] / "other").mkdir()
    shutil.copytree(place.parent, place.parents[2] / "other" / TASK)
    shutil.rmtree(place.parents[1])


@pytest.mark.parametrize(
    "act",
    [
        rename,
        other_host,
        lambda place: (place / "B3SUMS").unlink(),
        lambda place: (place / "backup.json").unlink(),
        lambda place: os.truncate(place / "backup.json", 100),
        lambda place: os.truncate(place / "B3SUMS", 0),
        lambda place: os.truncate(place / "B3SUMS", seal.SMALL + 1),
        lambda place: (place / "backup.json").write_bytes((place / "B3SUMS").read_bytes()),
        lambda place: place.rename(place.with_name(place.name.replace("20", "19", 1))),
    ],
)
def test_backup_that_does_not_fit_its_name_is_junk(house: House, act: Callable[[Path], object]) -> None:
    first, second = backups(house)
    act(house.series / first.id)
    assert first not in backups(house)
    assert any(why.startswith("damaged: ") for why in junk(house).values())
    assert second in backups(house) or not (house.series / second.id).exists()


def test_small_file_that_is_a_link_is_not_followed(house: House) -> None:
    first, _ = backups(house)
    file = house.series / first.id / "B3SUMS"
    file.rename(house.place / "elsewhere")
    file.symlink_to(house.place / "elsewhere")
    with pytest.raises(ListingFailed):
        house.open().listing()


def test_seal_takes_only_what_b3sum_would_have_written() -> None:
    sums = {"backup.json": "a" * 64, "files.tar.zst": "0" * 64}
    assert seal.decode(seal.encode(sums), "here") == sums
    for line in (b"x\n", b"A" * 64 + b"  x\n", b"a" * 64 + b" *x\n", b"a" * 64 + b"  ../x\n", b"\xff\n"):
        with pytest.raises(Damaged):
            seal.decode(seal.encode(sums) + line, "here")
    with pytest.raises(Damaged):
        seal.decode(seal.encode(sums) * 2, "here")


def test_listing_without_a_repository_or_with_a_hole_in_it_fails(house: House) -> None:
    (house.path / layout.MARKER).rename(house.place / "marker")
    with pytest.raises(ListingFailed, match="no repository"):
        house.open().listing()
    (house.path / layout.MARKER).write_text('{"format": 2}\n')
    with pytest.raises(ListingFailed, match="another version"):
        house.open().listing()
    (house.place / "marker").replace(house.path / layout.MARKER)
    (house.path / HOST).rename(house.place / "series")
    (house.path / HOST).symlink_to(house.place / "series")
    assert junk(house) == {HOST: "not a directory"}
    (house.series.parent / "loop").symlink_to("loop")
    (house.path / HOST).unlink()
    (house.path / HOST).write_text("")
    with pytest.raises(ListingFailed):
        house.open().listing(HOST, TASK)


def test_prepare_makes_a_repository_that_nobody_else_can_enter(tmp_path: Path) -> None:
    house = House(tmp_path)
    (house.path / "lost+found").mkdir(parents=True)
    house.path.chmod(0o700)
    house.open().prepare()
    house.open().prepare()
    assert sorted(os.listdir(house.path)) == ["README.txt", layout.MARKER, "lost+found"]
    assert house.open().listing().backups == ()


def test_prepare_after_a_death_in_the_midst_goes_on(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.path.mkdir()
    (house.path / f"{layout.MARKER}.new").write_text("{")
    (house.path / layout.README).write_text("half")
    house.open().prepare()
    assert (house.path / layout.README).read_text() != "half"
    assert house.open().sweep() == ()


def test_prepare_somebody_elses_directory_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.path.mkdir()
    (house.path / "theirs").touch()
    with pytest.raises(RunFailed, match="not empty"):
        house.open().prepare()
    assert os.listdir(house.path) == ["theirs"]
    (tmp_path / "file").touch()
    house.path = tmp_path / "file"
    with pytest.raises(RunFailed, match="cannot make a repository"):
        house.open().prepare()


def test_remove_gives_room_back_and_is_safe_to_repeat(house: House) -> None:
    repository = house.open()
    first, second = backups(house)
    assert repository.remove([second]) > 0
    assert backups(house) == (first,)
    assert repository.remove([first, second]) > 0
    assert repository.remove([first, second]) == 0
    assert house.names() == []
    assert house.open().sweep() == ()


def test_sweep_removes_what_died_and_nothing_else(house: House) -> None:
    before = house.names()
    (house.series / ".partial-1").mkdir()
    (house.series / ".partial-1" / "files.tar.zst").write_text("x")
    (house.series / ".partial-2").symlink_to(house.tree)
    (house.series / "junk").mkdir()
    assert house.open().sweep() == (f"{SERIES}/.partial-1", f"{SERIES}/.partial-2")
    assert house.names() == [*before, "junk"]
    assert house.tree.is_dir()


def test_id_tells_its_instant_level_and_mark() -> None:
    made = layout.make_id(1796046740.9, Level.DIFFERENTIAL, "0123456789abcdef" * 4)
    assert made == "20261130T135220Z-differential-0123456789abcdef"
    assert layout.parse_id(made) == layout.Id(1796046740.0, Level.DIFFERENTIAL, "0123456789abcdef")
    for other in ("", made.upper(), f"{made}0", made.replace("T", "t"), made.replace("1130", "1131")):
        assert layout.parse_id(other) is None


def test_marker_says_the_format(house: House) -> None:
    assert (house.path / layout.MARKER).read_text() == '{"format": 1}\n'
    assert record.FORMAT == 1
