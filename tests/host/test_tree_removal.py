"""Deletions: what was judged is what goes, and nothing else, whatever the names and whatever happens meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from agent.host.tree import Batch, Kernel, Walk, clean, open_root, remove_directory
from agent.model.reasons import Reason
from tests.host.swaps import exchanging
from tests.host.trees import LONG_AGO, exchange, immutable, mounted, touch

SWAP_SECONDS = 2.0
DOOMED = {Reason.TOO_OLD}
Judge = Callable[[str, os.stat_result], Reason]


def all_old(_name: str, _about: os.stat_result) -> Reason:
    return Reason.TOO_OLD


def old_by_time(_name: str, about: os.stat_result) -> Reason:
    return Reason.TOO_OLD if about.st_mtime == LONG_AGO else Reason.YOUNG_ENOUGH


@contextmanager
def walk_of(top: Path) -> Iterator[Walk]:
    root = open_root(str(top), Kernel())
    try:
        yield Walk(root, cross_mounts=False, max_depth=None, report=lambda *_: None)
    finally:
        root.close()


def cleaned(top: Path, judge: Judge = all_old) -> Batch:
    """Clean a tree; return everything that was done as one batch."""
    total = Batch({Reason.TOO_OLD: []}, kept=Counter())
    with walk_of(top) as walk, closing(walk.__iter__()) as visits:
        for directory, entering in visits:
            for batch in clean(directory, judge, DOOMED) if entering else ():
                total.removed[Reason.TOO_OLD] += batch.removed.get(Reason.TOO_OLD, [])
                total.bytes += batch.bytes
                total.kept += batch.kept
                total.problems += batch.problems
    return total


def test_doomed_entries_go_and_the_others_stay(tmp_path: Path) -> None:
    touch(tmp_path / "old", size=10)
    touch(tmp_path / "below" / "old", size=5)
    touch(tmp_path / "young", LONG_AGO + 1, size=100)
    batch = cleaned(tmp_path, old_by_time)
    assert batch.removed[Reason.TOO_OLD] == ["old", "old"]
    assert batch.bytes == 15
    assert batch.kept == {Reason.YOUNG_ENOUGH: 1}
    assert sorted(os.listdir(tmp_path)) == ["below", "young"]


NAMES = [b"-rf", b"--", b"new\nline", b"\xff\xfe\x80", b" ", b"*", b"..x", b"\x1b]0;x\x07", b"a" * 255, b"$(id)"]


def test_names_of_any_bytes_are_deleted(tmp_path: Path) -> None:
    for name in NAMES:
        os.close(os.open(os.fsencode(tmp_path) + b"/" + name, os.O_CREAT, 0o600))
    batch = cleaned(tmp_path)
    assert sorted(os.fsencode(name) for name in batch.removed[Reason.TOO_OLD]) == sorted(NAMES)
    assert os.listdir(tmp_path) == []


def test_link_is_deleted_and_its_target_is_not(tmp_path: Path) -> None:
    canary = touch(tmp_path / "canary")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link").symlink_to(canary)
    os.link(canary, top / "hard")
    assert len(cleaned(top).removed[Reason.TOO_OLD]) == 2
    assert canary.stat().st_nlink == 1


def test_judge_sees_the_entry_itself(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    (tmp_path / "link").symlink_to("/etc/passwd")
    kinds = {}

    def judge(name: str, about: os.stat_result) -> Reason:
        kinds[name] = about.st_mode & 0o170000
        return Reason.NOT_A_REGULAR_FILE

    assert cleaned(tmp_path, judge).kept == {Reason.NOT_A_REGULAR_FILE: 3}
    assert kinds == {"fifo": 0o010000, "socket": 0o140000, "link": 0o120000}


def test_entry_that_vanishes_is_no_problem(tmp_path: Path) -> None:
    touch(tmp_path / "file")

    def judge(name: str, _about: os.stat_result) -> Reason:
        os.unlink(tmp_path / name)
        return Reason.TOO_OLD

    batch = cleaned(tmp_path, judge)
    assert batch.kept == {Reason.VANISHED: 1}
    assert batch.removed[Reason.TOO_OLD] == []
    assert batch.problems == []


def test_entry_that_became_a_directory_is_kept(tmp_path: Path) -> None:
    touch(tmp_path / "file")

    def judge(name: str, _about: os.stat_result) -> Reason:
        os.unlink(tmp_path / name)
        (tmp_path / name).mkdir()
        return Reason.TOO_OLD

    assert cleaned(tmp_path, judge).kept == {Reason.CHANGED_SINCE_SEEN: 1}
    assert (tmp_path / "file").is_dir()


def test_entry_that_changed_after_it_was_listed_is_judged_as_what_it_is(tmp_path: Path) -> None:
    first, second = (touch(tmp_path / name) for name in ("one", "two"))
    seen: list[str] = []

    def judge(name: str, about: os.stat_result) -> Reason:
        if not seen:
            os.utime(second if name == "one" else first)
        seen.append(name)
        return old_by_time(name, about)

    batch = cleaned(tmp_path, judge)
    assert batch.removed[Reason.TOO_OLD] == seen[:1]
    assert batch.kept == {Reason.YOUNG_ENOUGH: 1}


@pytest.mark.root
def test_immutable_file_is_a_problem_and_the_rest_goes(tmp_path: Path) -> None:
    files = [touch(tmp_path / name) for name in ("a", "b", "c")]
    with immutable(files[1]) as possible:
        if not possible:
            pytest.skip("the file system of the temporary directory knows no immutable files")
        batch = cleaned(tmp_path)
    assert batch.kept == {Reason.UNDELETABLE: 1}
    assert [(one.name, one.text) for one in batch.problems] == [("b", "Operation not permitted")]
    assert os.listdir(tmp_path) == ["b"]


@pytest.mark.root
def test_read_only_file_system_is_a_problem(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "tmpfs", tmp_path):
        touch(tmp_path / "file")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        batch = cleaned(tmp_path)
    assert batch.kept == {Reason.UNDELETABLE: 1}
    assert batch.problems[0].text == "Read-only file system"


@pytest.mark.root
def test_file_on_which_another_is_mounted_is_kept(tmp_path: Path) -> None:
    canary = touch(tmp_path / "canary")
    place = touch(tmp_path / "top" / "place")
    with mounted("--bind", canary, place):
        batch = cleaned(tmp_path / "top")
        assert batch.kept == {Reason.OTHER_FILE_SYSTEM: 1}
    assert batch.problems == []
    assert canary.exists()
    assert place.exists()


def test_many_names_come_in_batches_and_the_caller_may_stop(tmp_path: Path) -> None:
    for number in range(10_000):
        os.close(os.open(tmp_path / f"{number}", os.O_CREAT, 0o600))
    with walk_of(tmp_path) as walk, closing(walk.__iter__()) as visits:
        directory, _ = next(visits)
        with closing(clean(directory, all_old, DOOMED)) as batches:
            first = next(batches)
            assert 0 < len(first.removed[Reason.TOO_OLD]) <= 4096
    assert len(os.listdir(tmp_path)) == 10_000 - len(first.removed[Reason.TOO_OLD])
    cleaned(tmp_path)
    assert os.listdir(tmp_path) == []


def left_behind(top: Path, meanwhile: Callable[[], None] = lambda: None) -> list[Reason | None]:
    """Remove the directories of a tree from the deepest up; return why each one was kept."""
    answers = []
    with walk_of(top) as walk, closing(walk.__iter__()) as visits:
        for directory, entering in visits:
            if entering:
                list(directory.names())
            elif directory.parent is not None:
                meanwhile()
                answers.append(remove_directory(directory))
    return answers


def test_empty_directories_go_from_the_deepest_up(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    assert left_behind(tmp_path) == [None, None, None]
    assert os.listdir(tmp_path) == []


def test_directory_with_something_in_it_stays(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "file")
    assert left_behind(tmp_path) == [Reason.NOT_EMPTY]


def test_directory_that_was_exchanged_stays(tmp_path: Path) -> None:
    (tmp_path / "top" / "a").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    answers = left_behind(tmp_path / "top", lambda: exchange(tmp_path / "top" / "a", tmp_path / "other"))
    assert answers == [Reason.CHANGED_SINCE_SEEN]
    assert (tmp_path / "top" / "a").is_dir()


def test_link_in_the_place_of_a_directory_stays(tmp_path: Path) -> None:
    (tmp_path / "top" / "a").mkdir(parents=True)
    (tmp_path / "other").mkdir()

    def swap() -> None:
        (tmp_path / "top" / "a").rmdir()
        (tmp_path / "top" / "a").symlink_to(tmp_path / "other")

    assert left_behind(tmp_path / "top", swap) == [Reason.CHANGED_SINCE_SEEN]
    assert (tmp_path / "top" / "a").is_symlink()


@pytest.mark.root
def test_directory_on_which_something_is_mounted_stays(tmp_path: Path) -> None:
    place = tmp_path / "top" / "a"
    place.mkdir(parents=True)

    root = open_root(str(tmp_path / "top"), Kernel())
    with mounted("-t", "tmpfs", "tmpfs", place):
        walk = Walk(root, cross_mounts=True, max_depth=None, report=lambda *_: None)
        for directory, entering in walk:
            if entering:
                list(directory.names())
            elif directory.parent is not None:
                # What is mounted has another identity than the directory below it.
                assert remove_directory(directory) in (Reason.OTHER_FILE_SYSTEM, Reason.CHANGED_SINCE_SEEN)
    root.close()
    assert place.is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("swapped", ["directory", "ancestor", "file"])
def test_swaps_under_the_walk_never_lead_outside(tmp_path: Path, swapped: str) -> None:
    """A name is now what it was, now a link to a canary with the same names in it, while files are deleted there."""
    canary = tmp_path / "canary"
    for number in range(50):
        touch(canary / "below" / f"{number}")
        touch(canary / f"{number}")
    top = tmp_path / "top"
    place = top / "place" / "below"
    place.mkdir(parents=True)
    (top / "link").symlink_to(canary)
    (place / "link").symlink_to(canary / "below")
    touch(place / "file")
    (place / "file-link").symlink_to(canary / "0")
    names = {
        "directory": (place, top / "link"),
        "ancestor": (top / "place", top / "link"),
        "file": (place / "file", place / "file-link"),
    }
    there = sorted(canary.rglob("*"))
    deleted = 0

    def judge(_name: str, about: os.stat_result) -> Reason:
        return Reason.TOO_OLD if about.st_mode & 0o170000 == 0o100000 else Reason.SYMBOLIC_LINK

    fd = os.open(place, os.O_RDONLY)
    refill = [*map(str, range(50)), "file"]
    with exchanging(*names[swapped]):
        until = time.monotonic() + SWAP_SECONDS
        while time.monotonic() < until or deleted < 500:
            for name in refill:
                with suppress(FileExistsError):
                    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=fd))
            deleted += len(cleaned(top, judge).removed[Reason.TOO_OLD])
    os.close(fd)
    assert sorted(canary.rglob("*")) == there
