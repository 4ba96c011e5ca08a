from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.host.rotation import Actor, NotRotated, Packing, Place, copy_and_empty, drop, pack, place_at, turn
from tests.host.limits import files_no_larger_than
from tests.host.swaps import exchanging

OLDER = "app.log-20260301-1772366400"


@contextmanager
def no_zstd(_descriptor: int) -> Iterator[int]:
    raise AssertionError("nothing here is compressed by zstd")
    yield -1


def zipped(source: int, target: int) -> None:
    os.write(target, gzip.compress(os.pread(source, 1 << 20, 0)))


def packing(compress: Callable[[int, int], None] = zipped) -> Packing:
    return Packing(".gz", compress, no_zstd)


def any_file(_about: os.stat_result) -> bool:
    return True


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\ntwo\n")
    return path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_at(str(tmp_path), None) as found:
        yield found


def beside(log: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in log.parent.iterdir()}


def test_turn_gives_the_old_log_its_name_and_leaves_a_new_one(place: Place, log: Path) -> None:
    inode = log.stat().st_ino
    turn(place, "app.log", OLDER, expected=any_file)
    assert beside(log) == {"app.log": b"", OLDER: b"one\ntwo\n"}
    assert log.with_name(OLDER).stat().st_ino == inode


def test_turn_where_names_cannot_change_places_renames_and_makes_one(place: Place, log: Path) -> None:
    log.chmod(0o640)
    turn(place, "app.log", OLDER, expected=any_file, swap=lambda *_: False)
    assert beside(log) == {"app.log": b"", OLDER: b"one\ntwo\n"}
    assert log.stat().st_mode & 0o777 == 0o640


def test_turn_where_names_cannot_change_places_and_anybody_could_take_one_touches_nothing(
    place: Place, log: Path
) -> None:
    with pytest.raises(NotRotated, match="choose `method: copytruncate`"):
        turn(place, "app.log", OLDER, expected=any_file, exposed=True, swap=lambda *_: False)
    assert beside(log) == {"app.log": b"one\ntwo\n"}


@pytest.mark.parametrize("act", [turn, copy_and_empty])
def test_turn_and_copy_never_overwrite_what_has_the_older_name(
    act: Callable[..., object], place: Place, log: Path
) -> None:
    log.with_name(OLDER).write_bytes(b"theirs\n")
    with pytest.raises(FileExistsError):
        act(place, "app.log", OLDER, expected=any_file)
    assert beside(log) == {"app.log": b"one\ntwo\n", OLDER: b"theirs\n"}


@pytest.mark.parametrize("act", [turn, copy_and_empty])
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "another"])
def test_turn_and_copy_of_what_is_no_file_of_its_own_touch_nothing(
    kind: str, act: Callable[..., object], place: Place, log: Path
) -> None:
    other = log.with_name("other.log")
    if kind == "link":
        other.symlink_to(log)
    elif kind == "hard link":
        other.hardlink_to(log)
    elif kind == "pipe":
        os.mkfifo(other)
    else:
        other.write_bytes(b"put there since\n")
    with pytest.raises((NotRotated, OSError)):
        act(place, "other.log", OLDER, expected=lambda _: False)
    assert log.read_bytes() == b"one\ntwo\n"
    assert not log.with_name(OLDER).exists()


def test_turn_beside_somebody_who_exchanges_the_log_loses_neither_content(place: Place, log: Path) -> None:
    other = log.with_name("other.log")
    other.write_bytes(b"other\n")
    mine = log.stat().st_ino
    with exchanging(log, other):
        for number in range(60):
            try:
                turn(place, "app.log", f"{OLDER}{number}", expected=lambda about: about.st_ino == mine)
            except (NotRotated, OSError):
                continue
            break
    # An empty file may be left at any name that was exchanged meanwhile.
    contents = sorted(content for path in log.parent.iterdir() if (content := path.read_bytes()))
    assert contents == [b"one\ntwo\n", b"other\n"]


def test_new_log_in_a_directory_with_a_default_access_list_has_that_of_the_old_one(place: Place, log: Path) -> None:
    entries = ((1, 7, 0xFFFFFFFF), (2, 7, 1), (4, 5, 0xFFFFFFFF), (16, 7, 0xFFFFFFFF), (32, 5, 0xFFFFFFFF))
    listed = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + mode.to_bytes(2, "little") + who.to_bytes(4, "little") for tag, mode, who in entries
    )
    log.chmod(0o640)
    with suppress(OSError):
        # Not every file system has attributes of users.
        os.setxattr(log, "user.note", b"kept")
    before = os.listxattr(log)
    os.setxattr(log.parent, "system.posix_acl_default", listed)
    turn(place, "app.log", OLDER, expected=any_file)
    assert log.stat().st_mode & 0o777 == 0o640
    assert os.listxattr(log) == before


def test_copy_takes_all_there_is_and_empties_the_log(place: Place, log: Path) -> None:
    log.write_bytes(content := os.urandom(3 << 20))
    copy_and_empty(place, "app.log", OLDER, expected=any_file)
    assert beside(log) == {"app.log": b"", OLDER: content}


@pytest.mark.parametrize("copied", [b"", b"one\n", b"one\ntwo\n"])
def test_copy_that_was_begun_is_gone_on_with(copied: bytes, place: Place, log: Path) -> None:
    log.with_name(OLDER).write_bytes(copied)
    copy_and_empty(place, "app.log", OLDER, expected=any_file, resume=True)
    assert beside(log) == {"app.log": b"", OLDER: b"one\ntwo\n"}


@pytest.mark.parametrize("other", [b"two\n", b"one\ntwo\nthree\n"])
def test_copy_that_is_of_another_content_is_left_alone_with_the_log(other: bytes, place: Place, log: Path) -> None:
    log.with_name(OLDER).write_bytes(other)
    with pytest.raises(NotRotated, match="no copy of the log"):
        copy_and_empty(place, "app.log", OLDER, expected=any_file, resume=True)
    assert beside(log) == {"app.log": b"one\ntwo\n", OLDER: other}


def test_copy_that_does_not_fit_leaves_the_log_whole_and_nothing_beside_it(place: Place, log: Path) -> None:
    log.write_bytes(content := os.urandom(1 << 16))
    with files_no_larger_than(1 << 12), pytest.raises(OSError, match="File too large"):
        copy_and_empty(place, "app.log", OLDER, expected=any_file)
    assert beside(log) == {"app.log": content}


def test_pack_that_does_not_fit_leaves_the_plain_generation_alone(place: Place, log: Path) -> None:
    log.write_bytes(content := os.urandom(1 << 16))
    with files_no_larger_than(1 << 12), pytest.raises((OSError, NotRotated)):
        pack(place, "app.log", packing())
    assert beside(log) == {"app.log": content}


def test_pack_keeps_owner_mode_and_time(place: Place, log: Path) -> None:
    log.chmod(0o604)
    os.utime(log, (1000, 2000))
    pack(place, "app.log", packing())
    (packed,) = log.parent.iterdir()
    assert gzip.decompress(packed.read_bytes()) == b"one\ntwo\n"
    assert (packed.stat().st_mode & 0o777, packed.stat().st_mtime) == (0o604, 2000)


@pytest.mark.parametrize(
    "content", [gzip.compress(b"one\ntwo\n"), gzip.compress(b"one\ntwo\n")[:15], b"", b"no archive"]
)
def test_pack_that_was_begun_is_finished_or_made_anew(content: bytes, place: Place, log: Path) -> None:
    log.with_name("app.log.gz").write_bytes(content)
    pack(place, "app.log", packing())
    assert [(path.name, gzip.decompress(path.read_bytes())) for path in log.parent.iterdir()] == [
        ("app.log.gz", b"one\ntwo\n")
    ]


def test_pack_beside_a_whole_one_of_another_content_leaves_both(place: Place, log: Path) -> None:
    log.with_name("app.log.gz").write_bytes(gzip.compress(b"other\n"))
    with pytest.raises(NotRotated, match="has another content"):
        pack(place, "app.log", packing())
    assert sorted(beside(log)) == ["app.log", "app.log.gz"]


@pytest.mark.parametrize("wrong", [b"", b"rubbish", gzip.compress(b"one\n"), zlib.compress(b"one\ntwo\n")])
def test_pack_by_a_program_that_lies_leaves_the_plain_generation_alone(wrong: bytes, place: Place, log: Path) -> None:
    def lying(_source: int, target: int) -> None:
        os.write(target, wrong)

    with pytest.raises(NotRotated):
        pack(place, "app.log", packing(lying))
    assert beside(log) == {"app.log": b"one\ntwo\n"}


def test_pack_of_what_is_still_written_to_leaves_it_alone(place: Place, log: Path) -> None:
    def slow(source: int, target: int) -> None:
        zipped(source, target)
        with log.open("ab") as writer:
            writer.write(b"three\n")

    with pytest.raises(NotRotated, match="was written to"):
        pack(place, "app.log", packing(slow))
    assert beside(log) == {"app.log": b"one\ntwo\nthree\n"}


def test_drop_of_a_link_or_a_directory_removes_nothing(place: Place, log: Path) -> None:
    log.with_name("link").symlink_to(log)
    log.with_name("directory").mkdir()
    for name in ("link", "directory"):
        with pytest.raises(NotRotated):
            drop(place.fd, name)
    drop(place.fd, "nothing")
    assert len(list(log.parent.iterdir())) == 3


@pytest.mark.root
def test_acting_as_a_user_can_do_no_more_than_that_user_and_ends_with_the_block(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.write_bytes(b"secret")
    closed.chmod(0o600)
    with place_at(str(tmp_path), Actor(65534, 65534)) as place:
        with place.acting():
            with pytest.raises(PermissionError):
                os.open("closed", os.O_RDONLY, dir_fd=place.fd)
            with pytest.raises(PermissionError):
                os.open("new", os.O_WRONLY | os.O_CREAT, dir_fd=place.fd)
            assert os.geteuid() == 0
        os.close(os.open("closed", os.O_RDONLY, dir_fd=place.fd))
    assert closed.read_bytes() == b"secret"
