"""A backup is made or not at all, whichever call to the kernel fails, or is the last of the process that makes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.drivers.repository import Selection
from tests.drivers.repositories.tar.house import House
from tests.drivers.repositories.tar.trees import differences

pytestmark = pytest.mark.root

STRIKES = [("fsync", "error=EIO", nth) for nth in range(1, 10)] + [
    ("rename", how, nth) for how in ("error=EIO", "signal=KILL") for nth in range(1, 4)
]
"""All calls of these kinds while a backup is made; the sizes of the last one are written first, and need not be."""

CODE = """
import os, sys
from pathlib import Path
from agent.errors import RunFailed
from tests.drivers.repositories.tar.house import House
house = House(Path(sys.argv[1]))
(last,) = house.open().listing().backups
try:
    print(house.create(last, paths=(sys.argv[2],)).id)
except RunFailed as error:
    print(f"failed: {error}")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(tmp_path_factory.mktemp("made"))
    (house.tree / "one").write_text("1")
    house.create()
    (house.tree / "two").write_text("2")
    return house


def struck(house: House, tree: Path, call: str, how: str, nth: int) -> subprocess.CompletedProcess[str]:
    """Make a backup while the nth call of a kind that touches this house is struck."""
    inject = f"inject={call}:{how}:when={nth}"
    return subprocess.run(
        # Bytecode is written by renaming, too.
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            os.devnull,
            "-e",
            f"trace={call}",
            "-e",
            inject,
            sys.executable,
            "-B",
            "-c",
            CODE,
            house.place,
            tree,
        ],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("call", "how", "nth"), STRIKES)
def test_backup_is_there_whole_or_not_at_all(made: House, tmp_path: Path, call: str, how: str, nth: int) -> None:
    subprocess.run(["cp", "-a", f"{made.place}/.", tmp_path], check=True)
    house = House(tmp_path)
    done = struck(house, made.tree, call, how, nth)
    listing = house.open().listing()
    said = done.stdout.strip()
    if said.startswith("failed: "):
        assert (len(listing.backups), listing.junk) == (1, ())
    elif done.returncode == 0:
        assert [backup.id for backup in listing.backups][1:] == [said]
        assert (call, nth) in (("fsync", 3), ("fsync", 4), ("rename", 1))
    else:
        assert how == "signal=KILL"
    house.open().sweep()
    again = house.open().listing()
    assert (again.backups, again.junk) == (listing.backups, ())
    newest = house.create(again.backups[-1], paths=(str(made.tree),))
    assert newest.level == "incremental"
    out = tmp_path / "out"
    out.mkdir()
    house.open().restore(newest, Selection(), str(out))
    assert differences(os.fsencode(made.tree), os.fsencode(f"{out}{made.tree}")) == []
