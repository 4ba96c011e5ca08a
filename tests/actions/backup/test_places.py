"""How staged and live objects change places: in one step or in two, interrupted anywhere, and back."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.actions.backup._places import (
    Pair,
    Stage,
    is_swapped,
    pairs,
    prepare,
    seal,
    sealed,
    settle,
    stages,
    swap,
    swap_back,
)
from agent.errors import RunFailed
from agent.host.tree.exchange import exchange, mounts_below

Exchange = Callable[[int, str, int, str], bool]


def never(_one: int, _name: str, _two: int, _other: str) -> bool:
    """A file system that cannot exchange."""
    return False


@pytest.fixture
def live(tmp_path: Path) -> Path:
    made = tmp_path / "live"
    made.mkdir()
    (made / "file").write_text("old")
    return made


@pytest.fixture
def stage(live: Path) -> Stage:
    (made,) = stages([str(live)], "mark")
    prepare(made)
    new = Path(f"{made.new}{live}")
    new.mkdir(parents=True)
    (new / "file").write_text("new")
    seal(made, pairs(made))
    return made


def test_staged_objects_take_over_no_access_list_and_no_group(tmp_path: Path) -> None:
    everybody = 2**32 - 1
    kinds = [(1, 7, everybody), (2, 7, 12345), (4, 5, everybody), (16, 7, everybody), (32, 5, everybody)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one) for one in kinds)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2755)
    os.setxattr(shared, "system.posix_acl_default", acl)
    (made,) = stages([str(shared / "file")], "mark")
    prepare(made)
    inside = Path(made.new, "inside")
    inside.mkdir(mode=0o777)
    assert os.listxattr(inside) == []
    assert not inside.stat().st_mode & stat.S_ISGID


def test_names_that_are_no_utf_8_change_places(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\n")
    odd.write_text("old")
    (made,) = stages([str(odd)], "mark")
    prepare(made)
    new = Path(f"{made.new}{odd}")
    new.parent.mkdir(parents=True)
    new.write_text("new")
    seal(made, pairs(made))
    swap(sealed(made))
    assert odd.read_text() == "new"


def content(place: Path) -> str:
    return (place / "file").read_text()


@pytest.mark.parametrize("at_once", [exchange, never])
def test_objects_change_places_as_often_as_asked_and_back(stage: Stage, live: Path, at_once: Exchange) -> None:
    for _ in range(2):
        swap(sealed(stage), at_once)
        assert content(live) == "new"
        assert is_swapped(sealed(stage)) == []
    for _ in range(2):
        swap_back(sealed(stage), at_once)
        assert content(live) == "old"
        assert is_swapped(sealed(stage)) == [str(live)]


@pytest.mark.parametrize("back", [True, False])
def test_exchange_in_two_steps_that_was_interrupted_is_completed_or_undone(
    stage: Stage, live: Path, back: bool
) -> None:
    (pair,) = sealed(stage)
    os.rename(live, os.path.join(pair.staged, ".hostkeeper-aside-live"))
    assert not live.exists()
    if back:
        swap_back([pair], never)
    else:
        swap([pair], never)
    assert content(live) == ("old" if back else "new")
    assert sorted(os.listdir(pair.staged)) == ["live"]


def test_what_somebody_else_put_there_is_left_alone(stage: Stage, live: Path) -> None:
    live.rename(live.parent / "theirs")
    live.mkdir()
    for act in (swap, swap_back):
        with pytest.raises(RunFailed, match="not what it was"):
            act(sealed(stage))
    assert os.listdir(live) == []


def test_what_was_replaced_is_kept_once_and_never_staged_over(stage: Stage, live: Path) -> None:
    swap(sealed(stage))
    with pytest.raises(RunFailed, match="holds what was replaced"):
        prepare(stage)
    for _ in range(2):
        kept = settle(stage, keep=True)
        assert content(Path(f"{kept}{live}")) == "old"
    with pytest.raises(RunFailed, match="holds what was replaced"):
        prepare(stage)


def test_what_was_replaced_goes_if_it_is_not_wanted(stage: Stage, live: Path) -> None:
    swap(sealed(stage))
    for _ in range(2):
        assert settle(stage, keep=False) == ""
    assert not os.path.exists(stage.directory)
    assert content(live) == "new"


def test_new_and_old_names_take_turns(tmp_path: Path) -> None:
    live, staged = tmp_path / "a", tmp_path / "b"
    for place, name in ((live, "only-old"), (staged, "only-new")):
        place.mkdir()
        (place / name).touch()

    def ident(path: Path) -> tuple[int, int] | None:
        return (path.stat().st_dev, path.stat().st_ino) if path.exists() else None

    made = [
        Pair(str(live), str(staged), name, ident(live / name), ident(staged / name))
        for name in ("only-old", "only-new")
    ]
    swap(made)
    assert (os.listdir(live), os.listdir(staged)) == (["only-new"], ["only-old"])
    swap_back(made)
    assert (os.listdir(live), os.listdir(staged)) == (["only-old"], ["only-new"])


def test_mounts_are_found_at_and_below_a_path() -> None:
    assert "/" in mounts_below("/")
    assert "/proc" in mounts_below("/proc")
    assert mounts_below("/pro") == []
