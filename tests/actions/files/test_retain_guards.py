"""What keeps a run from touching anything: limits, history and the clock; and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.actions.files._guard import Guard
from agent.actions.files._place import Place
from agent.actions.files.retain import rule_of
from agent.errors import Refused
from agent.host.clock import boot_id
from agent.model.policies import Limits
from agent.model.reasons import Reason
from tests.actions.files.world import DAY, aged, everything, names, options, previews, run, steps
from tests.fakes import EPOCH, FakeClock, FakeMemory, context


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(items=4), Reason.LIMIT_ITEMS),
        (Limits(bytes=499), Reason.LIMIT_BYTES),
        (Limits(percent=49), Reason.LIMIT_PERCENT),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_run_past_its_limits_touches_nothing(top: Path, limits: Limits, reason: Reason, first: int) -> None:
    for number in range(10):
        aged(top / "ab"[number % 2] / f"{number}", 8 if number < 5 else 1, size=100)
    chosen = options(top / "a", top / "b", max_age=7 * DAY)
    before = everything(top)
    with pytest.raises(Refused) as refused:
        # A resumed run starts with the step that was left, and is held to the limits all the same.
        steps(chosen, context(limits=limits))[first].do()
    assert refused.value.reason == reason
    assert everything(top) == before
    shown = previews(chosen, context(limits=limits))["check-limits"]
    assert shown.facts["refused"] == reason
    assert shown.summary.startswith("refuse the run: ")


@pytest.mark.parametrize(
    "limits", [Limits(items=5), Limits(bytes=500), Limits(percent=50), Limits(items=5, percent=50)]
)
def test_run_within_its_limits_goes_on(top: Path, limits: Limits) -> None:
    for number in range(10):
        aged(top / "ab"[number % 2] / f"{number}", 8 if number < 5 else 1, size=100)
    assert run(options(top / "a", top / "b", max_age=7 * DAY), context(limits=limits)).facts["deleted"] == 5


def test_names_are_counted_with_the_patterns_only(top: Path) -> None:
    for number in range(20):
        aged(top / f"{number}.log", 8)
    aged(top / "one.part", 8)
    assert run(options(top, match=["*.part"], max_age=DAY), context(limits=Limits(items=1))).facts["deleted"] == 1


def remembering(top: Path, *deleted: int) -> FakeMemory:
    return FakeMemory({f"deleted:{top}": list(deleted)})


def many(top: Path, count: int) -> None:
    for number in range(count):
        aged(top / f"{number}", 8)


def test_selection_far_beyond_its_history_is_refused(top: Path) -> None:
    many(top, 1001)
    chosen = options(top, max_age=7 * DAY)
    memory = remembering(top, 3, 20, 5)
    with pytest.raises(Refused) as refused:
        run(chosen, context(memory=memory))
    assert refused.value.reason == Reason.BEYOND_HISTORY
    assert len(names(top)) == 1001
    assert memory.facts == remembering(top, 3, 20, 5).facts
    assert run(replace(chosen, beyond_history="allow"), context(memory=memory)).facts["deleted"] == 1001
    assert memory.facts[f"deleted:{top}"] == [3, 20, 5, 1001]


@pytest.mark.parametrize("history", [(), (1, 1), (1, 101, 1)])
def test_selection_in_keeping_with_its_history_is_deleted(top: Path, history: tuple[int, ...]) -> None:
    many(top, 1001)
    assert run(options(top, max_age=DAY), context(memory=remembering(top, *history))).facts["deleted"] == 1001


def test_young_files_do_not_count_against_the_history(top: Path) -> None:
    for number in range(1001):
        aged(top / f"{number}", 1)
    aged(top / "old", 8)
    memory = remembering(top, 1, 1, 1)
    assert run(options(top, max_age=7 * DAY), context(memory=memory)).facts["deleted"] == 1


def guard(top: Path, clock: FakeClock, memory: FakeMemory, *, kept_by_server: bool = False) -> Guard:
    ctx = context(clock=clock, memory=memory)
    rule = rule_of(options(top, max_age=30 * DAY), ctx.now)
    place = Place(path=str(top), rule=rule, picked=False, cross_mounts=False, max_depth=None, checkpoint=ctx.checkpoint)
    return Guard(ctx, [place], heed_clock=True, heed_history=True, kept_by_server=lambda: kept_by_server)


def test_clock_that_jumped_ahead_stops_deletions_until_it_is_confirmed(top: Path) -> None:
    clock, memory = FakeClock(), FakeMemory()
    run(options(top, max_age=DAY), context(clock=clock, memory=memory))
    assert memory.facts["clocks"] == {"wall": EPOCH.timestamp(), "elapsed": clock.elapsed, "boot": boot_id()}
    guard(top, clock, memory).check()
    clock.step(40 * DAY)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            guard(top, clock, memory).check()
        assert refused.value.reason == Reason.CLOCK_SUSPECT
    guard(top, clock, memory, kept_by_server=True).check()
    run(options(top, max_age=DAY, suspect_clock="allow"), context(clock=clock, memory=memory))
    guard(top, clock, memory).check()


def test_clock_that_went_on_with_the_elapsed_time_is_trusted(top: Path) -> None:
    clock, memory = FakeClock(), FakeMemory()
    run(options(top, max_age=DAY), context(clock=clock, memory=memory))
    clock.advance(40 * DAY)
    guard(top, clock, memory).check()


def test_clock_from_before_the_program_stops_deletions(top: Path) -> None:
    aged(top / "old", 30_000)
    then = FakeClock(wall=datetime(1971, 1, 1, tzinfo=UTC))
    with pytest.raises(Refused) as refused:
        run(options(top, max_count=0), context(clock=then))
    assert refused.value.reason == Reason.CLOCK_SUSPECT
    assert names(top) == ["old"]
