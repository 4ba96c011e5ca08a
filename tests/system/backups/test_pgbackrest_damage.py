"""Whatever happens to a repository of pgBackRest is found, and what is whole is not accused."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.drivers.repositories.pgbackrest import contents, verifying
from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.driver import PgBackRest
from agent.drivers.repository import Damaged, Selection
from agent.errors import RunFailed
from agent.model.backups import Backup
from tests.system.backups import stanza
from tests.system.backups.stanza import Stanza
from tests.system.databases import servers

_MEMBER = re.compile(r"^(pg_data/[^=]+)=(\{.*\})$", re.MULTILINE)
_ROUNDS, _IN_A_ROUND, _TOLD = 4, 60, 40


@pytest.fixture
def copy(shop: Stanza) -> Iterator[Path]:
    """A copy of the repository, that pgBackRest works with during the test."""
    yield stanza.copied(shop, "copy")
    shop.write({})


def engine(shop: Stanza) -> Engine:
    return Engine(
        name="pg", config=str(shop.config), stanza="demo", user=servers.who().pw_name, tools=shop.tools("/nonexistent")
    )


def flip(path: Path, at: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def is_damaged(repository: PgBackRest, backup: Backup) -> bool:
    try:
        repository.verify(backup, deep=False)
    except Damaged:
        return True
    return False


def members(copy: Path, label: str) -> list[tuple[str, Path, int, int]]:
    """Return the files in the bundles of a backup: name, bundle, where it begins, and how long it is."""
    directory = copy / "backup" / "demo" / label
    found = []
    for name, text in _MEMBER.findall((directory / "backup.manifest").read_text()):
        known = json.loads(text)
        if "bni" in known and "reference" not in known:
            found.append((name, directory / f"bundle/{known['bni']}", known.get("bno", 0), known["repo-size"]))
    return found


def segments(copy: Path) -> list[Path]:
    return sorted(path for path in (copy / "archive" / "demo").rglob("*.zst"))


def test_every_flipped_bit_of_content_is_found(shop: Stanza, copy: Path) -> None:
    with shop.opened() as repository:
        full = repository.listing().backups[0]
    inside, log = members(copy, full.id), segments(copy)[1:]
    for seed in range(_ROUNDS):
        chance = random.Random(seed)
        struck = {
            name: (path, begin + chance.randrange(length))
            for name, path, begin, length in chance.sample(inside, _IN_A_ROUND)
        }
        struck |= {
            path.name: (path, chance.randrange(path.stat().st_size)) for path in chance.sample(log, min(4, len(log)))
        }
        bits = {name: chance.randrange(8) for name in struck}
        for name, (path, at) in struck.items():
            flip(path, at, bits[name])
        found = "\n".join(verifying.read(engine(shop)).findings)
        assert [name for name in struck if name not in found] == [], f"seed {seed}"
        assert found.count("\n") + 1 == len(struck), f"seed {seed}: a file that is whole is accused\n{found}"
        for name, (path, at) in struck.items():
            flip(path, at, bits[name])
    assert verifying.read(engine(shop)).findings == ()


def test_every_flipped_bit_of_what_pgbackrest_knows_is_found(shop: Stanza, copy: Path) -> None:
    known = [path for path in copy.rglob("*") if re.search(r"\.(info|manifest)(\.copy)?$", path.name)]
    assert len(known) >= 4
    chance = random.Random(1)
    for _ in range(_TOLD):
        path = chance.choice(known)
        at, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        flip(path, at, bit)
        good, flaws = verifying.twice(engine(shop), str(path.relative_to(copy)).removesuffix(".copy"))
        assert flaws, f"{path} at {at}, bit {bit}"
        assert good is not None
        flip(path, at, bit)


def test_whatever_is_missing_or_cut_is_found_without_reading_it(shop: Stanza, copy: Path) -> None:
    with shop.opened() as repository:
        full, *_, newest = every = repository.listing().backups
        for backup in every:
            repository.verify(backup, deep=False)
        directory = copy / "backup" / "demo" / full.id
        content = [path for path in directory.rglob("*") if path.is_file()]
        struck: list[tuple[Path, Callable[[Path], object]]] = [(path, os.unlink) for path in content]
        struck += [(path, lambda path: os.truncate(path, path.stat().st_size // 2)) for path in content]
        struck += [(directory / "bundle" / "1", lambda path: path.write_bytes(path.read_bytes() + b"more"))]
        struck += [(path, os.unlink) for path in segments(copy) if path.name >= full.parts[0].facts["wal_start"]][:-1]
        for path, strike in struck:
            before = path.read_bytes()
            strike(path)
            assert any(is_damaged(repository, backup) for backup in every), f"{path}"
            servers.run_as_owner(["rm", "-f", str(path)])
            path.write_bytes(before)
            os.chown(path, servers.who().pw_uid, -1)
        for backup in (full, newest):
            repository.verify(backup, deep=False)


def test_damage_is_told_of_the_backups_that_have_it_and_never_restored(shop: Stanza, copy: Path) -> None:
    with shop.opened() as repository:
        full, diff, *_ = repository.listing().backups
        bundle = next(path for name, path, *_ in members(copy, diff.id))
        flip(bundle, 20, 3)
        segment = next(path for path in segments(copy) if path.name.startswith(diff.parts[0].facts["wal_start"]))
        flip(segment, segment.stat().st_size // 2, 1)
        assert repository.verify(full, deep=True) == full.stored
        with pytest.raises(Damaged) as raised:
            repository.verify(diff, deep=True)
        assert diff.id in str(raised.value)
        assert segment.name in str(raised.value)
        with pytest.raises(Damaged), repository.recovered(diff, None):
            pass
        where = copy.with_name("empty")
        servers.run_as_owner(["mkdir", "-m", "0750", str(where)])
        with pytest.raises(Damaged):
            repository.restore(diff, Selection(), str(where))
        assert (os.listdir(where), where.stat().st_mode & 0o777) == ([], 0o750)
        restored = copy.with_name("whole")
        servers.run_as_owner(["mkdir", "-m", "0700", str(restored)])
        back = repository.restore(full, Selection(), str(restored))
        assert (restored / "PG_VERSION").read_text() == "15\n"
        assert back.items == back.compared > 900


def test_damage_that_keeps_pgbackrest_from_reading_is_told_of_one_backup_alone(shop: Stanza, copy: Path) -> None:
    oldest = segments(copy)[0]
    flip(oldest, 4, 0)
    with shop.opened() as repository:
        full, *_, newest = repository.listing().backups
        with pytest.raises(Damaged, match=oldest.name[:24]):
            repository.verify(full, deep=True)
        with pytest.raises(RunFailed, match="verify failed") as raised:
            repository.verify(newest, deep=True)
        assert not isinstance(raised.value, Damaged)


def test_reading_of_nothing_is_no_verification(shop: Stanza, copy: Path) -> None:
    for name in ("backup", "archive"):
        for path in (copy / name / "demo").iterdir():
            servers.run_as_owner(["rm", "-r", str(path)])
    with pytest.raises(RunFailed):
        verifying.read(engine(shop))
    assert contents.size(engine(shop)) == 0
