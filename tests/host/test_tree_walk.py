"""Walks: complete, bounded, and never where they must not go."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.host.tree import Directory, Kernel, Listings, Walk, open_root
from agent.model.reasons import Reason
from tests.host.trees import Reports, as_user, make_chain, mounted, open_descriptors, remove_chain, touch

BOTH_KERNELS = pytest.mark.parametrize("openat2", [True, False], ids=["openat2", "plain"])


@contextmanager
def walking(
    top: Path,
    reports: Reports | None = None,
    *,
    openat2: bool = True,
    cross_mounts: bool = False,
    max_depth: int | None = None,
    keep_open: int = 32,
    held_names: int = 65_536,
) -> Iterator[tuple[Walk, Iterator[tuple[Directory, bool]]]]:
    """Walk a tree; no descriptor may stay open, and nothing may go unvisited unless it is reported."""
    before = open_descriptors()
    heard = Reports() if reports is None else reports
    root = open_root(str(top), Kernel(openat2=openat2))
    walk = Walk(
        root,
        cross_mounts=cross_mounts,
        max_depth=max_depth,
        report=heard,
        keep_open=keep_open,
        held_names=held_names,
    )
    try:
        with closing(walk.__iter__()) as visits:
            yield walk, visits
    finally:
        root.close()
    assert open_descriptors() == before
    if reports is None:
        assert heard == []


def seen(top: Path, reports: Reports | None = None, **how: object) -> tuple[list[bytes], list[bytes]]:
    """Return the paths of the directories left, in order, and of everything else that was met."""
    left: list[bytes] = []
    others: list[bytes] = []
    with walking(top, reports, **how) as (walk, visits):  # type: ignore[arg-type]  # passed on as it is
        for directory, entering in visits:
            if entering:
                others += [walk.path(directory, name) for name in directory.names()]
            else:
                left.append(walk.path(directory))
    return left, others


def grow(top: Path, source: random.Random, directories: int) -> None:
    """Make a random tree with odd names."""
    places = [os.fsencode(top)]
    for number in range(directories):
        name = source.choice([b"d%d", b"-rf %d", b"new\nline %d", b"\xff\xfe%d", b".%d", b" %d "]) % number
        places.append(source.choice(places) + b"/" + name)
        os.mkdir(places[-1])
    for number in range(directories * 2):
        os.close(os.open(source.choice(places) + b"/f\xf0%d" % number, os.O_CREAT | os.O_WRONLY, 0o600))


@BOTH_KERNELS
@pytest.mark.parametrize(("keep_open", "held_names"), [(32, 65_536), (1, 65_536), (3, 5), (1, 1)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walk_visits_everything_once(tmp_path: Path, openat2: bool, keep_open: int, held_names: int, seed: int) -> None:
    grow(tmp_path, random.Random(seed), 60)
    left, others = seen(tmp_path, openat2=openat2, keep_open=keep_open, held_names=held_names)
    there = list(os.walk(os.fsencode(tmp_path)))
    assert sorted(left) == sorted(where for where, _, _ in there)
    assert sorted(others) == sorted(where + b"/" + name for where, _, names in there for name in names)
    # Whatever is below a directory is left before it.
    for index, path in enumerate(left):
        assert not any(earlier.startswith(path + b"/") for earlier in left[index + 1 :])


def test_walk_of_wide_directory_holds_few_names(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"d{number:03d}" / "below").mkdir(parents=True)
    with walking(tmp_path, held_names=10) as (walk, visits):
        met = []
        for directory, entering in visits:
            if entering:
                list(directory.names())
                assert directory.pending() <= 10
                met.append(walk.relative(directory))
    assert len(met) == len(set(met)) == 601


def test_walk_meets_directories_that_appear_after_it_dropped_names(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"d{number:02d}").mkdir()
    met = []
    with walking(tmp_path, held_names=4) as (walk, visits):
        for directory, entering in visits:
            if entering:
                list(directory.names())
                met.append(walk.relative(directory))
                if met[-1] == "d05":
                    shutil.rmtree(tmp_path / "d10")
                    (tmp_path / "d99").mkdir()
    assert met == ["", *(f"d{number:02d}" for number in range(20) if number != 10), "d99"]


@pytest.mark.parametrize(("max_depth", "met"), [(1, [""]), (2, ["", "a"]), (3, ["", "a", "a/b"]), (None, 4), (9, 4)])
def test_walk_goes_no_deeper_than_told(tmp_path: Path, max_depth: int | None, met: list[str] | int) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    with walking(tmp_path, max_depth=max_depth) as (walk, visits):
        entered = []
        for directory, entering in visits:
            if entering:
                list(directory.names())
                entered.append(walk.relative(directory))
            elif max_depth == directory.depth + 1:
                assert directory.kept == 1
    assert entered == met if isinstance(met, list) else len(entered) == met


@pytest.mark.slow
def test_tree_of_any_depth_is_walked_with_few_descriptors(tmp_path: Path) -> None:
    depth = 20_000
    make_chain(tmp_path, depth)
    before = open_descriptors()
    most = deepest = 0
    try:
        with walking(tmp_path) as (_, visits):
            for directory, entering in visits:
                if entering:
                    assert len(list(directory.names())) == (directory.depth == depth)
                    deepest = max(deepest, directory.depth)
                    most = max(most, open_descriptors() - before)
        assert deepest == depth
        assert most <= 36
    finally:
        remove_chain(tmp_path)


@BOTH_KERNELS
def test_walk_does_not_follow_links(tmp_path: Path, openat2: bool) -> None:
    touch(tmp_path / "outside" / "canary")
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "outside")
    left, others = seen(tmp_path / "top", openat2=openat2)
    assert left == [os.fsencode(tmp_path / "top")]
    assert others == [os.fsencode(tmp_path / "top" / "link")]


@BOTH_KERNELS
@pytest.mark.parametrize("becomes", ["link", "file", "nothing"])
def test_directory_that_became_something_else_is_not_entered(tmp_path: Path, openat2: bool, becomes: str) -> None:
    outside = tmp_path / "outside"
    touch(outside / "canary")
    top = tmp_path / "top"
    (top / "swapped").mkdir(parents=True)
    reports = Reports()
    with walking(top, reports, openat2=openat2) as (_, visits):
        for directory, entering in visits:
            if entering:
                assert list(directory.names()) == []
                (top / "swapped").rmdir()
                if becomes == "link":
                    (top / "swapped").symlink_to(outside)
                elif becomes == "file":
                    (top / "swapped").touch()
            else:
                assert directory.kept == 1
    reason = Reason.VANISHED if becomes == "nothing" else Reason.CHANGED_SINCE_SEEN
    assert reports == [(os.fsencode(top / "swapped"), reason)]


def test_directory_moved_away_while_walked_is_given_up(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a" / "b" / "c" / "d").mkdir(parents=True)
    (top / "a" / "b" / "z").mkdir()
    (top / "y").mkdir()
    reports = Reports()
    entered = []
    with walking(top, reports, keep_open=1) as (walk, visits):
        for directory, entering in visits:
            if entering:
                list(directory.names())
                entered.append(walk.relative(directory))
                if entered[-1] == "a/b/c/d":
                    (top / "a" / "b" / "c").rename(tmp_path / "elsewhere")
    assert entered == ["", "a", "a/b", "a/b/c", "a/b/c/d", "y"]
    assert reports == [(os.fsencode(top / "a" / "b"), Reason.CHANGED_SINCE_SEEN)]


@pytest.mark.root
@BOTH_KERNELS
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_other_mounts_are_not_entered_unless_told(tmp_path: Path, openat2: bool, kind: str) -> None:
    top = tmp_path / "top"
    place = top / "mounted"
    place.mkdir(parents=True)
    touch(tmp_path / "outside" / "canary")
    source = ["--bind", str(tmp_path / "outside")] if kind == "bind" else ["-t", "tmpfs", "tmpfs"]
    with mounted(*source, place):
        if kind == "bind":
            assert place.stat().st_dev == top.stat().st_dev
        reports = Reports()
        left, _ = seen(top, reports, openat2=openat2)
        assert left == [os.fsencode(top)]
        assert reports == [(os.fsencode(place), Reason.OTHER_FILE_SYSTEM)]
        left, others = seen(top, openat2=openat2, cross_mounts=True)
        assert left == [os.fsencode(place), os.fsencode(top)]
        assert others == ([os.fsencode(place / "canary")] if kind == "bind" else [])


@pytest.mark.root
@BOTH_KERNELS
def test_configured_path_may_itself_be_a_mount(tmp_path: Path, openat2: bool) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    with mounted("-t", "tmpfs", "tmpfs", place):
        (place / "below").mkdir()
        left, _ = seen(place, openat2=openat2)
        assert left == [os.fsencode(place / "below"), os.fsencode(place)]


@pytest.mark.root
@BOTH_KERNELS
def test_directory_that_may_not_be_read_is_reported(openat2: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        top = Path(name)
        top.chmod(0o755)
        (top / "closed").mkdir(mode=0o700)
        (top / "open").mkdir(mode=0o755)
        reports = Reports()
        with as_user(65534):
            left, _ = seen(top, reports, openat2=openat2)
        assert left == [os.fsencode(top / "open"), os.fsencode(top)]
        assert reports == [(os.fsencode(top / "closed"), Reason.UNREADABLE)]


@pytest.mark.parametrize(("room", "reads"), [(1 << 20, 0), (2000, 1), (0, 1)])
def test_listings_spare_the_next_walk_the_reading(tmp_path: Path, room: int, reads: int) -> None:
    grow(tmp_path, random.Random(4), 40)
    listings = Listings(room)
    met: list[list[bytes]] = [[], []]
    for turn in (0, 1):
        with walking(tmp_path) as (walk, visits):
            for directory, entering in visits:
                if entering and turn:
                    listings.recall(directory)
                if entering:
                    batches = directory.batches() if turn else listings.batches(directory)
                    met[turn] += [walk.path(directory, name) for batch in batches for name in batch]
    assert sorted(met[0]) == sorted(met[1])
    assert len(met[0]) == 80

    # Only what is read again shows what was made since.
    with walking(tmp_path) as (_, visits):
        directory, _ = next(visits)
        list(listings.batches(directory))
        (tmp_path / "new").touch()
        listings.recall(directory)
        assert ("new" in list(directory.names())) is bool(reads)
        assert "new" in list(directory.names())
