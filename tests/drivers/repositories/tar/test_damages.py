"""Ten thousand damages to a repository: each is found before anything is brought back, and none where there is none."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agent.drivers.repositories.tar import chain
from agent.drivers.repositories.tar.reading import reading
from agent.drivers.repositories.tar.restore import restore
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.verify import verify
from agent.drivers.repository import Damaged, Selection
from agent.model.backups import Backup, Level
from tests.drivers.repositories.tar import forge
from tests.drivers.repositories.tar.forge import Piece, directory
from tests.drivers.repositories.tar.wrecker import Wrecker

DAMAGES = 10_000
THOROUGH = 100
"""One damage of so many is also tried on what a person would do: verify deeply, restore, read the database."""


def series(site: Site, task: str, seed: int) -> list[Backup]:
    """Make a full backup, an incremental one on it and one on that, and a differential one."""
    chance = random.Random(seed)
    made: list[Backup] = []
    for number, parent in enumerate((None, 0, 1, 0)):
        name = b"f%d" % number
        before = [("N", b"f%d" % one) for one in range(number)]
        made.append(
            forge.forge(
                site,
                [directory(b"/a", *before, ("Y", name)), Piece(path=b"/a/" + name, content=chance.randbytes(700))],
                task=task,
                parent=None if parent is None else made[parent],
                level=(Level.FULL, Level.INCREMENTAL, Level.INCREMENTAL, Level.DIFFERENTIAL)[number],
                began=forge.NOON + number,
                databases={"shop": chance.randbytes(300)},
            )
        )
    return made


def read_all(site: Site, backup: Backup) -> None:
    """Read every byte of a backup and of what it builds on, as restore does, and of the databases too."""
    for link in chain.read(site, backup):
        for name in link.sums:
            with chain.checked(link, name, site.tools):
                pass


def is_sound(site: Site, backup: Backup) -> bool:
    try:
        read_all(site, backup)
    except Damaged:
        return False
    return True


def hurt_by(made: list[list[Backup]], place: Path) -> Backup:
    """Return the newest backup that a damaged one is needed for: the end of a chain through it."""
    ours = next(one for one in made if one[0].task == place.parent.name)
    number = [one.id for one in ours].index(place.name)
    return ours[3] if number == 3 else ours[2]


@pytest.mark.slow
def test_ten_thousand_damages_are_all_found_and_nothing_else(tmp_path: Path) -> None:
    site = forge.site(tmp_path)
    made = [series(site, "shop", 1), series(site, "mail", 2)]
    wrecker = Wrecker(site, made, seed=20261130)
    target = tmp_path / "target"
    target.mkdir()
    whole = {path: path.read_bytes() for path in Path(site.path).rglob("*") if path.is_file()}
    missed = []
    for number in range(DAMAGES):
        what, place, mend = wrecker.wreck()
        backup = hurt_by(made, place)
        if is_sound(site, backup):
            missed.append((number, what, place.name))
        if number % THOROUGH == 0:
            fails_for_people(site, backup, target)
        mend()
        if number % THOROUGH == 0:
            assert all(is_sound(site, one) for ours in made for one in ours)
    assert missed == []
    assert {path: path.read_bytes() for path in Path(site.path).rglob("*") if path.is_file()} == whole


def fails_for_people(site: Site, backup: Backup, target: Path) -> None:
    """Whoever restores, verifies or reads a database is told of the damage that is met, before anything is written."""

    def is_told(act: Callable[[], object]) -> bool:
        try:
            act()
        except Damaged:
            return True
        return False

    def read(one: Backup) -> None:
        with reading(site, one, "shop"):
            pass

    try:
        links = [link.backup for link in chain.read(site, backup)]
    except Damaged:
        links = [backup]
    assert any(is_told(partial(verify, site, one, deep=True)) for one in links)
    restoring = is_told(lambda: restore(site, backup, Selection(), str(target)))
    assert not (restoring and os.listdir(target))
    assert restoring or any(is_told(partial(read, one)) for one in links)
    for name in os.listdir(target):
        shutil.rmtree(target / name)
