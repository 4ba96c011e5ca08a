"""Files that change, or go away, while restic reads them: read again, and told where that is no help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.drivers.repository import Selection
from agent.errors import RunFailed
from agent.host.output import visible
from agent.model.backups import Backup
from tests.system.backups.beds import request
from tests.system.backups.restic.tree import Tree, by_hand, instead

pytestmark = pytest.mark.root


def passes(tree: Tree, act: str, *, at: str = '*verbose_status*/file-1\\"*', times: int = 9, then: str = "") -> str:
    """Return a script that acts in the first passes over the tree when restic says something, before anybody hears of
    it, and does something else in a later one. Each pass is counted."""
    return f"""case "$*" in
*--stdin-filename*) ;;
backup*)
  echo >>{tree.bed.place}/passes
  if [ "$(wc -l <{tree.bed.place}/passes)" -gt {times} ]; then {then or ":"}
  else
    "$REAL" "$@" | while IFS= read -r line; do
      case $line in {at}) {act};; esac
      printf '%s\\n' "$line"
    done
    exit 0
  fi;;
esac
exec "$REAL" "$@\""""


def counted(tree: Tree) -> int:
    return (tree.bed.place / "passes").read_text().count("\n")


def restored(tree: Tree, backup: Backup, out: Path) -> Path:
    out.mkdir()
    tree.repository.restore(backup, Selection(), str(out))
    return Path(f"{out}{tree.source}")


def test_file_that_changed_while_it_was_read_is_read_again(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instead(tree, monkeypatch, passes(tree, f"echo changed >{tree.source}/file-1", times=1)):
        backup = tree.backup()
    assert (backup.flaws, counted(tree)) == ((), 2)
    assert backup.parts[0].facts["read again"] == "files that changed while they were read: 1"
    assert backup.files == 5
    listing = tree.bed.open().listing()
    assert listing.backups == (backup,)
    assert [junk.why for junk in listing.junk] == ["what was read before some files were read again for its backup"]
    assert (restored(tree, backup, tmp_path / "out") / "file-1").read_text() == "changed\n"
    tree.repository.remove([backup])
    assert list((tree.bed.path / "snapshots").iterdir()) == []


def test_file_that_changes_whenever_it_is_read_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with instead(tree, monkeypatch, passes(tree, f"echo changed >>{tree.source}/file-1")):
        backup = tree.backup()
    assert backup.flaws == (f"{tree.source}/file-1 changed while it was read",)
    assert counted(tree) == 2
    assert tree.bed.open().listing().backups == (backup,)
    again = tree.bed.open().create(request([tree.source], parent=backup))
    assert again.flaws == ()


def test_file_that_is_written_all_the_time_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = tree.source / "busy"
    busy.touch()
    os.truncate(busy, 256 << 20)
    script = f"""case "$*" in
*--stdin-filename*) ;;
backup*)
  ( while kill -0 $$; do echo x 1<>{busy}; : >{tree.bed.place}/ready; done ) >/dev/null 2>&1 & writer=$!
  until [ -e {tree.bed.place}/ready ]; do :; done
  "$REAL" "$@"; code=$?
  kill $writer
  exit $code;;
esac
exec "$REAL" "$@\""""
    with instead(tree, monkeypatch, script):
        backup = tree.backup()
    assert backup.flaws == (f"{busy} changed while it was read",)


def test_tree_that_changes_before_and_after_it_is_read_is_read_once(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What follows the reading begins with a listing: what is written then is a matter of the next backup.
    later = f'case "$1" in snapshots) echo later >>{tree.source}/file-1;; esac\n'
    with instead(tree, monkeypatch, later + passes(tree, ":")):
        first = tree.backup()
        second = tree.backup(parent=first)
    assert (first.flaws, second.flaws, counted(tree)) == ((), (), 2)


def test_tree_that_rests_is_read_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with instead(tree, monkeypatch, passes(tree, ":")):
        first = tree.backup()
        second = tree.backup(parent=first)
    assert (first.flaws, second.flaws, counted(tree)) == ((), (), 2)


def test_file_with_a_name_that_is_no_text_is_watched_as_well(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = os.fsencode(tree.source) + b"/no \xff text"
    Path(os.fsdecode(odd)).write_text("first")
    act = f'for file in {tree.source}/no*; do echo changed >>"$file"; done'
    with instead(tree, monkeypatch, passes(tree, act, at="*verbose_status*text*")):
        backup = tree.backup()
    assert (backup.flaws, counted(tree)) == ((f"{visible(os.fsdecode(odd))} changed while it was read",), 2)


def test_file_that_went_away_once_it_was_read_is_looked_for_again(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with instead(tree, monkeypatch, passes(tree, f"rm {tree.source}/file-1", times=1)):
        backup = tree.backup()
    assert (backup.flaws, backup.files, counted(tree)) == ((), 4, 2)


def test_source_that_went_away_once_it_was_read_is_kept_as_it_was_read(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instead(tree, monkeypatch, passes(tree, f"rm -r {tree.source}", at="*summary*")):
        backup = tree.backup()
    assert f"{tree.source} cannot be read: No such file or directory since the backup began" in backup.flaws
    assert counted(tree) == 1
    assert len(list(restored(tree, backup, tmp_path / "out").iterdir())) == 5


def test_agent_killed_between_the_passes_leaves_what_is_made_anew(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    making = ["-m", "tests.contracts.repositories.making", "restic", str(tree.bed.place), str(tree.source)]
    act = f"echo changed >{tree.source}/file-1"
    with instead(tree, monkeypatch, passes(tree, act, times=1, then="kill -9 $PPID; exit 1")):
        killed = subprocess.run([sys.executable, *making], check=False, timeout=120)
    assert (killed.returncode, counted(tree)) == (-signal.SIGKILL, 2)
    tree.repository.sweep()
    (left,) = tree.repository.listing().backups
    assert left.unsettled
    backup = tree.backup()
    assert [one for one in tree.repository.listing().backups if not one.flaws] == [backup]


def test_backup_that_died_after_the_second_pass_is_one_alone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    died = 'case "$*" in *--stdin-filename*) echo "Fatal: connection lost" >&2; exit 1;; esac\n'
    script = died + passes(tree, f"echo changed >{tree.source}/file-1", times=1)
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="connection lost"):
        tree.backup()
    listing = tree.bed.open().listing()
    assert ([one.unsettled for one in listing.backups], len(listing.junk)) == ([True], 1)
    tree.repository.remove(listing.backups)
    assert list((tree.bed.path / "snapshots").iterdir()) == []


def test_first_pass_is_not_good_where_the_second_was_removed_by_hand(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instead(tree, monkeypatch, passes(tree, f"echo changed >{tree.source}/file-1", times=1)):
        backup = tree.backup()
    by_hand(tree.bed, "forget", backup.id)
    (left,) = tree.bed.open().listing().backups
    assert left.unsettled
    assert left.id != backup.id
