from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.actions.logs.vacuum import ACTION, Options
from agent.errors import Refused, RunFailed
from agent.host.processes import SystemProcesses
from agent.model.actions import Judgement
from agent.model.policies import Limits
from agent.ports import Context
from agent.rules.vacuuming import JournalFile, given_up, since_of
from tests.fakes import FakeClock, FakeObjectLog, context
from tests.journals import write_journal

SEQNUM = "00112233445566778899aabbccddeeff"
NOW = datetime.now(UTC)


def archived(directory: Path, days: int) -> Path:
    """Make an archived file of a journal that began so many days ago."""
    path = directory / f"system@{SEQNUM}-{1000 - days:016x}-{int((NOW.timestamp() - days * 86400) * 1e6):016x}.journal"
    write_journal(directory / "draft.journal", [("entry", 6)])
    return (directory / "draft.journal").rename(path)


def options(directory: Path, **changes: Any) -> Options:
    known = {"max_size": None, "max_age": None, "max_files": None, "rotate": True, "verify": True}
    return Options(**{**known, "directory": str(directory), **changes})


def real(objects: FakeObjectLog | None = None, limits: Limits | None = None) -> Context:
    return context(clock=FakeClock(NOW), processes=SystemProcesses(cgroups=False), objects=objects, limits=limits)


def run(found: Options, ctx: Context) -> dict[str, dict[str, object]]:
    return {step.name: dict(step.do().facts) for step in ACTION.plan(found, ctx)}


def test_vacuum_by_age_deletes_what_its_preview_shows_and_nothing_else(tmp_path: Path) -> None:
    files = {days: archived(tmp_path, days) for days in (1, 5, 40, 50)}
    write_journal(tmp_path / "system.journal", [("active", 6)])
    found, objects = options(tmp_path, max_age=30 * 86400.0), FakeObjectLog()
    judged: list[Judgement] = []
    shown = {step.name: step.preview(judged.append) for step in ACTION.plan(found, real())}
    assert list(shown) == ["check-limits", "vacuum", "verify"]
    assert {Path(one.target.decode()) for one in judged if one.deleted} == {files[40], files[50]}
    assert all(path.exists() for path in files.values())
    facts = run(found, real(objects))
    assert {path.name for path in tmp_path.iterdir()} == {files[1].name, files[5].name, "system.journal"}
    assert facts["vacuum"]["deleted"] == 2
    assert facts["vacuum"]["deleted_bytes"] == shown["vacuum"].facts["delete_bytes"]
    assert facts["verify"]["verified"] == 3
    assert sorted(objects.deleted) == [(bytes(files[days]), "too_old") for days in (50, 40)]
    assert run(found, real())["vacuum"]["deleted"] == 0


def test_vacuum_by_size_and_by_number_agrees_with_journalctl(tmp_path: Path) -> None:
    for days in range(6):
        archived(tmp_path, days)
    size = max(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    assert run(options(tmp_path, max_files=5), real())["vacuum"]["deleted"] == 1
    assert run(options(tmp_path, max_size=2 * size), real())["vacuum"]["left"] == 2


def test_vacuum_past_its_limits_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    for days in (40, 50):
        archived(tmp_path, days)
    found, limited = options(tmp_path, max_age=86400.0), real(limits=Limits(items=1))
    assert "refuse the run" in next(iter(ACTION.plan(found, limited))).preview(lambda _: None).summary
    with pytest.raises(Refused, match=r"2 files of the journal are selected, and `limits.items` is 1"):
        run(found, limited)
    assert len(list(tmp_path.iterdir())) == 2


def test_vacuum_where_there_is_no_journal_fails(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no file of a journal"):
        run(options(tmp_path, max_files=1), real())
    with pytest.raises(RunFailed, match="nowhere"):
        run(options(tmp_path / "nowhere", max_files=1), real())


def test_vacuum_that_finds_a_damaged_file_fails(tmp_path: Path) -> None:
    path = archived(tmp_path, 1)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"MESSAGE=entry", b"MESSAGE=other"))
    with pytest.raises(RunFailed, match="damaged"):
        run(options(tmp_path, max_files=10), real())


def test_vacuum_by_an_engine_that_does_nothing_fails(tmp_path: Path) -> None:
    for days in (40, 50):
        archived(tmp_path, days)
    with pytest.raises(RunFailed, match="2 files are still beyond the bounds"):
        run(options(tmp_path, max_age=86400.0), context(clock=FakeClock(NOW)))


@pytest.mark.parametrize(
    ("bounds", "gone"),
    [
        ({"size": 25}, [0, 1]),
        ({"size": 40}, []),
        ({"count": 3}, [0, 1]),
        ({"age": 25.0}, [0, 1]),
        ({"age": 25.0, "size": 5}, [0, 1, 2, 3]),
        ({}, []),
    ],
)
def test_given_up_are_the_oldest_archived_files(bounds: dict[str, Any], gone: list[int]) -> None:
    files = [JournalFile(str(n), 10, 60.0 + 10 * n) for n in range(4)] + [JournalFile("open", 1000, None)]
    found = given_up(files, now=105.0, **{"size": None, "age": None, "count": None, **bounds})
    assert [int(one.path) for one in found] == gone


def test_since_of_a_name_is_when_its_first_entry_was_written() -> None:
    assert since_of(f"user-1000@{SEQNUM}-0000000000000001-0005e8b2c3d4e5f6.journal") == 0x0005E8B2C3D4E5F6 / 1e6
    assert since_of("system@0005e8b2c3d4e5f6-0123456789abcdef.journal~") == 0x0005E8B2C3D4E5F6 / 1e6
    assert since_of("system.journal") is None
    assert shutil.which("journalctl"), "journalctl is missing: it is in tests/apt.txt"
