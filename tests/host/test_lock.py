"""One agent per state directory, whatever becomes of it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.errors import AlreadyRunning, ExitCode, StoreError
from agent.host.lock import hold

HOLDER = """
import subprocess, sys, time
from agent.errors import AlreadyRunning
from agent.host.lock import hold
sys.stdin.readline()
try:
    lock = hold(sys.argv[1])
except AlreadyRunning as error:
    sys.exit(error.code)
if len(sys.argv) > 2:
    subprocess.Popen(["sleep", "1000"], close_fds=False, stdout=subprocess.DEVNULL)
print("held", flush=True)
time.sleep(1000)
"""


def holder(state: Path, *more: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", HOLDER, str(state), *more]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    with process:
        pass


def test_hold_second_leaves_at_once_and_names_the_first(tmp_path: Path) -> None:
    with hold(str(tmp_path)):
        begun = time.monotonic()
        with pytest.raises(AlreadyRunning) as raised:
            hold(str(tmp_path))
        assert time.monotonic() - begun < 10
    assert raised.value.code is ExitCode.ALREADY_RUNNING
    assert f"(process {os.getpid()})" in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert "--state" in str(raised.value)


def test_hold_after_release_is_held_again(tmp_path: Path) -> None:
    first = hold(str(tmp_path))
    first.release()
    first.release()
    with hold(str(tmp_path)), pytest.raises(AlreadyRunning):
        hold(str(tmp_path))


def test_hold_makes_a_missing_directory_private(tmp_path: Path) -> None:
    with hold(str(tmp_path / "a" / "state")):
        assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "a" / "state" / "lock").stat().st_mode & 0o777 == 0o600


def test_hold_after_kill_9_is_held_at_once_though_a_child_lives(tmp_path: Path) -> None:
    process = holder(tmp_path, "with a child")
    try:
        begin(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f"process {process.pid}"):
            hold(str(tmp_path))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        hold(str(tmp_path)).release()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        end(process)


def test_hold_by_many_at_once_is_given_to_one(tmp_path: Path) -> None:
    processes = [holder(tmp_path) for _ in range(12)]
    try:
        for process in processes:
            begin(process)
        losers: list[int] = []
        deadline = time.monotonic() + 20
        while len(losers) < 11 and time.monotonic() < deadline:
            losers = [code for code in (process.poll() for process in processes) if code is not None]
            time.sleep(0.01)
        assert losers == [ExitCode.ALREADY_RUNNING] * 11
    finally:
        for process in processes:
            end(process)


def test_hold_with_a_stale_process_id_in_the_file_is_held(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")
    with hold(str(tmp_path)):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_hold_by_another_program_names_nobody(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunning, match=r"^another agent holds"):
            hold(str(tmp_path))


def test_hold_of_a_directory_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="chmod 0700"):
        hold(str(tmp_path))
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("kind", ["link", "directory", "fifo"])
def test_hold_of_something_else_than_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    lock = tmp_path / "state" / "lock"
    lock.parent.mkdir(mode=0o700)
    if kind == "link":
        lock.symlink_to(tmp_path / "elsewhere")
    elif kind == "directory":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    with pytest.raises(StoreError, match="cannot lock the state directory"):
        hold(str(lock.parent))
    assert not (tmp_path / "elsewhere").exists()


def test_hold_under_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot lock the state directory"):
        hold(str(tmp_path / "file" / "state"))


def test_hold_refused_many_times_keeps_no_descriptor(tmp_path: Path) -> None:
    with hold(str(tmp_path)):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with pytest.raises(AlreadyRunning):
                hold(str(tmp_path))
        assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.root
def test_hold_on_a_full_disk_is_held(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(tmp_path)], check=True)
    try:
        hold(str(tmp_path)).release()
        (tmp_path / "lock").write_bytes(b"")
        fill(tmp_path / "filler")
        with hold(str(tmp_path)), pytest.raises(AlreadyRunning):
            hold(str(tmp_path))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def fill(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)
