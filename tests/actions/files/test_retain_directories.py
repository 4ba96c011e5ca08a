"""Empty directories: foreseen, removed from the deepest up, and kept while somebody may be about to use them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.model.actions import Judgement
from agent.model.reasons import Reason
from tests.actions.files.world import DAY, aged, names, options, previews, run
from tests.fakes import FakeClock, FakeObjectLog, context


@pytest.fixture
def top(top: Path) -> Path:
    (top / "empty" / "below").mkdir(parents=True)
    aged(top / "emptied" / "old", 8)
    aged(top / "used" / "young", 1)
    (top / "used" / "empty").mkdir()
    return top


def test_directories_that_are_or_become_empty_go(top: Path) -> None:
    objects = FakeObjectLog()
    outcome = run(options(top, max_age=7 * DAY, empty_directories=True), context(objects=objects))
    assert names(top) == ["used", "used/young"]
    assert outcome.facts["removed"] == 4
    assert outcome.counts[Reason.EMPTY_DIRECTORY] == 4
    assert outcome.counts[Reason.NOT_EMPTY] == 1
    assert [path for path, reason in objects.deleted if reason == Reason.EMPTY_DIRECTORY] == [
        os.fsencode(top / name) for name in ("emptied", "empty/below", "empty", "used/empty")
    ]


def test_preview_foresees_what_becomes_empty(top: Path) -> None:
    heard: list[Judgement] = []
    chosen = options(top, max_age=7 * DAY, empty_directories=True)
    shown = previews(chosen, hear=heard.append)[f"empty-directories:{top}"]
    assert shown.summary == "remove 4 empty directories"
    assert shown.facts == {"remove": 4}
    assert {one.target: one.reason for one in heard if one.reason in (Reason.EMPTY_DIRECTORY, Reason.NOT_EMPTY)} == {
        os.fsencode(top / "empty"): Reason.EMPTY_DIRECTORY,
        os.fsencode(top / "empty" / "below"): Reason.EMPTY_DIRECTORY,
        os.fsencode(top / "emptied"): Reason.EMPTY_DIRECTORY,
        os.fsencode(top / "used" / "empty"): Reason.EMPTY_DIRECTORY,
        os.fsencode(top / "used"): Reason.NOT_EMPTY,
    }
    aged(top / "empty" / "new", 1)
    again = previews(chosen)[f"empty-directories:{top}"]
    assert again.facts == {"remove": 3}
    assert again.fingerprint != shown.fingerprint


def test_configured_path_stays(tmp_path: Path) -> None:
    assert run(options(tmp_path, empty_directories=True)).facts["removed"] == 0
    assert tmp_path.is_dir()


def test_without_the_option_directories_stay(top: Path) -> None:
    run(options(top, max_age=7 * DAY))
    assert names(top) == ["emptied", "empty", "empty/below", "used", "used/empty", "used/young"]


def test_directory_that_was_just_made_stays(top: Path) -> None:
    now = datetime.now(UTC)
    chosen = options(top, max_age=7 * DAY, empty_directories=True, empty_directory_age=3600.0)
    assert previews(chosen, context(clock=FakeClock(now)))[f"empty-directories:{top}"].facts == {"remove": 0}
    outcome = run(chosen, context(clock=FakeClock(now)))
    assert outcome.facts["removed"] == 0
    assert outcome.counts[Reason.YOUNG_ENOUGH] == 3
    assert "empty/below" in names(top)


def test_age_of_a_directory_is_that_of_its_making(top: Path) -> None:
    for name in ("empty/below", "empty"):
        os.utime(top / name, (0, 0))
    now = datetime.now(UTC)
    chosen = options(top, empty_directories=True, empty_directory_age=3600.0)
    assert run(chosen, context(clock=FakeClock(now))).facts["removed"] == 0


def test_excluded_directory_stays(top: Path) -> None:
    run(options(top, exclude=["below", "used/empty"], empty_directories=True))
    assert names(top) == ["emptied", "emptied/old", "empty", "empty/below", "used", "used/empty", "used/young"]


def test_directory_below_the_depth_stays(top: Path) -> None:
    chosen = options(top, empty_directories=True, max_depth=2)
    assert previews(chosen)[f"empty-directories:{top}"].facts == {"remove": 0}
    assert run(chosen).facts["removed"] == 0
    chosen = options(top, empty_directories=True, max_depth=3)
    assert previews(chosen)[f"empty-directories:{top}"].facts == {"remove": 3}
    assert run(chosen).facts["removed"] == 3


def test_link_to_an_empty_directory_stays(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "link").symlink_to(tmp_path / "outside")
    assert run(options(tmp_path / "top", empty_directories=True)).facts["removed"] == 0
    assert (tmp_path / "top" / "link").is_symlink()
    assert (tmp_path / "outside").is_dir()
