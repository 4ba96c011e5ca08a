from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.following import LINGER, LONGEST, Follower, Position, fits, logs_at
from agent.host.following.content import CHUNK
from agent.host.following.position import MARK
from agent.host.tree import UnsafePath


@contextmanager
def no_zstd(_descriptor: int) -> Iterator[int]:
    raise RunFailed("there is no zstd")
    yield -1


def read(path: Path, position: Position | None, *, now: float = 0.0) -> tuple[list[bytes], Position, str]:
    with Follower(str(path), position, now=now or path_time(path), unpack=no_zstd) as follower:
        lines = []
        for reading in follower.readings:
            for block in reading.blocks():
                lines += block.lines()
                reading.reached(block, len(block.data))
        return lines, follower.position(), follower.lost


def path_time(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 1.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(b"one\n")
    return path


def test_follower_of_a_writer_that_was_not_told_of_a_truncation_passes_over_the_hole(log: Path) -> None:
    _, position, _ = read(log, None)
    os.truncate(log, 0)
    with log.open("r+b") as writer:
        writer.seek(1 << 32)
        writer.write(b"two\n")
    lines, position, lost = read(log, position)
    assert lines == [b"two"]
    assert lost
    assert read(log, position)[0] == []


def test_follower_of_a_file_without_line_ends_takes_it_in_pieces(log: Path) -> None:
    log.write_bytes(b"x" * (2 * LONGEST + 5))
    lines, position, _ = read(log, None)
    assert [len(line) for line in lines] == [LONGEST, LONGEST]
    assert read(log, position)[0] == []


def test_follower_of_a_log_that_was_put_in_its_place_anew_reads_that_from_its_beginning(log: Path) -> None:
    _, position, _ = read(log, None)
    log.unlink()
    log.write_bytes(b"other\n")
    lines, _, lost = read(log, position)
    assert lines == [b"other"]
    assert "before it was read to its end" in lost


def test_follower_of_a_log_that_goes_and_comes_back_keeps_its_place(log: Path) -> None:
    _, position, _ = read(log, None)
    with log.open("ab") as writer:
        writer.write(b"two\n")
    log.rename(log.with_name("app.log.1"))
    lines, position, _ = read(log, position)
    assert lines == [b"two"]
    log.write_bytes(b"three\n")
    assert read(log, position)[0] == [b"three"]


def test_follower_of_a_renamed_log_reads_it_until_it_is_quiet_for_long(log: Path) -> None:
    _, position, _ = read(log, None)
    with log.open("ab") as writer:
        log.rename(log.with_name("app.log.1"))
        log.write_bytes(b"new\n")
        lines, position, _ = read(log, position)
        writer.write(b"late\nhal")
    assert lines == [b"new"]
    lines, position, _ = read(log, position)
    assert lines == [b"late"]
    lines, position, _ = read(log, position, now=path_time(log) + LINGER + 1)
    assert lines == [b"hal"]
    assert len(position.parts) == 1


def test_follower_that_has_read_further_than_copies_of_a_truncated_log_repeats_nothing(log: Path) -> None:
    _, position, _ = read(log, None)
    for number, overtaken in enumerate([False, True, True]):
        after = b"after %d" % number + b" and more" * MARK
        shutil.copyfile(log, log.with_name(f"app.log-20260101-170000000{number}"))
        with log.open("ab", buffering=0) as writer:
            if overtaken:
                writer.write(b"between %d\n" % number)
                lines, position, _ = read(log, position)
                assert lines == [b"between %d" % number]
            writer.truncate(0)
            writer.write(after + b"\n")
        lines, position, lost = read(log, position)
        assert lines == [after]
        assert bool(lost) == overtaken


def test_follower_of_a_log_that_is_copied_and_not_truncated_yet_reads_it_once(log: Path) -> None:
    os.truncate(log, 0)
    _, position, _ = read(log, None)
    log.write_bytes(b"one\ntwo\n")
    log.with_name("app.log-20260101-1700000000").write_bytes(b"one\n")
    lines, position, _ = read(log, position, now=path_time(log) + 1)
    assert lines == [b"one", b"two"]
    log.with_name("app.log-20260101-1700000000").write_bytes(b"one\ntwo\n")
    log.write_bytes(b"three\n")
    assert read(log, position)[0] == [b"three"]


def test_follower_of_a_log_that_is_truncated_while_it_is_looked_at_repeats_nothing(log: Path) -> None:
    over, looked = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        with log.open("ab") as writer:
            for rotation in range(60):
                for _ in range(20):
                    os.write(writer.fileno(), b"".join(b"line %09d\n" % (number + one) for one in range(100)))
                    number += 100
                looked.clear()
                looked.wait(10)
                shutil.copyfile(log, log.with_name(f"app.log-20260101-17000000{rotation:02d}"))
                writer.truncate(0)
        over.set()

    writing = threading.Thread(target=write)
    writing.start()
    seen: list[bytes] = []
    position = None
    while not over.is_set():
        lines, position, _ = read(log, position)
        seen += lines
        looked.set()
    writing.join()
    seen += read(log, position)[0]
    assert len(set(seen)) == len(seen)
    assert len(seen) > 1000


def copied_and_truncated(log: Path, number: int, after: bytes) -> None:
    shutil.copyfile(log, log.with_name(f"app.log-20260101-170000000{number}"))
    os.truncate(log, 0)
    log.write_bytes(after)


def test_follower_of_a_log_that_is_truncated_between_looking_and_reading_reads_it_later(log: Path) -> None:
    with Follower(str(log), None, now=path_time(log), unpack=no_zstd) as follower:
        copied_and_truncated(log, 0, b"two\n")
        assert [list(reading.blocks()) for reading in follower.readings] == [[]]
        position = follower.position()
    assert read(log, position)[0] == [b"one", b"two"]


def test_follower_of_a_log_that_is_truncated_between_two_pieces_reads_the_second_later(log: Path) -> None:
    first = b"".join(b"line %09d\n" % number for number in range((CHUNK + (1 << 16)) // 15))
    log.write_bytes(first)
    after = b"".join(b"next %09d\n" % number for number in range(len(first) // 15 + 10))
    lines: list[bytes] = []
    with Follower(str(log), None, now=path_time(log), unpack=no_zstd) as follower:
        (reading,) = follower.readings
        for block in reading.blocks():
            if not lines:
                copied_and_truncated(log, 0, after)
            lines += block.lines()
            reading.reached(block, len(block.data))
        position = follower.position()
    assert b"\n".join([*lines, b""]) == first[: sum(len(line) + 1 for line in lines)]
    lines += read(log, position)[0]
    assert b"\n".join([*lines, b""]) == first + after


def test_follower_of_a_log_that_is_rotated_while_its_older_ones_are_looked_at_reads_every_line_once(log: Path) -> None:
    _, position, _ = read(log, None)
    copied_and_truncated(log, 0, b"two\n")
    packed = log.with_name("app.log-20260101-1700000000").rename(log.with_name("app.log-20260101-1700000000.zst"))
    looks = 0

    @contextmanager
    def rotating(_descriptor: int) -> Iterator[int]:
        nonlocal looks
        looks += 1
        if looks == 1:
            copied_and_truncated(log, 1, b"three\n")
        descriptor = os.open(packed, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    with Follower(str(log), position, now=path_time(log), unpack=rotating) as follower:
        lines = [line for reading in follower.readings for block in reading.blocks() for line in block.lines()]
    assert lines == [b"two", b"three"]


@pytest.mark.parametrize("ending", [".gz", ".zst", ".xz", ".bz2"])
def test_follower_beside_a_damaged_older_log_still_reads_the_log(log: Path, ending: str) -> None:
    log.with_name(f"app.log.1{ending}").write_bytes(b"this is no archive")
    lines, position, _ = read(log, None)
    assert lines == [b"one"]
    with log.open("ab") as writer:
        writer.write(b"two\n")
    assert read(log, position)[0] == [b"two"]


def test_follower_of_what_is_no_file_fails(log: Path) -> None:
    os.mkfifo(log.with_name("pipe.log"))
    log.with_name("link.log").symlink_to(log)
    for name in ("pipe.log", "link.log"):
        with pytest.raises((RunFailed, OSError)):
            read(log.with_name(name), None, now=1.0)


def test_follower_in_a_directory_that_everybody_can_replace_refuses(log: Path) -> None:
    log.parent.parent.chmod(0o777)
    try:
        with pytest.raises(UnsafePath, match="everybody"):
            read(log, None)
    finally:
        log.parent.parent.chmod(0o700)


def test_logs_at_a_pattern_are_logs_alone(log: Path) -> None:
    for name in ("b.log", "b.log.1", "c.log.gz", "d.txt"):
        log.with_name(name).touch()
    assert logs_at(f"{log.parent}/*.log*") == [str(log), str(log.with_name("b.log"))]
    assert logs_at(str(log)) == [str(log)]
    assert fits(str(log), f"{log.parent}/*.log")
    assert not fits(str(log), f"{log.parent}/x*.log")
    assert not fits(f"{log.parent}/below/app.log", f"{log.parent}/*.log")
