"""Random trees that change at random, backed up in chains of any levels: every backup brings back what was there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.drivers.repository import Selection
from agent.model.backups import Backup, Level
from tests.drivers.repositories.tar.forester import Forester
from tests.drivers.repositories.tar.house import House
from tests.drivers.repositories.tar.trees import differences, told

pytestmark = pytest.mark.root

STEPS, TURNS = 12, 4


def chain(house: House, forester: Forester) -> list[tuple[Backup, Path]]:
    """Back a changing tree up, at random levels; return each backup with a copy of the tree as it was."""
    made: list[tuple[Backup, Path]] = []
    for turn in range(TURNS):
        level = forester.chance.choice((Level.INCREMENTAL, Level.DIFFERENTIAL)) if turn else Level.FULL
        full = next((backup for backup, _ in reversed(made) if backup.level is Level.FULL), None)
        backup = house.create(full if level is Level.DIFFERENTIAL else made[-1][0] if made else None, level)
        assert backup.flaws == ()
        assert backup.level in (level, Level.FULL)
        copy = house.place / f"copy-{turn}"
        subprocess.run(["cp", "-a", "--sparse=always", house.tree, copy], check=True)
        made.append((backup, copy))
        forester.work(STEPS)
    return made


@pytest.mark.parametrize("seed", range(3))
def test_every_backup_of_a_chain_restores_what_was_there(tmp_path: Path, seed: int) -> None:
    house = House(tmp_path)
    tree = os.fsencode(house.tree)
    forester = Forester(tree, seed)
    forester.grow()
    forester.branch()
    forester.work(4 * STEPS)
    repository = house.open()
    for number, (backup, copy) in enumerate(chain(house, forester)):
        out = tmp_path / f"out-{number}"
        out.mkdir()
        restored = repository.restore(backup, Selection(), str(out))
        back = Path(f"{out}{house.tree}")
        assert differences(os.fsencode(copy), os.fsencode(back)) == []
        entries = {entry.path: entry for entry in repository.entries(backup)}
        assert set(entries) == {tree + name for name in told(os.fsencode(back))}
        assert restored.items == len(entries)
        assert restored.bytes == sum(entry.size for entry in entries.values() if entry.kind == "file")
        assert repository.verify(backup, deep=True) > 0
        for entry in forester.chance.sample(sorted(entries), 2):
            part = tmp_path / f"part-{number}-{len(os.listdir(tmp_path))}"
            part.mkdir()
            repository.restore(backup, Selection((entry,)), str(part))
            wanted, found = os.fsencode(back) + entry[len(tree) :], os.fsencode(part) + entry
            names = {path.removeprefix(wanted): facts[:-1] for path, facts in told_of(wanted).items()}
            assert names == {path.removeprefix(found): facts[:-1] for path, facts in told_of(found).items()}


def told_of(path: bytes) -> dict[bytes, tuple[object, ...]]:
    """Return what there is to know of an object and of what is below it; of hard links too little to compare."""
    above = os.path.dirname(path)
    return {above + name: facts for name, facts in told(above).items() if (above + name + b"/").startswith(path + b"/")}
