"""What every repository promises of damage, whatever its engine: it is found, and never restored."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from agent.drivers.repository import Damaged, ListingFailed, Selection
from agent.errors import RunFailed
from tests.contracts.repositories.made import Made
from tests.system.backups import trees
from tests.system.backups.beds import Bed

pytestmark = pytest.mark.root

DAMAGES = 4


def test_verify_whole_backups_find_nothing_and_read_all(made: Made) -> None:
    repository = made.bed.open()
    for backup in (made.first, made.second):
        repository.verify(backup, deep=False)
    assert repository.verify(made.first, deep=True) > 300_000


def flip(path: Path, at: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at // 8)
        byte = file.read(1)[0]
        file.seek(at // 8)
        file.write(bytes([byte ^ (1 << at % 8)]))


@pytest.mark.parametrize("seed", range(DAMAGES))
def test_damage_of_one_bit_is_found_and_never_restored(bed: Bed, made: Made, out: Path, seed: int) -> None:
    chance = random.Random(seed)
    files = bed.files()
    damaged = files[seed * len(files) // DAMAGES]
    flip(damaged, chance.randrange(damaged.stat().st_size * 8))
    with pytest.raises((Damaged, ListingFailed)):
        for backup in (made.first, made.second):
            bed.open().verify(backup, deep=True)
    try:
        bed.open().restore(made.second, Selection(), str(out))
    except RunFailed:
        pass
    else:
        # What was damaged is not needed for this one.
        assert trees.differences(made.tree, Path(f"{out}{made.tree}")) == []


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_damage_of_a_whole_file_is_found_soon(bed: Bed, made: Made, out: Path, how: str) -> None:
    largest = max(bed.files(), key=lambda path: path.stat().st_size)
    largest.unlink()
    if how == "empty":
        largest.touch()
    begun = time.monotonic()
    with pytest.raises(Damaged):
        bed.open().verify(made.first, deep=True)
    with pytest.raises(RunFailed):
        bed.open().restore(made.first, Selection(), str(out))
    assert time.monotonic() - begun < 30
