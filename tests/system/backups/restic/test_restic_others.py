"""What others do in the same repository meanwhile, and what is waited for and looked at again."""

from __future__ import annotations

import os

import pytest

from agent.drivers.repository import ListingFailed
from agent.errors import Refused
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.system.backups.restic.hasty import Hasty
from tests.system.backups.restic.tree import Tree, at_work, instead

pytestmark = pytest.mark.root


@pytest.mark.parametrize("what", ["verify", "remove"])
def test_work_while_somebody_makes_a_backup_waits_for_its_end(tree: Tree, what: str) -> None:
    backup = tree.backup()
    with at_work(tree.bed) as process:
        clock = tree.bed.clock = Hasty(meanwhile=lambda: process.communicate(b"the end"))
        repository = tree.bed.open()
        if what == "verify":
            repository.verify(backup, deep=False)
        else:
            repository.remove([backup])
        assert process.returncode == 0
    assert clock.slept == 1


def test_verify_while_somebody_makes_a_backup_gives_up_in_the_end(tree: Tree) -> None:
    backup = tree.backup()
    clock = tree.bed.clock = Hasty(hours=0.1)
    with at_work(tree.bed), pytest.raises(Refused, match="at work") as refused:
        tree.bed.open().verify(backup, deep=False)
    assert refused.value.reason == Reason.REPOSITORY_IN_USE
    assert clock.slept == 2


def test_verify_that_waits_for_others_stops_when_it_is_told_to(tree: Tree) -> None:
    backup = tree.backup()
    tree.bed.clock = Hasty(meanwhile=lambda: tree.bed.stop.append(True), hours=0.0)
    with at_work(tree.bed), pytest.raises(StopRequested):
        tree.bed.open().verify(backup, deep=False)


def test_listing_of_what_is_removed_meanwhile_lists_what_is_left(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tree.backup()
    doomed = [tree.bed.path / "snapshots" / name for name in os.listdir(tree.bed.path / "snapshots")]
    second = tree.backup()
    script = f'case "$1" in dump) rm -f {" ".join(map(str, doomed))};; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script):
        listing = tree.bed.open().listing()
    assert (listing.backups, listing.junk) == ((second,), ())
    assert first.id != second.id


def test_listing_of_what_moves_meanwhile_finds_it_whole(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = tree.backup()
    once = tree.bed.place / "once"
    script = (
        f'case "$1" in dump) [ -e {once} ] || {{ touch {once}; echo "Fatal: unexpected EOF" >&2; exit 1; }};; esac\n'
        'exec "$REAL" "$@"'
    )
    with instead(tree, monkeypatch, script):
        assert tree.bed.open().listing().backups == (backup,)


def test_listing_whose_snapshot_cannot_be_read_though_it_stays_fails(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.backup()
    script = 'case "$1" in dump) echo "Fatal: no matching ID found" >&2; exit 1;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script), pytest.raises(ListingFailed, match="no matching ID found"):
        tree.bed.open().listing()
