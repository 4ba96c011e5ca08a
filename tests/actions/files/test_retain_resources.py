"""A disk with nothing left, directories with very many names: what a run needs does not grow with what it meets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.errors import RunFailed
from agent.host.objects import FileObjectLog, lookup
from agent.model.reasons import Reason
from tests.actions.files.world import DAY, aged, names, options, run
from tests.fakes import context
from tests.host.trees import mounted


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system without a byte and without an inode left, and old files on it."""
    place = tmp_path / "full"
    place.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=512k,nr_inodes=64", "tmpfs", place):
        for number in range(20):
            (place / f"d{number % 2}").mkdir(exist_ok=True)
            (place / f"d{number % 2}" / f"{number}").write_bytes(b"x" * 10_000)
        with pytest.raises(OSError, match="No space left"):
            (place / "bulk").write_bytes(b"x" * 1_000_000)
        with pytest.raises(OSError, match="No space left"):
            for number in range(100):
                (place / f"link{number}").symlink_to("x")
        for number in range(20):
            os.utime(place / f"d{number % 2}" / f"{number}", (0, 0))
        os.utime(place / "bulk")
        assert os.statvfs(place).f_bavail == 0
        assert os.statvfs(place).f_favail == 0
        yield place


@pytest.mark.root
@pytest.mark.parametrize("rule", [{"max_age": DAY}, {"max_count": 0}, {"max_size": 0, "group_by": "directory"}])
def test_full_disk_is_given_room(full: Path, rule: dict[str, Any]) -> None:
    log = FileObjectLog(str(full / "state"), 1)
    outcome = run(options(full, match=["[0-9]*"], **rule, empty_directories=True), replace(context(), objects=log))
    assert outcome.facts["deleted"] == 20
    assert outcome.counts[Reason.EMPTY_DIRECTORY] == 2
    assert os.statvfs(full).f_bavail * 4096 >= 200_000
    # Of the inodes that became free, the log took three.
    assert os.statvfs(full).f_favail == 19
    # The log waited for the room that the deletions made.
    assert log.lost == 0
    assert lookup(str(full / "state"), os.fsencode(full / "d1" / "1")) != []
    log.close()


@pytest.mark.root
def test_file_system_that_becomes_read_only_fails_the_run(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "tmpfs", tmp_path):
        aged(tmp_path / "old", 9)
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        with pytest.raises(RunFailed, match=r"^1 object could not be read or deleted: .*Read-only file system"):
            run(options(tmp_path, max_age=DAY))
        assert names(tmp_path) == ["old"]


MEASURED = """
import json, sys
from pathlib import Path
from agent.host.objects import FileObjectLog
from agent.model.policies import Limits
from tests.actions.files.world import options, previews, run
from tests.fakes import FakeMemory, context
from tests.memory import forget, peak

top, count, rule = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
few = options(top / "few", **rule)
many = options(top / "many", **rule)
forget()
log = FileObjectLog(str(top), 1)
for chosen in (few, many):
    # The second round shows what more names cost, once everything is imported and compiled.
    previews(chosen)
    deleted = run(chosen, context(objects=log, limits=Limits(items=count))).facts["deleted"]
    assert deleted == (10 if chosen is few else count - rule.get("keep_latest", 0)), deleted
    used = peak() if chosen is few else peak() - used
print(json.dumps(used))
"""


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system on which files are made quickly."""
    place = tmp_path_factory.mktemp("roomy")
    if os.geteuid() != 0:
        yield place
        return
    with mounted("-t", "tmpfs", "tmpfs", place):
        yield place


def growth(top: Path, count: int, rule: dict[str, Any]) -> int:
    """Return by how many KiB the memory grows when so many names of one directory are dealt with."""
    for place, number in (("few", 10 + int(rule.get("keep_latest", 0))), ("many", count)):
        (top / place).mkdir()
        fd = os.open(top / place, os.O_RDONLY)
        for index in range(number):
            file = os.open(f"some-name-{index:07d}", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd)
            os.write(file, b"x")
            os.utime(file, (index + 1, index + 1))
            os.close(file)
        os.close(fd)
    arguments = [sys.executable, "-c", MEASURED, str(top), str(count), json.dumps(rule)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    for place in ("few", "many"):
        shutil.rmtree(top / place)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [{"max_age": DAY}, {"max_count": 10, "keep_latest": 10}, {"max_size": 0}],
    ids=["age", "count", "size"],
)
def test_memory_does_not_grow_with_the_number_of_names(roomy: Path, rule: dict[str, Any]) -> None:
    less, more = (growth(roomy, count, rule) for count in (30_000, 90_000))
    assert more - less < 2048, f"{less} KiB for 30,000 names, {more} KiB for 90,000"
    assert more < 16_384
