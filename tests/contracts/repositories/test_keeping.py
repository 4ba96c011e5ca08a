"""What every repository promises of making, listing and removing backups, whatever its engine."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from agent.drivers.repository import ListingFailed, Selection
from agent.errors import Refused, RunFailed
from agent.model.backups import Level
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.contracts.repositories.made import Made
from tests.system.backups import trees
from tests.system.backups.beds import HOST, TASK, Bed, Numbers, request

pytestmark = pytest.mark.root


def test_prepare_foreign_directory_is_left_alone(engine: str, tmp_path: Path) -> None:
    bed = Bed(engine, tmp_path)
    bed.secrets()
    bed.path.mkdir()
    (bed.path / "somebody's").write_text("file")
    with pytest.raises(RunFailed, match="not empty"):
        bed.open().prepare()
    assert [path.name for path in bed.path.iterdir()] == ["somebody's"]


def test_prepare_nothing_there_makes_a_repository_and_leaves_it_alone_then(engine: str, tmp_path: Path) -> None:
    bed = Bed(engine, tmp_path)
    bed.secrets()
    bed.open().prepare()
    before = bed.files()
    bed.open().prepare()
    assert bed.files() == before
    assert bed.open().listing().backups == ()


def test_listing_by_another_agent_tells_what_was_made(made: Made) -> None:
    listing = made.bed.open().listing(HOST, TASK)
    assert listing.backups == (made.first, made.second)
    assert listing.junk == ()
    assert made.first.flaws == ()
    assert made.first.parts[0].bytes > 300_000
    assert made.first.parts[0].stored > 300_000
    assert made.first.files >= 20
    numbers = made.second.parts[-1]
    assert (numbers.name, numbers.kind, numbers.form) == ("shop", "sqlite", "numbers")
    assert (numbers.bytes, numbers.counts) == (len(Numbers(most=30_000).copy), {"numbers": 30_000})
    assert numbers.facts["version"] == "numbers 1"


def test_listing_of_another_series_is_empty(made: Made) -> None:
    repository = made.bed.open()
    assert repository.listing("other", TASK).backups == ()
    assert repository.listing(HOST, "other").backups == ()


def test_listing_of_a_repository_that_has_gone_fails(bed: Bed) -> None:
    bed.path.rename(bed.place / "unmounted")
    with pytest.raises(ListingFailed):
        bed.open().listing()
    bed.path.mkdir()
    with pytest.raises(ListingFailed):
        bed.open().listing()


def test_create_incremental_of_an_unchanged_tree_stores_little(bed: Bed, made: Made) -> None:
    repository = bed.open()
    full = repository.create(request([made.tree]))
    incremental = repository.create(request([made.tree], parent=full))
    assert (full.level, incremental.level) == (Level.FULL, Level.INCREMENTAL)
    assert incremental.stored < 50_000
    assert incremental.parent in ("", full.id)
    assert [one.id for one in repository.listing().backups[-2:]] == [full.id, incremental.id]


def test_create_source_that_is_missing_or_empty_makes_nothing(bed: Bed, tmp_path: Path) -> None:
    repository = bed.open()
    before = repository.listing()
    (tmp_path / "empty").mkdir()
    for path, why in ((tmp_path / "missing", "No such file"), (tmp_path / "empty", "empty")):
        with pytest.raises(RunFailed, match=why):
            repository.create(request([tmp_path, path]))
    assert repository.listing() == before


def test_create_file_that_cannot_be_read_is_told_as_a_flaw(bed: Bed) -> None:
    repository = bed.open()
    # Nobody may read `flush`, not even root.
    backup = repository.create(request([Path("/proc/sys/net/ipv4/route")]))
    assert any("flush" in flaw for flaw in backup.flaws)
    assert bed.open().listing().backups[-1].flaws == backup.flaws


def test_create_database_that_fails_makes_nothing(bed: Bed, made: Made) -> None:
    repository = bed.open()
    with pytest.raises(RunFailed, match="the server went away"):
        repository.create(request([made.tree], databases=(Numbers(fails="the server went away"),)))
    assert repository.listing().backups == (made.first, made.second)


def test_create_excluded_paths_are_not_in_it(bed: Bed, made: Made) -> None:
    repository = bed.open()
    backup = repository.create(
        request(
            [made.tree], exclude=(f"{made.tree}/renamed/small-*", f"{made.tree}/**/deepest"), databases=(Numbers(),)
        )
    )
    missing = trees.paths(made.tree) - {entry.path for entry in repository.entries(backup)}
    assert {os.path.basename(path) for path in missing} == {
        *(b"small-%d" % number for number in range(8) if number != 2),
        b"deepest",
        b"big",
        b"empty",
    }
    assert backup.parts[-1].bytes == len(Numbers().copy)


def test_create_told_to_stop_stops_and_leaves_nothing_behind(bed: Bed, tmp_path: Path) -> None:
    tree = tmp_path / "large"
    tree.mkdir()
    for number in range(20):
        (tree / str(number)).write_bytes(random.Random(number).randbytes(4_000_000))
    repository = bed.open()
    before = repository.listing()
    begun = time.monotonic()
    bed.stop.append(True)
    with repository.lock(HOST, TASK), pytest.raises(StopRequested):
        repository.create(request([tree]))
    assert time.monotonic() - begun < 120
    bed.stop.clear()
    again = bed.open()
    assert again.listing().backups == before.backups
    with again.lock():
        again.sweep()
    again.create(request([tree / "1"]))
    assert again.sweep() == ()


def test_remove_backup_leaves_the_others_whole(bed: Bed, made: Made, out: Path) -> None:
    repository = bed.open()
    third = repository.create(request([made.tree]))
    with repository.lock():
        freed = repository.remove([made.first, made.second])
    assert freed > 0
    assert bed.open().listing().backups == (third,)
    assert repository.remove([made.first]) == 0
    bed.open().restore(third, Selection(), str(out))
    assert trees.differences(made.tree, Path(f"{out}{made.tree}")) == []
    bed.open().verify(third, deep=True)


def test_remove_of_all_leaves_an_empty_repository(bed: Bed, made: Made) -> None:
    repository = bed.open()
    repository.remove([made.first, made.second])
    assert repository.listing().backups == ()
    assert bed.open().listing().backups == ()


def test_lock_of_a_series_keeps_another_agent_from_it_alone(bed: Bed) -> None:
    mine, theirs = bed.open(), bed.open()
    with mine.lock(HOST, TASK):
        with pytest.raises(Refused) as refused, theirs.lock(HOST, TASK):
            pass
        assert refused.value.reason == Reason.REPOSITORY_IN_USE
        with theirs.lock(HOST, "other"):
            pass
        with pytest.raises(Refused), theirs.lock():
            pass
    with theirs.lock(HOST, TASK), theirs.lock(HOST, TASK):
        pass
    with theirs.lock(), theirs.lock(HOST, TASK):
        pass


def test_engine_that_is_missing_is_told_with_what_to_install(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bed.place))
    with pytest.raises(RunFailed, match="install"):
        bed.open().create(request([bed.place]))


def test_sweep_of_a_clean_repository_removes_nothing(made: Made) -> None:
    repository = made.bed.open()
    with repository.lock():
        assert repository.sweep() == ()


def test_progress_is_told_in_bytes(bed: Bed, tmp_path: Path) -> None:
    tree = tmp_path / "large"
    tree.mkdir()
    (tree / "file").write_bytes(random.Random(1).randbytes(30_000_000))
    bed.open().create(request([tree]))
    assert bed.progress
    assert {unit for _, _, unit in bed.progress} == {"bytes"}
    assert [done for done, _, _ in bed.progress] == sorted(done for done, _, _ in bed.progress)
