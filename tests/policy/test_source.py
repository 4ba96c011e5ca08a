"""A file is read whole or not at all, and never while somebody is writing it."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from agent.policy.bounds import MAX_BYTES
from agent.policy.broken import Broken
from agent.policy.scan import scan
from agent.policy.source import Busy, being_written, read_alone, read_source
from agent.policy.trust import Guard


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"version: 1\n")
    return path


def wrong(path: Path) -> str:
    with pytest.raises(Broken) as broken:
        read_source(str(path))
    (mistake,) = broken.value.mistakes
    assert mistake.file == str(path)
    assert mistake.right
    return mistake.wrong


def test_file_is_read_with_digest_and_the_signature_that_a_scan_sees(file: Path) -> None:
    source = read_source(str(file))
    assert source.data == b"version: 1\n"
    assert source.digest == hashlib.sha256(b"version: 1\n").hexdigest()
    assert source.signature == scan(str(file.parent)).files["p.yaml"]


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES, MAX_BYTES + 1, MAX_BYTES + 2])
def test_file_is_read_up_to_one_byte_more_than_is_allowed(file: Path, size: int) -> None:
    file.write_bytes(b"x" * size)
    assert len(read_source(str(file)).data) == min(size, MAX_BYTES + 1)


def test_file_whose_size_is_not_told_is_read_whole() -> None:
    assert read_source("/proc/self/status").data.startswith(b"Name:")


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_file_that_is_open_for_writing_is_busy_until_it_is_closed(file: Path, mode: str) -> None:
    with open(file, mode), pytest.raises(Busy):
        read_source(str(file))
    assert read_source(str(file)).data == b"version: 1\n"


def test_file_that_is_mapped_for_writing_is_busy(file: Path) -> None:
    with open(file, "r+b") as opened:
        mapped = mmap.mmap(opened.fileno(), 0)
    with pytest.raises(Busy):
        read_source(str(file))
    mapped.close()
    assert read_source(str(file)).data


def test_file_that_others_only_read_is_not_busy(file: Path) -> None:
    with open(file, "rb"):
        assert read_source(str(file)).data


def test_writer_waits_until_the_file_is_read_and_the_reader_is_not_killed(file: Path) -> None:
    """The kernel tells the reader of a waiting writer by SIGIO, whose default is to end the process."""
    assert signal.getsignal(signal.SIGIO) is signal.SIG_DFL
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            with open(file, "r+b") as opened:
                opened.write(b"version: 1\n")
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    wanted = {b"version: 1\n", b"busy"}
    outcomes: set[bytes] = set()
    deadline = time.monotonic() + 30
    while (outcomes != wanted or written < 1000) and outcomes <= wanted and time.monotonic() < deadline:
        try:
            outcomes.add(read_source(str(file)).data)
        except Busy:
            outcomes.add(b"busy")
    stop.set()
    writer.join()
    assert outcomes == wanted
    assert written >= 1000


def test_no_lease_and_no_descriptor_is_left(file: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    read_source(str(file))
    with pytest.raises(Busy), open(file, "ab"):
        read_source(str(file))
    assert len(os.listdir("/proc/self/fd")) == before
    descriptor = os.open(file, os.O_RDWR | os.O_NONBLOCK)
    assert fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_UNLCK
    os.close(descriptor)


def test_whether_a_file_is_being_written_can_be_asked_for_alone(file: Path) -> None:
    assert not being_written(str(file))
    with open(file, "a"):
        assert being_written(str(file))
    assert not being_written(str(file))
    assert not being_written(str(file) + ".missing")


def test_missing_file_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to("missing")
    for name in ("missing.yaml", "link.yaml"):
        with pytest.raises(FileNotFoundError):
            read_source(str(tmp_path / name))


def test_what_is_no_regular_file_is_refused_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "dir.yaml").mkdir()
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "to-fifo.yaml").symlink_to("fifo.yaml")
    for name in ("fifo.yaml", "dir.yaml", "zero.yaml", "to-fifo.yaml"):
        assert wrong(tmp_path / name) == "not a regular file"


def test_link_is_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to("p.yaml")
    assert read_source(str(tmp_path / "link.yaml")) == read_source(str(file))


def test_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert wrong(tmp_path / "loop.yaml").startswith("cannot be read")


@pytest.mark.root
def test_file_of_another_user_is_refused_with_the_command_that_mends_it(file: Path) -> None:
    os.chown(file, 65534, -1)
    with pytest.raises(Broken) as broken:
        read_source(str(file), Guard(str(file.parent)))
    (mistake,) = broken.value.mistakes
    assert mistake.right == f"run: chown root {file}"


@pytest.mark.root
def test_settings_file_is_judged_with_everything_above_it(file: Path) -> None:
    file.parent.chmod(0o755)
    assert read_alone(str(file), root=True).data
    file.parent.chmod(0o777)
    with pytest.raises(Broken) as broken:
        read_alone(str(file), root=True)
    (mistake,) = broken.value.mistakes
    assert mistake.right == f"run: chmod go-w {file.parent}"
    assert read_alone(str(file), root=False).data
