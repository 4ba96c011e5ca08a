"""`files.retain` as the engine uses it: plans, previews, runs, limits, memory and interruptions."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.actions.files.retain import ACTION
from agent.errors import RunFailed
from agent.model.actions import Judgement, OnInterrupt
from agent.model.policies import Limits
from agent.model.reasons import Reason
from agent.ports import StopRequested
from tests.actions.files.world import DAY, aged, everything, names, options, previews, run, steps
from tests.fakes import EPOCH, FakeClock, FakeMemory, FakeObjectLog, Stop, context
from tests.host.trees import immutable


def test_steps_are_one_for_each_path_between_check_and_verdict(tmp_path: Path) -> None:
    chosen = options(tmp_path / "a", tmp_path / "b", empty_directories=True)
    assert [step.name for step in steps(chosen)] == [
        "check-limits",
        f"retain:{tmp_path}/a",
        f"empty-directories:{tmp_path}/a",
        f"retain:{tmp_path}/b",
        f"empty-directories:{tmp_path}/b",
        "verify",
    ]
    assert all(step.undo is None and step.irreversible for step in steps(chosen))
    assert ACTION.on_interrupt(chosen) is OnInterrupt.RESUME


def test_old_files_go_and_young_ones_stay(top: Path) -> None:
    aged(top / "old", 8, size=10)
    aged(top / "below" / "old", 9, size=20)
    aged(top / "young", 6)
    objects = FakeObjectLog()
    outcome = run(options(top, max_age=7 * DAY), context(objects=objects))
    assert names(top) == ["below", "young"]
    assert outcome.facts == {"deleted": 2, "deleted_bytes": 30, "kept": 1, "directories": 2, "problems": 0}
    assert outcome.counts == {Reason.TOO_OLD: 2, Reason.YOUNG_ENOUGH: 1}
    assert sorted(objects.deleted) == [
        (os.fsencode(top / "below" / "old"), Reason.TOO_OLD),
        (os.fsencode(top / "old"), Reason.TOO_OLD),
    ]


def test_without_any_bound_nothing_is_deleted(top: Path) -> None:
    aged(top / "old", 10_000)
    assert run(options(top)).counts == {Reason.WITHIN_LIMITS: 1}


def test_preview_touches_nothing_and_says_what_the_run_does(top: Path) -> None:
    for number in range(5):
        aged(top / f"{number}", number, size=100)
    chosen = options(top, max_age=2.5 * DAY)
    before = everything(top)
    shown = previews(chosen)
    assert everything(top) == before
    preview = shown[f"retain:{top}"]
    assert preview.summary == "delete 2 of 5 files (200 bytes)"
    assert preview.facts["delete"] == 2
    assert preview.facts["delete_bytes"] == 200
    assert preview.facts["keep"] == 3
    assert shown["check-limits"].facts == {"selected": 2, "selected_bytes": 200, "seen": 5}
    assert run(chosen).facts["deleted"] == 2


def test_everything_is_explained(top: Path) -> None:
    aged(top / "old.part", 8)
    aged(top / "young.part", 1)
    aged(top / "other", 8)
    (top / "link").symlink_to("other")
    heard: list[Judgement] = []
    previews(options(top, match=["*.part"], max_age=7 * DAY), hear=heard.append)
    where = os.fsencode(top)
    assert sorted(heard, key=lambda one: one.target) == [
        Judgement(where + b"/link", False, Reason.SYMBOLIC_LINK),
        Judgement(where + b"/old.part", True, Reason.TOO_OLD),
        Judgement(where + b"/other", False, Reason.NOT_MATCHED),
        Judgement(where + b"/young.part", False, Reason.YOUNG_ENOUGH),
    ]


CHANGES = ["size", "time", "inode", "name", "gone", "another"]


@pytest.mark.parametrize("change", CHANGES)
def test_fingerprint_changes_with_what_is_selected(top: Path, change: str) -> None:
    file = aged(top / "old", 8, size=10)
    aged(top / "second", 8)
    chosen = options(top, max_age=7 * DAY)
    mark = previews(chosen)[f"retain:{top}"].fingerprint
    assert previews(chosen)[f"retain:{top}"].fingerprint == mark
    if change == "size":
        aged(file, 8, size=11)
    elif change == "time":
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 1))
    elif change == "inode":
        os.utime(aged(top.parent / "new", 8, size=10), ns=(0, file.stat().st_mtime_ns))
        (top.parent / "new").rename(file)
    elif change == "name":
        file.rename(top / "renamed")
    elif change == "gone":
        file.unlink()
    else:
        aged(top / "third", 9)
    assert previews(chosen)[f"retain:{top}"].fingerprint != mark


def test_fingerprint_does_not_mind_what_is_kept(top: Path) -> None:
    aged(top / "old", 8)
    chosen = options(top, max_age=7 * DAY)
    mark = previews(chosen)[f"retain:{top}"].fingerprint
    aged(top / "young", 1)
    assert previews(chosen)[f"retain:{top}"].fingerprint == mark


def test_file_that_becomes_young_after_the_look_is_kept(top: Path) -> None:
    for number in range(3):
        aged(top / f"{number}", 8)
    plan = steps(options(top, max_age=7 * DAY), context(limits=Limits(percent=100)))
    plan[0].do()
    os.utime(top / "1", (EPOCH.timestamp(), EPOCH.timestamp()))
    assert plan[1].do().counts == {Reason.TOO_OLD: 2, Reason.YOUNG_ENOUGH: 1}
    assert names(top) == ["1"]


def test_file_made_after_the_run_began_takes_nobodys_place(top: Path) -> None:
    for number in range(1, 5):
        aged(top / f"{number}", number)
    plan = steps(options(top, max_count=3), context(limits=Limits(percent=100)))
    plan[0].do()
    aged(top / "new", -0.01)
    plan[1].do()
    assert names(top) == ["1", "2", "3", "new"]


def test_run_stops_at_a_checkpoint_and_goes_on_later(top: Path) -> None:
    for number in range(30):
        aged(top / f"d{number:02d}" / "old", 8)
    chosen = options(top, max_age=7 * DAY)
    stop = Stop(after=10)
    first = context(stop=stop)
    with pytest.raises(StopRequested):
        run(chosen, first)
    left = [name for name in names(top) if name.endswith("old")]
    assert 0 < len(left) < 30
    later = context(clock=FakeClock(wall=EPOCH + timedelta(hours=5)), now=EPOCH)
    assert run(chosen, later).facts["deleted"] == len(left)
    assert len(names(top)) == 30


def test_run_again_has_nothing_left_to_do(top: Path) -> None:
    for number in range(6):
        aged(top / f"{number}", number, size=10)
    chosen = options(top, max_count=3, max_age=4 * DAY, keep_latest=1)
    assert run(chosen).facts["deleted"] == 3
    assert run(chosen).facts["deleted"] == 0


def test_path_that_does_not_exist_fails_the_run_and_spares_the_others(top: Path) -> None:
    aged(top / "old", 8)
    missing = top.parent / "missing"
    memory = FakeMemory()
    plan = steps(options(missing, top, max_age=7 * DAY), context(memory=memory))
    for step in plan[:-1]:
        step.do()
    assert names(top) == []
    with pytest.raises(RunFailed, match=rf"^1 object could not be read or deleted: {missing}: No such file"):
        plan[-1].do()
    # The process that tells may be another one than the process that saw.
    with pytest.raises(RunFailed):
        steps(options(missing, top), context(memory=memory))[-1].do()
    other_run = replace(context(memory=memory), run=2)
    steps(options(missing, top), other_run)[-1].do()


def test_path_that_may_be_missing_is_skipped(top: Path) -> None:
    missing = top.parent / "missing"
    outcome = run(options(missing, max_age=DAY, missing="skip", empty_directories=True))
    assert outcome.facts["deleted"] == outcome.facts["problems"] == 0
    shown = previews(options(missing, max_age=DAY, empty_directories=True))
    assert shown[f"retain:{missing}"].summary == f"{missing}: No such file or directory"


def test_path_through_a_link_of_somebody_else_is_not_cleaned(top: Path) -> None:
    aged(top / "old", 8)
    shared = top.parent / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "link").symlink_to(top)
    with pytest.raises(RunFailed, match="symbolic link that others than root can change"):
        run(options(shared / "link", max_age=DAY))
    assert names(top) == ["old"]


def test_path_that_is_a_link_is_not_cleaned_whoever_made_it(top: Path) -> None:
    aged(top / "old", 8)
    (top.parent / "link").symlink_to(top)
    with pytest.raises(RunFailed, match=f"it is a symbolic link to {top}: name the directory it leads to"):
        run(options(top.parent / "link", max_age=DAY))
    assert names(top) == ["old"]


@pytest.mark.parametrize("way", ["{place}", "{place}/", "{link}/games"])
def test_directory_of_the_system_is_cleaned_only_of_what_is_picked(top: Path, way: str) -> None:
    (top / "link").symlink_to("/usr")
    path = Path(way.format(place="/usr/games", link=top / "link"))
    # Nothing is as old as that, so that nothing is lost where this fails.
    with pytest.raises(RunFailed, match="it is a directory of the system itself"):
        run(options(path, max_age=100 * 365 * DAY))
    assert run(options(path, max_age=100 * 365 * DAY, match=["*.bak"])).facts["deleted"] == 0


@pytest.mark.root
def test_what_cannot_be_deleted_fails_the_run_after_all_the_rest(top: Path) -> None:
    for number in range(3):
        aged(top / f"{number}", 8)
    aged(top / "stuck\nfile", 8)
    with immutable(top / "stuck\nfile") as possible:
        if not possible:
            pytest.skip("the file system of the temporary directory knows no immutable files")
        with pytest.raises(RunFailed, match=r"^1 object .*/stuck\\nfile: Operation not permitted"):
            run(options(top, max_age=7 * DAY))
    assert names(top) == ["stuck\nfile"]


def test_step_that_is_repeated_counts_its_problems_once(top: Path) -> None:
    plan = steps(options(top.parent / "missing", max_age=DAY))
    plan[1].do()
    plan[1].do()
    with pytest.raises(RunFailed, match=r"^1 object "):
        plan[-1].do()


def test_problem_that_is_gone_when_the_step_is_repeated_is_forgotten(top: Path) -> None:
    late = top.parent / "late"
    plan = steps(options(late, max_age=DAY))
    plan[1].do()
    late.mkdir()
    plan[1].do()
    plan[-1].do()


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"max_count": 2}, ["a/1.log", "a/2.txt"]),
        ({"max_count": 1, "group_by": "directory"}, ["a/1.log", "b/3.log"]),
        ({"max_count": 1, "group_by": "suffix"}, ["a/1.log", "a/2.txt"]),
        ({"max_count": 1, "group_by": "series"}, ["a/1.log", "a/2.txt"]),
        ({"max_size": 25}, ["a/1.log", "a/2.txt"]),
        ({"max_size": 25, "group_by": "directory"}, ["a/1.log", "a/2.txt", "b/3.log", "b/4.txt"]),
        ({"max_size": 0, "keep_latest": 1}, ["a/1.log"]),
        ({"max_size": 0, "min_age": 2.5 * DAY}, ["a/1.log", "a/2.txt"]),
        ({"max_age": 0.5 * DAY, "keep_latest": 1, "group_by": "directory"}, ["a/1.log", "b/3.log"]),
        ({"max_age": 0.5 * DAY, "match": ["b/*"]}, ["a/1.log", "a/2.txt"]),
        ({"max_age": 0.5 * DAY, "exclude": ["*.log"]}, ["a/1.log", "b/3.log"]),
        ({"max_age": 0.5 * DAY, "max_depth": 1}, ["a/1.log", "a/2.txt", "b/3.log", "b/4.txt"]),
    ],
)
def test_rule_decides_what_is_left(top: Path, changes: dict[str, object], left: list[str]) -> None:
    for days, name in enumerate(("a/1.log", "a/2.txt", "b/3.log", "b/4.txt"), 1):
        aged(top / name, days, size=10)
    run(options(top, **changes))
    assert [name for name in names(top) if "." in name] == left
