from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host.neighbours import Directory, directory


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose way nobody else decides."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def folder(place: Path) -> Iterator[Directory]:
    with directory(str(place)) as made:
        yield made


def test_create_makes_a_private_file_and_follows_nothing(folder: Directory, place: Path) -> None:
    os.close(folder.create("new"))
    assert stat.S_IMODE((place / "new").stat().st_mode) == 0o600
    os.symlink(place / "elsewhere", place / "link")
    for name in ("new", "link"):
        with pytest.raises(FileExistsError):
            folder.create(name)
    assert not (place / "elsewhere").exists()


def test_same_tells_two_names_of_one_file_from_equal_files(folder: Directory, place: Path) -> None:
    for name in ("one", "other"):
        (place / name).write_text("equal")
    folder.link("one", "again")
    assert folder.same("one", "again")
    assert not folder.same("one", "other")
    assert not folder.same("one", "missing")
    assert not folder.same("missing", "missing")


def test_rename_takes_the_place_and_remove_bears_absence(folder: Directory, place: Path) -> None:
    (place / "old").write_text("old")
    (place / "new").write_text("new")
    folder.rename("new", "old")
    assert (place / "old").read_text() == "new"
    for _ in range(2):
        folder.remove("old")
    assert folder.look("old") is None


def test_dress_gives_mode_and_attributes_of_the_model(folder: Directory, place: Path) -> None:
    (place / "model").write_text("")
    (place / "model").chmod(0o4640)
    os.setxattr(place / "model", "user.colour", b"blue")
    os.close(folder.create("new"))
    folder.dress("new", "model")
    assert stat.S_IMODE((place / "new").stat().st_mode) == 0o4640
    assert os.getxattr(place / "new", "user.colour") == b"blue"


@pytest.mark.root
def test_dress_gives_the_owner_of_the_model_or_of_the_directory(folder: Directory, place: Path) -> None:
    (place / "model").write_text("")
    os.chown(place / "model", 12345, 54321)
    os.chown(place, 222, 333)
    for model, owner in (("model", (12345, 54321)), (None, (222, 333))):
        os.close(folder.create("new"))
        folder.dress("new", model)
        about = (place / "new").stat()
        assert (about.st_uid, about.st_gid) == owner
        folder.remove("new")


def test_holders_are_other_processes_that_have_the_file_open(folder: Directory, place: Path) -> None:
    (place / "held").write_text("")
    assert folder.holders("missing") == []
    with (place / "held").open():
        assert folder.holders("held") == []
    with (place / "held").open() as held, subprocess.Popen(["sleep", "60"], stdin=held) as other:
        held.close()
        try:
            (holder,) = folder.holders("held")
            assert holder.endswith(f" ({other.pid})")
        finally:
            other.kill()
    assert folder.holders("held") == []
