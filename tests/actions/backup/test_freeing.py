"""What `backup.create` removes before it makes a backup, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.errors import RunFailed
from agent.model.backups import Part
from agent.model.policies import Limits
from agent.model.reasons import Reason
from tests.actions.backup.world import Host

FULL: dict[str, Any] = {"full": {"every": "1m"}}
HUGE = 1 << 60
FULL_DISK = RunFailed("cannot write files.tar.zst: zstd says: No space left on device")


@pytest.fixture
def days(host: Host) -> Host:
    """A host with a repository in a directory, and a full backup of each of the last five days."""
    (host.place / "vault").mkdir()
    host.directory = str(host.place / "vault")
    for day in range(5, 0, -1):
        host.ledger.made(host.had(f"d{day}", day))
    return host


def grown(host: Host, name: str) -> None:
    """Let a backup take more than any disk has."""
    part = Part(kind="files", name="files", form="fake", bytes=HUGE, stored=HUGE)
    host.vault.put(replace(host.vault.stored[name].backup, parts=(part,)))


def test_room_that_is_there_lets_nothing_be_removed_before_the_backup(days: Host) -> None:
    outcomes = days.run(keep={"last": 2}, **FULL)
    assert list(outcomes) == ["check", "make-room", "back-up", "verify", "prune", "tell"]
    assert days.vault.did[0].startswith("create")
    assert outcomes["make-room"].facts == {}


def test_no_room_removes_first_what_is_not_kept_without_the_next_backup_either(days: Host) -> None:
    grown(days, "d1")
    days.vault.half_done = ["half"]
    preview = days.previews(keep={"last": 2}, **FULL)["make-room"]
    assert preview.facts["remove"] == 3
    with pytest.raises(RunFailed, match="are needed: make room"):
        days.run(keep={"last": 2}, **FULL)
    assert days.ids() == ["d2", "d1"]
    assert days.vault.half_done == []
    assert {one.id for one in days.ledger.known("local", "task")} == {"d2", "d1"}
    assert (b"local/task/d3", Reason.OUTSIDE_KEEP) in days.objects.deleted


def test_no_room_without_keep_sweeps_and_removes_nothing(days: Host) -> None:
    grown(days, "d1")
    days.vault.half_done = ["half"]
    with pytest.raises(RunFailed, match="are needed: make room"):
        days.run(**FULL)
    assert len(days.ids()) == 5
    assert days.vault.half_done == []


def test_no_room_past_the_limits_of_the_whole_run_removes_nothing_and_says_so(days: Host) -> None:
    grown(days, "d1")
    days.limits = Limits(items=3)
    with pytest.raises(RunFailed, match=r"make room.*; no backup was removed: 4 backups are selected"):
        days.run(keep={"last": 2}, **FULL)
    assert len(days.ids()) == 5


def test_no_room_keeps_the_newest_proven_backup(days: Host) -> None:
    grown(days, "d1")
    days.proved("d4")
    with pytest.raises(RunFailed, match="are needed: make room"):
        days.run(keep={"last": 1}, **FULL)
    assert days.ids() == ["d4", "d1"]


def test_disk_that_was_full_meanwhile_lets_the_next_run_remove_first(days: Host) -> None:
    days.vault.fails["create"] = FULL_DISK
    with pytest.raises(RunFailed, match="No space left"):
        days.run(keep={"last": 2}, **FULL)
    assert len(days.ids()) == 5
    days.vault.fails.clear()
    days.run_later(1, keep={"last": 2}, **FULL)
    assert [one.split()[0] for one in days.vault.did] == ["remove"] * 3 + ["create", "verify", "remove"]
    assert len(days.ids()) == 2
    days.vault.did.clear()
    days.run_later(1, keep={"last": 1}, **FULL)
    assert days.vault.did[0].startswith("create")


def test_removal_for_room_that_was_killed_is_gone_on_with(days: Host) -> None:
    grown(days, "d1")
    ctx = days.context()
    days.vault.fails["remove"] = RuntimeError("killed")
    days.vault.before["remove"] = lambda: days.vault.stored.__delitem__("d5")
    with pytest.raises(RuntimeError):
        days.run(ctx, keep={"last": 2}, **FULL)
    days.vault.fails.clear()
    days.vault.before.clear()
    with pytest.raises(RunFailed, match="are needed: make room"):
        days.run(ctx, keep={"last": 2}, **FULL)
    assert days.ids() == ["d2", "d1"]
    assert {one.id for one in days.ledger.known("local", "task")} == {"d2", "d1"}


def test_repository_that_is_not_there_yet_needs_no_room(host: Host, tmp_path: Path) -> None:
    host.directory = str(tmp_path / "none")
    assert host.previews(keep={"last": 1})["make-room"].fingerprint == "no listing"
