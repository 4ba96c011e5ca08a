"""The object log: what was recorded is found, whatever becomes of the process or the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.objects import FOLDER, TOTAL_FILES, FileObjectLog, Found, lookup
from tests.host.trees import mounted


def log_of(place: Path, run: int = 1, at: float = 1000.0) -> FileObjectLog:
    return FileObjectLog(str(place), run, now=lambda: at)


def found(place: Path, path: bytes) -> list[Found]:
    return lookup(str(place), path)


def test_recorded_object_is_found(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    log.record(b"/srv/x", [b"one", b"two"], "too_old")
    log.record(b"/srv/y", [b"one"], "over_count")
    assert found(tmp_path, b"/srv/x/two") == [Found(1, "too_old", 1000.0)]
    assert found(tmp_path, b"/srv/y/one") == [Found(1, "over_count", 1000.0)]
    assert log.lost == 0
    log.close()


@pytest.mark.parametrize("path", [b"/srv/x/tw", b"/srv/x/two/", b"/srv/x", b"/srv/two", b"two", b"/srv/x/one/two"])
def test_similar_path_is_not_found(tmp_path: Path, path: bytes) -> None:
    log_of(tmp_path).record(b"/srv/x", [b"one", b"two", b"three"], "too_old")
    assert found(tmp_path, path) == []


NAMES = [b"-rf", b"new\nline", b"\xff\xfe", b"\x01", b"a" * 255, b"0"]


def test_names_of_any_bytes_are_found(tmp_path: Path) -> None:
    log_of(tmp_path).record(b"/srv/\xf0\n", NAMES, "too_old")
    for name in NAMES:
        assert found(tmp_path, b"/srv/\xf0\n/" + name) == [Found(1, "too_old", 1000.0)]


def test_deletions_of_several_runs_come_latest_first(tmp_path: Path) -> None:
    for run, at in ((9, 1000.0), (10, 3000.0), (11, 2000.0)):
        log_of(tmp_path, run, at).record(b"/srv", [b"x"], "too_old")
    assert [one.run for one in found(tmp_path, b"/srv/x")] == [10, 11, 9]


def test_resumed_run_goes_on_beside_what_it_recorded(tmp_path: Path) -> None:
    log_of(tmp_path).record(b"/srv", [b"x"], "too_old")
    log_of(tmp_path).record(b"/srv", [b"y"], "too_old")
    assert [one.run for one in found(tmp_path, b"/srv/x") + found(tmp_path, b"/srv/y")] == [1, 1]


def test_no_log_finds_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, b"/srv/x") == []
    assert found(tmp_path / "none", b"/srv/x") == []


def test_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    log_of(tmp_path).record(b"/srv", [b"x"], "too_old")
    assert (tmp_path / FOLDER).stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / FOLDER).iterdir())


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_torn_end_loses_the_last_record_alone(tmp_path: Path, cut: int) -> None:
    log = log_of(tmp_path)
    log.record(b"/srv", [b"first"], "too_old")
    log.record(b"/srv", [os.urandom(30).hex().encode()], "too_old")
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    assert found(tmp_path, b"/srv/first") == [Found(1, "too_old", 1000.0)]


def test_damaged_file_does_not_hide_another(tmp_path: Path) -> None:
    for run in (1, 2, 3):
        log_of(tmp_path, run).record(b"/srv", [b"x"], "too_old")
    (tmp_path / FOLDER / "2.0").write_bytes(b"\x00" * 100)
    (tmp_path / FOLDER / "strange").write_bytes(b"x")
    assert sorted(one.run for one in found(tmp_path, b"/srv/x")) == [1, 3]


KILLED = """
import os, signal, sys
from agent.host.objects import FileObjectLog
FileObjectLog(sys.argv[1], 7).record(b"/srv", [b"x"], "too_old")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_recorded_outlives_a_killed_process(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [one.run for one in found(tmp_path, b"/srv/x")] == [7]


def test_oldest_files_make_room(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for run in range(TOTAL_FILES + 5):
        (tmp_path / FOLDER / f"{run}.0").touch()
    log_of(tmp_path, 5000).record(b"/srv", [b"x"], "too_old")
    left = {file.name for file in (tmp_path / FOLDER).iterdir()}
    assert len(left) == TOTAL_FILES
    assert "5.0" not in left
    assert {"6.0", "5000.0"} <= left


@pytest.mark.root
def test_full_disk_is_waited_for_and_never_fails_the_caller(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "size=64k,nr_inodes=32", "tmpfs", tmp_path):
        bulk = tmp_path / "bulk"
        with pytest.raises(OSError, match="No space left"):
            bulk.write_bytes(b"x" * 100_000)
        log = log_of(tmp_path)
        log.record(b"/srv", [b"while-full"], "too_old")
        assert log.lost == 0
        bulk.unlink()
        log.record(b"/srv", [b"after"], "too_old")
        assert found(tmp_path, b"/srv/while-full") == found(tmp_path, b"/srv/after") == [Found(1, "too_old", 1000.0)]
        log.close()


@pytest.mark.root
def test_disk_that_stays_full_costs_records_but_no_memory(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "size=8m,nr_inodes=32", "tmpfs", tmp_path):
        with pytest.raises(OSError, match="No space left"):
            (tmp_path / "bulk").write_bytes(b"x" * 10_000_000)
        log = log_of(tmp_path)
        for _ in range(60):
            log.record(b"/srv", [os.urandom(100).hex().encode() for _ in range(400)], "too_old")
        assert log.lost > 0
        (tmp_path / "bulk").unlink()
        log.record(b"/srv", [b"after"], "too_old")
        assert [one.run for one in found(tmp_path, b"/srv/after")] == [1]
        log.close()
