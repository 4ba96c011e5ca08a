"""Backups that are made: what is in them, what they build on, and that a person can read them without the agent."""

from __future__ import annotations

import os
import re
import shutil
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.drivers.repositories.tar import layout
from agent.drivers.repositories.tar.readme import TEXT
from agent.errors import RunFailed
from agent.host.clock import SystemClock
from agent.model.backups import Level
from tests.drivers.repositories.tar.house import EXTRACT, House
from tests.drivers.repositories.tar.trees import differences
from tests.system.backups.beds import Numbers


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    (made.tree / "sub").mkdir()
    (made.tree / "one").write_text("1")
    (made.tree / "sub" / "two").write_text("2")
    return made


def same(one: Path, other: Path) -> bool:
    return differences(os.fsencode(one), os.fsencode(other)) == []


def everything(tree: Path) -> None:
    """Put one of every kind of object into a tree."""
    os.mkdir(os.fsencode(tree) + b"/\xff\n\\ '*")
    (tree / "link").symlink_to("nowhere")
    os.mkfifo(tree / "fifo")
    (tree / ("long-" + "n" * 240)).write_text("x")
    os.setxattr(tree / "one", "user.colour", b"a\0b")
    os.link(tree / "one", tree / "sub" / "twin")
    with (tree / "sparse").open("wb") as file:
        file.seek(1 << 22)
        file.write(b"end")
        file.truncate(1 << 23)
    (tree / "one").chmod(0o4640)
    os.utime(tree / "sub" / "two", ns=(1, 1_234_567_890_123_456_789))


def change(tree: Path) -> None:
    (tree / "sub" / "two").unlink()
    (tree / "sub" / "three").write_text("3")
    (tree / "new").mkdir()
    (tree / "sub" / "three").rename(tree / "new" / "three")
    (tree / "sparse").unlink()
    (tree / "sparse").mkdir()


def test_chain_comes_back_by_hand_as_the_readme_says(house: House) -> None:
    everything(house.tree)
    full = house.create()
    change(house.tree)
    first = house.create(full)
    (house.tree / "new" / "three").write_text("changed")
    second = house.create(first)
    assert (first.level, first.parent, second.level, second.parent) == ("incremental", full.id, "incremental", first.id)
    assert full.flaws == first.flaws == second.flaws == ()
    assert (second.files, first.files) == (1, 1)
    assert same(house.tree, house.by_hand([full, first, second]))
    said = re.sub(r"\s*\\\n\s*", " ", (house.path / "README.txt").read_text())
    assert said == re.sub(r"\s*\\\n\s*", " ", TEXT)
    assert " ".join(EXTRACT).replace("=*", "='*'") in said


def test_differential_builds_on_the_full_one_alone(house: House) -> None:
    full = house.create()
    (house.tree / "one").write_text("changed")
    house.create(full)
    (house.tree / "sub" / "two").write_text("changed")
    backup = house.create(full, Level.DIFFERENTIAL)
    assert (backup.level, backup.parent, backup.files) == ("differential", full.id, 2)
    assert same(house.tree, house.by_hand([full, backup]))


def test_backup_says_what_it_is_and_is_listed_so(house: House) -> None:
    backup = house.create(databases=(Numbers(most=1000),))
    (listed,) = house.open().listing().backups
    assert listed == backup
    assert layout.parse_id(backup.id) == layout.Id(float(int(backup.began)), Level.FULL, backup.id[-16:])
    files, numbers = backup.parts
    assert (files.name, files.kind, files.bytes) == ("files", "files", 2)
    assert (numbers.name, numbers.form, numbers.counts) == ("shop", "numbers", {"numbers": 1000})
    assert numbers.bytes == len(Numbers(most=1000).copy)
    on_disk = {file.name: file.stat().st_size for file in (house.series / backup.id).iterdir()}
    assert on_disk.keys() == {
        "files.tar.zst",
        "files.manifest.zst",
        "database-shop.txt.zst",
        "backup.json",
        "B3SUMS",
    }
    assert files.stored == on_disk["files.tar.zst"] + on_disk["files.manifest.zst"]
    assert numbers.stored == on_disk["database-shop.txt.zst"]


def test_database_alone_is_always_whole(house: House) -> None:
    first = house.create(paths=(), databases=(Numbers(most=10),))
    second = house.create(first, paths=(), databases=(Numbers(most=10),))
    assert (second.level, second.parent, [part.name for part in second.parts]) == ("full", "", ["shop"])


@dataclass
class Earlier:
    """A clock that was set back by a day."""

    def now(self) -> datetime:
        return SystemClock().now() - timedelta(days=1)

    def seconds(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        return SystemClock().monotonic()

    def suspended(self) -> float:
        return SystemClock().suspended()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"slept for {seconds} s")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("state lost", "no state"),
        ("state spoilt", "make a full backup"),
        ("other paths", "paths"),
        ("clock", "clock"),
        ("parent gone", "cannot be read"),
    ],
)
def test_incremental_that_cannot_build_on_its_parent_is_full_and_says_why(house: House, how: str, why: str) -> None:
    full = house.create()
    paths: tuple[str, ...] = (str(house.tree),)
    if how == "state lost":
        house.keep = "another"
    elif how == "state spoilt":
        (state,) = house.place.glob("keep/tar/local/*.snar")
        state.write_bytes(state.read_bytes()[:-1])
    elif how == "other paths":
        paths = (str(house.tree / "one"), str(house.tree / "sub"))
    elif how == "clock":
        house.clock = Earlier()
    else:
        shutil.rmtree(house.series / full.id)
    backup = house.create(full, paths=paths)
    assert (backup.level, backup.parent) == ("full", "")
    assert backup.parts[0].facts["level"].startswith("full instead of incremental: ")
    assert why in backup.parts[0].facts["level"]
    assert (backup.files, backup.flaws) == (2, ())


def test_names_of_one_file_stay_together_when_a_directory_is_moved(house: House) -> None:
    os.link(house.tree / "one", house.tree / "sub" / "twin")
    full = house.create()
    (house.tree / "sub").rename(house.tree / "moved")
    backup = house.create(full)
    assert (backup.level, backup.parent, backup.files) == ("full", "", 3)
    assert "several names" in backup.parts[0].facts["level"]
    assert same(house.tree, house.by_hand([backup]))


def test_what_is_excluded_is_not_in_it_and_neither_is_the_repository(house: House) -> None:
    for name in ("a.tmp", "sub/b.tmp", "sub/deep/c", "keep/deep/c", "cache/x/y", "sub/cache/z"):
        (house.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (house.tree / name).write_text("x")
    house.path = house.tree / "[repository]"
    backup = house.create(exclude=("*.tmp", f"{house.tree}/sub/**/c", f"{house.tree}/cache"))
    out = house.by_hand([backup])
    found = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    assert found == {"one", "sub/two", "keep/deep/c", "sub/cache/z"}


def test_sockets_are_left_out_and_that_is_said(house: House) -> None:
    with socket.socket(socket.AF_UNIX) as here:
        here.bind(str(house.tree / "s"))
        backup = house.create()
    assert backup.flaws == ()
    assert backup.parts[0].facts["left out"] == f"{house.tree}/s is a socket"


@pytest.mark.parametrize(
    ("what", "why"),
    [("missing", "No such file"), ("empty", "empty"), ("link", "symbolic link"), ("fifo", "neither"), ("tree", "")],
)
def test_source_that_is_nothing_to_back_up_is_refused_and_leaves_nothing(house: House, what: str, why: str) -> None:
    (house.place / "empty").mkdir()
    (house.place / "link").symlink_to(house.tree)
    os.mkfifo(house.place / "fifo")
    paths = (str(house.tree), str(house.place / what))
    if not why:
        assert house.create(paths=paths).files == 2
        return
    with pytest.raises(RunFailed, match=why):
        house.create(paths=paths)
    assert house.names() == []


def test_source_may_be_a_single_file_even_an_empty_one(house: House) -> None:
    (house.place / "-file").touch()
    full = house.create(paths=(str(house.place / "-file"), str(house.tree / "one")))
    second = house.create(full, paths=(str(house.place / "-file"), str(house.tree / "one")))
    assert (full.files, second.level, second.files) == (2, "incremental", 0)


def test_state_of_backups_that_nothing_builds_on_goes(house: House) -> None:
    chain = [house.create()]
    for _ in range(3):
        chain.append(house.create(chain[-1]))
    left = {path.name.removesuffix(".snar") for path in house.place.glob("keep/tar/local/*.snar")}
    assert left == {chain[0].id, chain[2].id, chain[3].id}
