"""What every repository promises of an agent that is killed while it makes a backup, whatever its engine."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from agent.drivers.repository import Selection
from tests.contracts.repositories.made import Made
from tests.system.agent import wait_for
from tests.system.backups import trees
from tests.system.backups.beds import HOST, TASK, Bed, request

pytestmark = pytest.mark.root


def told(bed: Bed) -> dict[Path, int]:
    """Return the files of a repository with their sizes, whatever happens to them meanwhile."""
    found = {}
    for folder, _, files in os.walk(bed.path):
        for name in files:
            try:
                found[Path(folder, name)] = os.stat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return found


@pytest.mark.parametrize("changes", [2, 12])
def test_agent_killed_while_it_makes_a_backup_leaves_the_others_whole(
    bed: Bed, made: Made, tmp_path: Path, out: Path, changes: int
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(6):
        (source / str(number)).write_bytes(random.Random(number).randbytes(2_000_000))
    arguments = [sys.executable, "-m", "tests.contracts.repositories.making", bed.engine, str(bed.place), str(source)]
    with subprocess.Popen(arguments, start_new_session=True) as process:
        seen = last = told(bed)
        number = 0
        while process.poll() is None and number < changes:
            last, seen = seen, told(bed)
            number += last != seen
            time.sleep(0.001)
        killed = halted(process.pid)
        for one in sorted(killed):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        process.wait()
        # They have become children of this process, and nobody else's; a dead one that nobody reaps looks alive.
        for one in killed - {process.pid}:
            with suppress(ChildProcessError):
                os.waitpid(one, 0)
    repository = bed.open()
    with repository.lock(HOST, TASK):
        repository.sweep()
        listing = repository.listing(HOST, TASK)
    assert listing.backups[:2] == (made.first, made.second)
    # One that was already whole when its maker was killed is as good as any other.
    for backup in listing.backups[2:]:
        if not backup.flaws:
            repository.verify(backup, deep=True)
    repository.restore(made.second, Selection(), str(out))
    assert trees.differences(made.tree, Path(f"{out}{made.tree}")) == []
    with repository.lock(HOST, TASK):
        again = repository.create(request([source / "1"]))
    repository.verify(again, deep=True)
    assert bed.open().sweep() == ()


def halted(leader: int) -> set[int]:
    """Stop a process and everything that descends from it, so that none of them can begin another; return them."""
    found: set[int] = set()
    while more := ({leader} | {pid for pid in processes() if parent(pid) in found}) - found:
        for pid in more:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        wait_for(partial(at_rest, more))
        found |= more
    return found


def at_rest(found: set[int]) -> bool:
    return all(stat(pid)[0] in "TtZX" for pid in found)


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def parent(pid: int) -> int:
    return int(stat(pid)[1])


def stat(pid: int) -> list[str]:
    """Return what the kernel says of a process, its state and its parent first."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]
