"""What every repository promises, whatever its engine."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.drivers.repository import Damaged, ListingFailed, Selection
from agent.errors import Refused, RunFailed
from agent.host.processes import SystemProcesses
from agent.model.backups import Backup
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.system.backups import beds, trees
from tests.system.backups.beds import HOST, TASK, Bed, Numbers, request

pytestmark = pytest.mark.root

ENGINES = ("restic",)
DAMAGES = 4


class Made:
    """A repository with two backups of a tree and a database, the second after a change."""

    def __init__(self, bed: Bed, tree: Path, first: Backup, second: Backup) -> None:
        self.bed = bed
        self.tree = tree
        self.first = first
        self.second = second


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once, looked at by many; nobody changes it."""
    place = tmp_path_factory.mktemp(engine)
    tree = place / "tree"
    trees.make(tree)
    bed = beds.empty(engine, place / "bed")
    repository = bed.open()
    with repository.lock(HOST, TASK):
        first = repository.create(request([tree], databases=(Numbers(),)))
        (tree / "deep" / "small-1").write_text("changed")
        (tree / "deep" / "small-2").unlink()
        (tree / "deep").rename(tree / "renamed")
        second = repository.create(request([tree], parent=first, databases=(Numbers(most=30_000),)))
    return Made(bed, tree, first, second)


@pytest.fixture
def bed(made: Made, tmp_path: Path) -> Bed:
    """A copy of it, to be changed."""
    return made.bed.copy(tmp_path / "copy")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir(mode=0o700)
    return place


def read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


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
    assert made.second.stored < made.first.stored
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
    assert time.monotonic() - begun < 20
    bed.stop.clear()
    again = bed.open()
    assert again.listing().backups == before.backups
    with again.lock():
        again.sweep()
    again.create(request([tree / "1"]))
    assert again.sweep() == ()


def test_restore_whole_backup_brings_back_the_identical_tree(made: Made, out: Path) -> None:
    restored = made.bed.open().restore(made.second, Selection(), str(out))
    assert trees.differences(made.tree, Path(f"{out}{made.tree}")) == []
    assert restored.items == len(trees.paths(made.tree))
    assert restored.compared >= 19
    assert restored.bytes >= made.second.parts[0].bytes


def test_restore_older_backup_brings_back_what_was(made: Made, out: Path) -> None:
    made.bed.open().restore(made.first, Selection(), str(out))
    old = Path(f"{out}{made.tree}")
    assert (old / "deep" / "small-2").read_text() == "2\n2\n"
    assert (old / "deep" / "small-1").read_text() == "1\n"
    assert not (old / "renamed").exists()


def test_restore_of_some_paths_brings_back_those_alone(made: Made, out: Path) -> None:
    tops = [
        os.fsencode(made.tree) + name for name in (b"/no utf-8 \xff\xfe", b"/star*[x]", b"/back\\slash", b"/renamed")
    ]
    made.bed.open().restore(made.second, Selection(tuple(tops)), str(out))
    came = Path(f"{out}{made.tree}")
    assert {os.fsencode(path.name) for path in came.iterdir()} == {os.path.basename(top) for top in tops}
    assert trees.differences(made.tree / "renamed", came / "renamed") == []


def test_restore_of_what_is_not_in_it_fails(made: Made, out: Path) -> None:
    with pytest.raises(RunFailed, match="nothing-here"):
        made.bed.open().restore(made.second, Selection((os.fsencode(made.tree / "nothing-here"),)), str(out))


def test_entries_are_what_a_restore_brings_back(made: Made) -> None:
    entries = {entry.path: entry for entry in made.bed.open().entries(made.second)}
    assert entries.keys() == trees.paths(made.tree)
    for path, entry in entries.items():
        about = os.lstat(path)
        assert entry.modified == pytest.approx(about.st_mtime, abs=1e-3)
        assert (entry.uid, entry.gid) == (about.st_uid, about.st_gid)
        if entry.kind == "file":
            assert entry.size == about.st_size
        if entry.kind != "link":
            assert entry.mode & 0o7777 == about.st_mode & 0o7777
    kinds = {entries[os.fsencode(made.tree / name)].kind for name in ("fifo", "device", "link", "renamed")}
    assert kinds == {"fifo", "device", "link", "directory"}


def test_reading_gives_the_copy_of_a_database(made: Made) -> None:
    source, into = os.pipe()
    with (
        made.bed.open().reading(made.second, "shop") as programs,
        SystemProcesses().piped(programs(into), lambda: False) as running,
    ):
        os.close(into)
        assert read(source) == Numbers(most=30_000).copy
    assert [one.code for one in running.completed] == [0]


def test_reading_part_that_is_not_there_fails(made: Made) -> None:
    with pytest.raises(RunFailed, match="crm"), made.bed.open().reading(made.second, "crm"):
        pass


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
    with theirs.lock(HOST, TASK):
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


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
