"""What restic alone does to a backup, and what is made of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.drivers.repository import Damaged, ListingFailed, Repository, Selection
from agent.errors import Refused, RunFailed
from agent.model.backups import Backup, Level
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.system.backups import beds, restic_repository
from tests.system.backups.beds import Bed, Numbers, request

pytestmark = pytest.mark.root


class Tree:
    """A small tree, and a repository with one backup of it."""

    def __init__(self, place: Path) -> None:
        self.bed = beds.empty("restic", place / "bed")
        self.source = place / "source"
        self.source.mkdir()
        for number in range(5):
            (self.source / f"file-{number}").write_bytes(os.urandom(2000))
        self.repository: Repository = self.bed.open()

    def backup(self, **changes: Any) -> Backup:
        return self.repository.create(request([self.source], **changes))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def environment(bed: Bed) -> dict[str, str]:
    return os.environ | {
        "RESTIC_REPOSITORY": str(bed.path),
        "RESTIC_PASSWORD": restic_repository.PASSWORD,
        "RESTIC_CACHE_DIR": str(bed.place / "cache"),
    }


def by_hand(bed: Bed, *arguments: str) -> str:
    completed = subprocess.run(["restic", *arguments], env=environment(bed), capture_output=True, text=True, check=True)
    return completed.stdout


@contextmanager
def at_work(bed: Bed) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody's restic that holds a lock, until it is killed."""
    before = set((bed.path / "locks").iterdir())
    with subprocess.Popen(
        ["restic", "backup", "--stdin", "--quiet"],
        env=environment(bed),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while set((bed.path / "locks").iterdir()) == before:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@contextmanager
def instead(tree: Tree, monkeypatch: pytest.MonkeyPatch, script: str) -> Iterator[None]:
    """Let a script be found as restic; `$REAL` is the real one."""
    real = shutil.which("restic")
    assert real is not None
    place = tree.bed.place / "bin"
    place.mkdir()
    (place / "restic").write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
    (place / "restic").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{place}:{os.environ['PATH']}")
        yield


def snapshot(bed: Bed, name: str) -> Path:
    return bed.path / "snapshots" / name


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
    assert found.flaws == ("the run that made it died before it could tell what restic had missed",)
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
    with at_work(tree.bed) as process:
        assert tree.repository.sweep() == ()
        with pytest.raises(Refused, match="at work") as refused:
            tree.repository.remove([backup])
        assert refused.value.reason == Reason.REPOSITORY_IN_USE
        process.kill()
        process.wait()
    (told,) = tree.repository.sweep()
    assert told.startswith("stale lock ")
    assert f"of process {process.pid} on {os.uname().nodename}" in told
    assert list((tree.bed.path / "locks").iterdir()) == []


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
            return any((tree.bed.path / "locks").iterdir())

    tree.bed.stop = Locked()
    begun = time.monotonic()
    with pytest.raises(StopRequested):
        slow.create(request([tree.source]))
    assert time.monotonic() - begun < 25
    assert list((tree.bed.path / "locks").iterdir()) == []
    assert tree.bed.open().listing().backups == ()


def test_verify_reads_a_repository_once_for_all_its_backups(tree: Tree) -> None:
    first, second = tree.backup(), tree.backup()
    assert tree.repository.verify(first, deep=True) > 10_000
    assert tree.repository.verify(second, deep=True) == 0
    assert tree.repository.verify(second, deep=False) == 0
    with pytest.raises(Damaged, match="no snapshot"):
        tree.repository.remove([second])
        tree.bed.open().verify(second, deep=False)


def test_verify_by_a_restic_that_checks_nothing_proves_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = tree.backup()
    script = 'case "$1" in check) echo "no errors were found"; exit 0;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="nothing is proven"):
        tree.bed.open().verify(backup, deep=True)


def test_create_by_a_restic_that_makes_nothing_fails(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = (
        '{"message_type":"summary","snapshot_id":"12345678","total_files_processed":1,'
        '"total_bytes_processed":1,"data_added":1}'
    )
    script = f'case "$1" in backup) echo \'{summary}\'; exit 0;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="does not list it"):
        tree.backup()


def test_create_source_that_is_emptied_meanwhile_is_told_as_a_flaw(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'case "$1" in backup) rm -f {tree.source}/*;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script):
        backup = tree.backup()
    assert backup.flaws == (f"{tree.source} is empty; is its disk mounted? since the backup began",)


def test_create_source_that_is_a_link_is_refused(tree: Tree) -> None:
    link = tree.bed.place / "link"
    link.symlink_to(tree.source)
    with pytest.raises(RunFailed, match="symbolic link"):
        tree.repository.create(request([link]))


def test_create_pattern_that_excludes_the_copy_of_a_database_is_found(tree: Tree) -> None:
    with pytest.raises(RunFailed, match="the copies of shop are not in snapshot"):
        tree.backup(databases=(Numbers(),), exclude=("/**/database-*",))


def test_copies_of_databases_do_not_stay_on_the_disk(tree: Tree) -> None:
    tree.backup(databases=(Numbers(),))
    assert list(tree.bed.place.glob("agent-*/**/hostkeeper-parts")) == []


def test_version_that_is_too_old_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        instead(tree, monkeypatch, "echo restic 0.13.1 compiled with go1.18"),
        pytest.raises(RunFailed, match="too old"),
    ):
        tree.bed.open().listing()


def test_password_that_is_wrong_is_told_without_it(tree: Tree) -> None:
    (tree.bed.place / "password").write_text("another one")
    with pytest.raises(ListingFailed, match="does not open") as failed:
        tree.bed.open().listing()
    assert "another one" not in str(failed.value)


def test_files_with_secrets_that_others_may_read_are_refused(tree: Tree) -> None:
    variables = tree.bed.place / "variables"
    variables.write_text("# for the store\nAWS_SECRET_ACCESS_KEY=seventeen\n")
    with pytest.raises(RunFailed, match=r"environment file .* can be read or written by others"):
        tree.bed.open(environment_file=str(variables)).listing()
    variables.chmod(0o600)
    tree.bed.open(environment_file=str(variables)).listing()
    variables.write_text("no line of an environment: seventeen\n")
    with pytest.raises(RunFailed, match=r":1: not a line NAME=value$"):
        tree.bed.open(environment_file=str(variables)).listing()
    (tree.bed.place / "password").chmod(0o640)
    with pytest.raises(RunFailed, match="password file"):
        tree.bed.open().listing()


def test_secrets_are_in_no_argument_and_no_message(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = tree.bed.place / "variables"
    variables.write_text("AWS_SECRET_ACCESS_KEY=seventeen\n")
    variables.chmod(0o600)
    seen = tree.bed.place / "arguments"
    script = (
        f'echo "$@" >>{seen}; [ "$1" = version ] && exec "$REAL" version\n'
        'echo "Fatal: $RESTIC_REPOSITORY said no to $AWS_SECRET_ACCESS_KEY: connection refused" >&2; exit 1'
    )
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed) as failed:
        repository = tree.bed.open(repository="rest:https://me:hunter2@vault/", environment_file=str(variables))
        repository.create(request([tree.source]))
    assert str(failed.value).endswith("local said no to [hidden]: connection refused")
    told = seen.read_text() + str(failed.value)
    assert not [secret for secret in ("hunter2", "seventeen", restic_repository.PASSWORD) if secret in told]


def test_limit_of_upload_is_given_in_kibibytes(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tree.bed.place / "arguments"
    with instead(tree, monkeypatch, f'echo "$@" >>{seen}\nexec "$REAL" "$@"'):
        tree.bed.open(limit_upload=10 * 1024 * 1024).create(request([tree.source]))
    assert "--limit-upload 10240 " in seen.read_text()
