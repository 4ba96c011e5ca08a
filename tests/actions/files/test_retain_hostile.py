"""Trees that somebody made to do harm: canaries outside stay, and the run comes to its end."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agent.model.reasons import Reason
from tests.actions.files.world import DAY, aged, days_ago, everything, names, options, previews, run
from tests.fakes import EPOCH, context
from tests.host.swaps import exchanging
from tests.host.trees import make_chain, mounted, open_descriptors

SWAP_SECONDS = 2.0


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    place = tmp_path / "canary"
    for name in ("old", "below/old"):
        aged(place / name, 100)
    return place


@pytest.mark.slow
def test_swapped_directory_never_leads_to_the_canary(top: Path, canary: Path) -> None:
    before = everything(canary)
    (top / "below").mkdir()
    (top / "link").symlink_to(canary)
    deleted = 0
    fd = os.open(top / "below", os.O_RDONLY)
    rule = {"max_age": DAY, "empty_directories": True, "keep_latest": 1, "group_by": "directory"}
    with exchanging(top / "below", top / "link"):
        until = time.monotonic() + SWAP_SECONDS
        while time.monotonic() < until or not deleted:
            for name in ("a", "b", "keep"):
                with suppress(FileExistsError):
                    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=fd))
                os.utime(name, (days_ago(9), days_ago(9)), dir_fd=fd)
            deleted += int(run(options(top, **rule)).facts["deleted"])
    os.close(fd)
    assert everything(canary) == before


def test_links_are_kept_unless_asked_for(top: Path, canary: Path) -> None:
    before = everything(canary)
    for name, target in (("file", "old"), ("directory", "."), ("dangling", "none")):
        (top / name).symlink_to(canary / target)
        os.utime(top / name, (days_ago(9), days_ago(9)), follow_symlinks=False)
    assert run(options(top, max_age=DAY)).counts == {Reason.SYMBOLIC_LINK: 3}
    assert run(options(top, max_age=DAY, symbolic_links=True)).counts == {Reason.TOO_OLD: 3}
    assert names(top) == []
    assert everything(canary) == before


def test_second_name_of_a_file_outside_goes_alone(top: Path, canary: Path) -> None:
    os.link(canary / "old", top / "hard")
    assert run(options(top, max_age=DAY)).facts["deleted"] == 1
    assert (canary / "old").stat().st_nlink == 1


def test_what_is_no_file_is_kept(top: Path) -> None:
    os.mkfifo(top / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(top / "socket"))
    if os.geteuid() == 0:
        os.mknod(top / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    for path in top.iterdir():
        os.utime(path, (0, 0))
    count = len(names(top))
    outcome = run(options(top, max_age=0.0, max_count=0, max_size=0, symbolic_links=True))
    assert outcome.counts == {Reason.NOT_A_REGULAR_FILE: count}
    assert len(names(top)) == count


ODD = [b"-rf", b"--no-preserve-root", b"new\nline", b"\xff\xfe", b" ", b"~", b"$(reboot)", b";", b"..."]


def test_names_of_any_bytes_go(top: Path) -> None:
    for name in ODD:
        path = os.fsencode(top) + b"/" + name
        os.mkdir(path + b"d")
        for file in (path, path + b"d/" + name):
            os.close(os.open(file, os.O_CREAT, 0o600))
            os.utime(file, (0, 0))
    assert run(options(top, max_age=DAY, empty_directories=True)).facts["deleted"] == 2 * len(ODD)
    assert names(top) == []


@pytest.mark.root
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_mounts_are_crossed_only_when_told(top: Path, canary: Path, kind: str) -> None:
    (top / "mounted").mkdir()
    source = ["--bind", canary] if kind == "bind" else ["-t", "tmpfs", "tmpfs"]
    with mounted(*source, top / "mounted"):
        if kind == "tmpfs":
            aged(top / "mounted" / "old", 9)
        there = everything(top)
        chosen = {"max_age": DAY, "empty_directories": True}
        outcome = run(options(top, **chosen))
        assert everything(top) == there
        assert outcome.counts[Reason.OTHER_FILE_SYSTEM] == 2
        assert int(run(options(top, **chosen, cross_mounts=True)).facts["deleted"]) > 0
        assert names(top) == ["mounted"]


@pytest.mark.slow
def test_tree_deeper_than_any_path_is_cleaned_to_the_bottom(top: Path) -> None:
    make_chain(top, 2500, name="directory")
    before = open_descriptors()
    chosen = options(top, max_age=0.0, empty_directories=True)
    shown = previews(chosen)
    assert shown[f"retain:{top}"].facts["delete"] == 1
    assert shown[f"empty-directories:{top}"].facts == {"remove": 2500}
    outcome = run(chosen)
    assert outcome.facts["deleted"] == 1
    assert outcome.facts["removed"] == 2500
    assert os.listdir(top) == []
    assert open_descriptors() == before


PROGRAM = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from tests.actions.files.world import options, run
from tests.fakes import EPOCH, FakeClock, context
import msgspec, os, signal

top, checkpoints = Path(sys.argv[1]), int(sys.argv[2])

def checkpoint():
    global checkpoints
    checkpoints -= 1
    if checkpoints < 0:
        os.kill(os.getpid(), signal.SIGKILL)

run(options(top, max_count=150, keep_latest=20, empty_directories=True),
    msgspec.structs.replace(context(), checkpoint=checkpoint))
"""


@pytest.mark.parametrize("checkpoints", [0, 1, 7, 15, 22, 29, 34, 41, 48])
def test_killed_run_is_finished_by_the_next_one(top: Path, checkpoints: int) -> None:
    for number in range(200):
        aged(top / f"d{number % 10}" / f"{number:03d}", number, size=1)
    for _ in range(3):
        killed = subprocess.run([sys.executable, "-c", PROGRAM, str(top), str(checkpoints)], check=False)
        assert killed.returncode in (0, -signal.SIGKILL)
    assert {path for path in names(top) if "/" in path} >= {f"d{n % 10}/{n:03d}" for n in range(150)}
    run(options(top, max_count=150, keep_latest=20, empty_directories=True), context(now=EPOCH))
    assert {path for path in names(top) if "/" in path} == {f"d{n % 10}/{n:03d}" for n in range(150)}
