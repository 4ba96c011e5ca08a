"""Which tasks run otherwise by another policy set, and what of their runs is compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from agent.engine.differing import changes, concerned, courses
from agent.model.policies import PolicySet, Position, Schedule, Window
from agent.rules.upcoming import MOST, Upcoming, upcoming
from tests.fakes import task

AT = Position("p.yaml", 1, 1)
START = datetime(2026, 6, 10, tzinfo=UTC)
NIGHTLY = Window("nightly", "0 2 * * *", 3600.0, "UTC", AT)
TASKS = {
    "dump": task("dump", window="nightly"),
    "copy": task("copy", needs=("dump",)),
    "prove": task("prove", needs=("copy", "mount")),
    "mount": task("mount"),
    "alone": task("alone"),
}
OLD = PolicySet("old", 1, {"nightly": NIGHTLY}, TASKS, {})


def every(minutes: int) -> Upcoming:
    often = task("often", schedule=Schedule(f"*/{minutes} * * * *", "UTC", 0.0, True))
    return upcoming(
        PolicySet("set", 1, {}, {"often": often}, {}), START, START + timedelta(days=30), local=UTC, host_id="h"
    )


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, set()),
        (replace(OLD, tasks={**TASKS, "alone": task("alone", enabled=False)}), {"alone"}),
        (replace(OLD, tasks={**TASKS, "mount": task("mount", enabled=False)}), {"mount", "prove", "copy", "dump"}),
        (replace(OLD, windows={"nightly": replace(NIGHTLY, lasts=60.0)}), {"dump", "copy", "prove", "mount"}),
    ],
)
def test_tasks_whose_runs_may_differ_come_with_what_they_need(new: PolicySet, expected: set[str]) -> None:
    found = changes(OLD, new)
    assert set(concerned(OLD, found).tasks) == set(concerned(new, found).tasks) == expected


def test_task_that_is_gone_is_concerned_in_the_old_set_alone() -> None:
    new = replace(OLD, tasks={name: one for name, one in TASKS.items() if name != "alone"})
    found = changes(OLD, new)
    assert set(concerned(OLD, found).tasks) == {"alone"}
    assert set(concerned(new, found).tasks) == set()


def test_runs_of_a_frequent_task_are_compared_as_far_as_both_calendars_list_them() -> None:
    before, after = every(10), every(5)
    (one,) = courses(before, after)
    until = START.timestamp() + MOST * 300
    assert (one.before, one.after, one.until) == (MOST // 2, MOST, until)
    assert len(one.only_after) == MOST // 2
    assert one.only_before == ()
    assert courses(before, before) == []


def test_frequent_task_that_is_new_is_counted_as_far_as_it_is_listed() -> None:
    (one,) = courses(Upcoming((), ()), every(10))
    assert (one.before, one.after, one.until) == (0, MOST, START.timestamp() + MOST * 600)
