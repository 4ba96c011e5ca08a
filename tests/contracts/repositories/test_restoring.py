"""What every repository promises of bringing backups back, whatever its engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.drivers.repository import Selection
from agent.errors import RunFailed
from agent.host.processes import SystemProcesses
from tests.contracts.repositories.made import Made
from tests.system.backups import trees
from tests.system.backups.beds import Numbers

pytestmark = pytest.mark.root


def read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_restore_whole_backup_brings_back_the_identical_tree(made: Made, out: Path) -> None:
    repository = made.bed.open()
    restored = repository.restore(made.second, Selection(), str(out))
    assert trees.differences(made.tree, Path(f"{out}{made.tree}")) == []
    assert restored.items == len(trees.paths(made.tree))
    assert restored.bytes >= made.second.parts[0].bytes


def test_contents_are_compared_by_the_engine_or_can_be_by_whoever_restores(made: Made, out: Path) -> None:
    repository = made.bed.open()
    restored = repository.restore(made.second, Selection(), str(out))
    files = [entry for entry in repository.entries(made.second) if entry.kind == "file"]
    assert len(files) >= 19
    assert restored.compared >= len(files) or all(entry.sha256 for entry in files)


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
