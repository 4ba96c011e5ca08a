"""What is made of the lines in which restic tells of files that it has read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from agent.drivers.repositories.restic.changes import Watch, told
from agent.drivers.repositories.restic.tree import Node
from tests.fakes import FakeClock

OLD = os.path.realpath(sys.executable)
"""A file that nobody has changed for a while."""


def line(path: str, action: str = "new") -> bytes:
    return json.dumps(
        {"message_type": "verbose_status", "action": action, "item": path}, separators=(",", ":")
    ).encode()


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    file = tmp_path / "parts" / "mark"
    file.parent.mkdir()
    file.touch()
    return file


def watch(mark: Path, clock: FakeClock | None = None) -> Watch:
    return Watch(clock or FakeClock(), str(mark), str(mark.parent))


@pytest.mark.parametrize("action", ["new", "modified"])
def test_file_that_was_read_and_changed_since_the_beginning_is_touched(mark: Path, action: str) -> None:
    file = mark.parent.parent / "file"
    file.write_text("12345")
    watching = watch(mark)
    assert watching.hear(line(str(file), action))
    assert watching.touched == {bytes(file): (file.stat().st_ctime_ns, 5)}
    assert watching.heard == 1


def test_file_that_changed_long_before_is_not_touched(mark: Path) -> None:
    watching = watch(mark)
    assert watching.hear(line(OLD))
    assert (watching.touched, watching.heard) == ({}, 1)


def test_file_whose_instants_another_clock_may_tell_is_touched(mark: Path) -> None:
    watching = Watch(FakeClock(), str(mark), str(mark.parent), shared=lambda _path: "nfs4")
    watching.hear(line(OLD))
    assert list(watching.touched) == [os.fsencode(OLD)]


def test_file_that_went_away_is_touched(mark: Path) -> None:
    watching = watch(mark)
    watching.hear(line("/nowhere/file"))
    assert watching.touched == {b"/nowhere/file": None}


def test_objects_that_were_not_read_are_not_looked_at(mark: Path) -> None:
    watching = watch(mark)
    for told_of in (line("/nowhere/file", "unchanged"), line("/nowhere/"), line("", "scan_finished")):
        assert watching.hear(told_of)
    assert (watching.touched, watching.heard) == ({}, 0)


def test_files_of_our_own_are_not_looked_at(mark: Path) -> None:
    watching = watch(mark)
    watching.hear(line(str(mark)))
    assert (watching.touched, watching.heard) == ({}, 1)


def test_name_that_is_not_told_as_it_is_is_remembered_as_such(mark: Path) -> None:
    watching = watch(mark)
    watching.hear(line("/nowhere/\ufffd"))
    assert (watching.touched, watching.heard, watching.strange) == ({}, 1, True)


@pytest.mark.parametrize("said", [b'{"message_type":"status","percent_done":0}', b'{"message_type":"summary"}', b""])
def test_line_about_something_else_is_left_to_others(mark: Path, said: bytes) -> None:
    assert not watch(mark).hear(said)


def test_clock_that_was_set_back_makes_old_instants_doubtful(mark: Path) -> None:
    clock = FakeClock()
    watching = watch(mark, clock)
    clock.advance(3600)
    watching.hear(line(OLD))
    assert watching.touched == {}
    clock.step(-mark.stat().st_ctime)
    watching.hear(line(OLD))
    clock.step(mark.stat().st_ctime)
    assert list(watching.touched) == [os.fsencode(OLD)]


@pytest.mark.parametrize(
    ("ctime", "nanoseconds"),
    [
        ("2026-12-01T03:14:57.426986153Z", 1796094897426986153),
        ("2026-12-01T04:14:57.4+01:00", 1796094897400000000),
        ("2026-12-01T03:14:57Z", 1796094897000000000),
        ("1969-12-31T23:59:59.5Z", -500000000),
        ("", -1),
    ],
)
def test_stamp_of_a_snapshot_is_exact(ctime: str, nanoseconds: int) -> None:
    assert told(Node(ctime=ctime, size=7)) == (nanoseconds, 7)
