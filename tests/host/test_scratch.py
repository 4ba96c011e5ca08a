"""Directories of our own: made private, removed whole, and nothing else with them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.scratch import make_private, remove_inside, remove_whole, temporary


def test_temporary_directory_is_private_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    with temporary(str(tmp_path)) as place:
        assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
        inner = Path(place) / "a" / "b"
        inner.mkdir(parents=True)
        (inner / "file").touch()
        os.mkfifo(inner / "fifo")
        (inner / "link").symlink_to(outside)
        (inner.parent / "closed").mkdir(mode=0)
        os.mkdir(os.fsencode(inner) + b"/\xff\n")
    assert not os.path.lexists(place)
    assert (outside / "file").exists()


def test_temporary_directory_goes_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), temporary(str(tmp_path)) as place:
        raise KeyError(place)
    assert os.listdir(tmp_path) == []


def test_private_directory_is_made_once_and_found_again(tmp_path: Path) -> None:
    make_private(str(tmp_path / "a" / "b"))
    make_private(str(tmp_path / "a" / "b"))
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_directory_of_ours_that_others_can_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o755)
    make_private(str(tmp_path / "a"))
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


@pytest.mark.parametrize("what", ["file", "link", "open"])
def test_what_is_no_private_directory_of_ours_is_refused(tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    if what == "file":
        place.touch()
    elif what == "link":
        place.symlink_to("/")
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(RunFailed, match="no private directory"):
        make_private(str(place))


def test_removing_what_is_no_directory_or_not_there_is_fine(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    remove_whole(str(tmp_path / "link"))
    remove_whole(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == []
    assert os.path.isdir("/etc")


def test_directory_that_others_made_stays_when_what_is_in_it_goes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("/")
    remove_inside(str(tmp_path))
    assert os.listdir(tmp_path) == []
