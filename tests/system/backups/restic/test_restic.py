"""What restic alone does to a backup, and what is made of it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from agent.drivers.repository import Damaged, ListingFailed, ReadOnly, Selection
from agent.errors import Refused, RunFailed
from agent.host.output import visible
from agent.model.backups import Level
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.host.trees import mounted
from tests.system.backups.beds import Numbers, request
from tests.system.backups.restic.hasty import Hasty
from tests.system.backups.restic.tree import Tree, at_work, by_hand, locks, snapshot

pytestmark = pytest.mark.root


def test_level_incremental_builds_on_nothing_and_says_so(tree: Tree) -> None:
    first = tree.backup()
    second = tree.backup(parent=first)
    assert (first.level, second.level) == (Level.FULL, Level.INCREMENTAL)
    assert (first.parent, second.parent) == ("", "")
    assert "restored by itself" in second.parts[0].facts["level"]
    assert tree.repository.levels == {Level.FULL, Level.INCREMENTAL}
    tree.repository.remove([first])
    tree.repository.verify(second, deep=True)


def test_listing_with_a_snapshot_that_cannot_be_read_fails_though_restic_is_content(tree: Tree) -> None:
    backup = tree.backup()
    file = snapshot(tree.bed, backup.id)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ListingFailed, match="may hold more"):
        tree.bed.open().listing()


def test_listing_that_became_empty_fails_though_restic_is_content(tree: Tree) -> None:
    tree.backup()
    assert len(tree.repository.listing().backups) == 1
    for file in (tree.bed.path / "snapshots").iterdir():
        file.unlink()
    with pytest.raises(ListingFailed, match="lists no snapshot at all"):
        tree.repository.listing()


def test_prepare_where_a_repository_has_been_makes_no_new_one(tree: Tree) -> None:
    tree.backup()
    tree.repository.listing()
    (tree.bed.path / "config").unlink()
    with pytest.raises(RunFailed, match="there was one when it was read last"):
        tree.repository.prepare()
    with pytest.raises(RunFailed, match="not empty"):
        tree.bed.open().prepare()
    assert not (tree.bed.path / "config").exists()


def test_backup_whose_run_died_before_its_end_was_recorded_is_restorable_and_not_good(
    tree: Tree, tmp_path: Path
) -> None:
    backup = tree.backup(databases=(Numbers(),))
    (record,) = (file for file in (tree.bed.path / "snapshots").iterdir() if file.name != backup.id)
    record.unlink()
    repository = tree.bed.open()
    (found,) = repository.listing().backups
    assert found.flaws == ("the run that made it died before it could tell what is missing from it",)
    assert found.unsettled
    assert [part.name for part in found.parts] == ["files", "shop"]
    assert found.parts[1].counts == {"numbers": 20_000}
    (tmp_path / "out").mkdir()
    assert repository.restore(found, Selection(), str(tmp_path / "out")).items == 6


def test_record_of_a_backup_that_is_gone_is_junk_and_goes_with_the_next_removal(tree: Tree) -> None:
    first, second = tree.backup(), tree.backup()
    snapshot(tree.bed, first.id).unlink()
    listing = tree.bed.open().listing()
    assert listing.backups == (second,)
    assert [junk.why for junk in listing.junk] == ["the record of a backup that is gone"]
    tree.repository.remove([second])
    assert list((tree.bed.path / "snapshots").iterdir()) == []


def test_snapshots_of_somebody_else_are_neither_listed_nor_removed(tree: Tree) -> None:
    by_hand(tree.bed, "backup", "--quiet", "--tag", "theirs", str(tree.source))
    backup = tree.backup()
    assert tree.repository.listing().backups == (backup,)
    tree.repository.remove([backup])
    assert '"theirs"' in by_hand(tree.bed, "snapshots", "--json")


def test_lock_of_a_restic_that_was_killed_is_told_and_removed(tree: Tree) -> None:
    backup = tree.backup()
    tree.bed.clock = Hasty()
    with at_work(tree.bed) as process:
        assert tree.repository.sweep() == ()
        with pytest.raises(Refused, match="at work") as refused:
            tree.bed.open().remove([backup])
        assert refused.value.reason == Reason.REPOSITORY_IN_USE
        process.kill()
        process.wait()
    (told,) = tree.repository.sweep()
    assert told.startswith("stale lock ")
    assert f"of process {process.pid} on {os.uname().nodename}" in told
    assert locks(tree.bed) == []


def test_lock_of_a_restic_that_was_killed_does_not_keep_us_from_work(tree: Tree) -> None:
    backup = tree.backup()
    with at_work(tree.bed):
        pass
    tree.repository.remove([backup])
    assert tree.repository.listing().backups == ()


def test_stop_in_the_middle_leaves_no_lock_and_no_backup(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    (tree.source / "large").write_bytes(os.urandom(3_000_000))
    slow = tree.bed.open(limit_upload=1024)

    class Locked(list[bool]):
        def __bool__(self) -> bool:
            return bool(locks(tree.bed))

    tree.bed.stop = Locked()
    begun = time.monotonic()
    with pytest.raises(StopRequested):
        slow.create(request([tree.source]))
    assert time.monotonic() - begun < 120
    assert locks(tree.bed) == []
    assert tree.bed.open().listing().backups == ()


def test_verify_reads_a_repository_once_for_all_its_backups(tree: Tree) -> None:
    first, second = tree.backup(), tree.backup()
    assert tree.repository.verify(first, deep=True) > 10_000
    assert tree.repository.verify(second, deep=True) == 0
    assert tree.repository.verify(second, deep=False) == 0
    with pytest.raises(Damaged, match="no snapshot"):
        tree.repository.remove([second])
        tree.bed.open().verify(second, deep=False)


def test_backup_whose_descriptions_are_damaged_is_listed_and_not_good(tree: Tree) -> None:
    backup = tree.backup(databases=(Numbers(),))
    for file in (tree.bed.path / "data").rglob("*"):
        if file.is_file():
            file.unlink()
    (found,) = tree.bed.open().listing().backups
    assert (found.id, found.host, found.task, found.level) == (backup.id, backup.host, backup.task, backup.level)
    assert found.began == pytest.approx(backup.ended, abs=60)
    assert found.flaws[0].startswith("its description cannot be read: local is damaged")


def test_restore_from_a_disk_that_is_only_read(tree: Tree, tmp_path: Path) -> None:
    backup = tree.backup(databases=(Numbers(),))
    (tmp_path / "out").mkdir()
    with mounted("--bind", tree.bed.path, tree.bed.path):
        subprocess.run(["mount", "-o", "remount,bind,ro", tree.bed.path], check=True)
        repository = tree.bed.open()
        assert repository.listing().backups == (backup,)
        repository.verify(backup, deep=True)
        assert repository.restore(backup, Selection(), str(tmp_path / "out")).items == 6
        with repository.reading(backup, "shop"):
            pass
        with pytest.raises(ReadOnly), repository.lock("host", "task"):
            pass
        with pytest.raises(RunFailed, match="read-only file system"):
            repository.create(request([tree.source]))


def test_repository_and_cache_inside_a_source_are_left_out(tree: Tree) -> None:
    backup = tree.repository.create(request([tree.bed.place.parent]))
    paths = {os.fsdecode(entry.path) for entry in tree.repository.entries(backup)}
    assert str(tree.source / "file-1") in paths
    assert str(tree.bed.place / "password") in paths
    assert not [path for path in paths if path.startswith(str(tree.bed.path)) or "/cache" in path]


def test_link_whose_target_is_no_text_is_kept_or_told(tree: Tree, tmp_path: Path) -> None:
    target = b"../\xff\n\xfe"
    link = os.fsencode(tree.source) + b"/no \xff text"
    os.symlink(target, link)
    os.symlink("\ufffd", tree.source / "text")
    backup = tree.backup()
    (tmp_path / "out").mkdir()
    tree.repository.restore(backup, Selection(), str(tmp_path / "out"))
    kept = os.readlink(os.fsencode(tmp_path / "out") + link) == target
    named = [flaw.partition(" is a link to")[0] for flaw in backup.flaws]
    assert named == ([] if kept else [visible(os.fsdecode(link))])
