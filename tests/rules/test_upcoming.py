"""The calendar of days to come, with what holds each run back."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from agent.model.policies import (
    Category,
    Limits,
    Overlap,
    PolicySet,
    Position,
    Priority,
    Retry,
    Schedule,
    Task,
    Window,
)
from agent.model.reasons import Reason
from agent.rules.dispatch import QUEUE
from agent.rules.upcoming import MOST, Upcoming, upcoming
from agent.trigger import jitter

HERE = Position("p.yaml", 1, 1)
START = datetime(2026, 6, 10, tzinfo=UTC)
NIGHTLY = Window("nightly", "0 2 * * *", 3 * 3600.0, "UTC", HERE)


def task(name: str, schedule: str | None, **fields: object) -> Task:
    plain = Task(
        name=name,
        description="",
        category=Category.PREVENTIVE,
        action="command.run",
        options="{}",
        schedule=Schedule(schedule, "UTC", 0.0, True) if schedule else None,
        window=None,
        priority=Priority.NORMAL,
        needs=(),
        enabled=True,
        max_duration=3600.0,
        retry=Retry(1, 0.0),
        overlap=Overlap.SKIP,
        limits=Limits(),
        at_most=None,
        position=HERE,
    )
    return replace(plain, **fields)


def coming(
    *tasks: Task, days: float = 1, expected: Mapping[str, float] | None = None, held: Collection[str] = ()
) -> Upcoming:
    policies = PolicySet("", 1, {"nightly": NIGHTLY}, {one.name: one for one in tasks}, {})
    end = START + timedelta(days=days)
    return upcoming(policies, START, end, local=UTC, host_id="host-1", expected=expected, held=held)


def told(found: Upcoming) -> list[tuple[str, str, str | None, Reason | None, str]]:
    """Each entry as task, due time, start, reason and detail."""

    def clock(instant: float) -> str:
        return f"{datetime.fromtimestamp(instant, UTC):%d %H:%M}"

    return [
        (e.task, clock(e.due), clock(e.starts) if e.starts is not None else None, e.reason, e.detail)
        for e in found.entries
    ]


def test_upcoming_free_task_starts_when_it_falls_due() -> None:
    assert told(coming(task("a", "0 */8 * * *"))) == [
        ("a", "10 08:00", "10 08:00", None, ""),
        ("a", "10 16:00", "10 16:00", None, ""),
        ("a", "11 00:00", "11 00:00", None, ""),
    ]


def test_upcoming_without_tasks_or_schedules_is_empty() -> None:
    assert coming() == coming(task("a", None)) == Upcoming((), ())


def test_upcoming_window_holds_a_task_until_it_opens() -> None:
    assert told(coming(task("a", "30 1,3,6 * * *", window="nightly"))) == [
        ("a", "10 01:30", "10 02:00", Reason.WINDOW_CLOSED, "nightly"),
        ("a", "10 03:30", "10 03:30", None, ""),
        ("a", "10 06:30", "11 02:00", Reason.WINDOW_CLOSED, "nightly"),
    ]


def test_upcoming_jitter_is_the_hosts_own() -> None:
    one = replace(task("a", None), schedule=Schedule("0 8 * * *", "UTC", 600.0, True))
    (entry,) = coming(one).entries
    assert entry.starts == entry.due + jitter("host-1", "a", 600.0)
    assert entry.reason is Reason.JITTER


def test_upcoming_need_in_the_same_night_holds_a_task_until_it_has_ended() -> None:
    found = coming(
        task("clean", "0 1 * * *", window="nightly", needs=("backup",)),
        task("backup", "15 2 * * *", window="nightly"),
        expected={"backup": 1800.0},
    )
    assert told(found) == [
        ("backup", "10 02:15", "10 02:15", None, ""),
        ("clean", "10 01:00", "10 02:45", Reason.NEEDS_WAITING, "backup"),
    ]
    assert found.entries[1].needs == ("backup",)


def test_upcoming_need_of_days_past_holds_nothing() -> None:
    found = coming(task("clean", "0 1 * * *", needs=("backup",)), task("backup", "15 2 * * *"))
    assert told(found)[0] == ("clean", "10 01:00", "10 01:00", None, "")


def test_upcoming_need_that_is_disabled_or_skipped_skips_the_task() -> None:
    found = coming(task("b", "0 3 * * *", needs=("a",)), task("a", "0 3 * * *", enabled=False))
    assert told(found) == [
        ("a", "10 03:00", None, Reason.DISABLED, ""),
        ("b", "10 03:00", None, Reason.NEEDS_FAILED, "a"),
    ]


def test_upcoming_need_that_gives_way_to_a_later_run_is_waited_for_until_that_has_ended() -> None:
    replaced = task("a", "0 8,9 * * *", overlap=Overlap.REPLACE)
    for needed in (replaced, replace(replaced, window="nightly")):
        found = coming(needed, task("b", "30 8 * * *", needs=("a",)), expected={"a": 5400.0})
        ended = "10 10:30" if needed.window is None else "11 03:30"
        assert ("b", "10 08:30", ended, Reason.NEEDS_WAITING, "a") in told(found)


def test_upcoming_needs_that_will_not_fit_in_sight_are_waited_for_and_skip_nothing() -> None:
    found = coming(
        task("a", "0 3 * * *", window="nightly"), task("b", "0 4 * * *", needs=("a",)), expected={"a": 4 * 3600.0}
    )
    assert told(found)[1] == ("b", "10 04:00", None, Reason.NEEDS_WAITING, "a")
    assert not any(entry.skipped for entry in found.entries)


def test_upcoming_need_that_is_skipped_for_a_run_before_it_is_as_good_as_that() -> None:
    found = coming(
        task("a", "0,30 0-3 * * *", window="nightly"),
        task("b", "0,30 0-3 * * *", needs=("a",), window="nightly"),
        expected={"a": 600.0},
    )
    assert ("a", "10 02:00", None, Reason.OVERLAP, "") in told(found)
    assert ("b", "10 00:30", "10 02:10", Reason.NEEDS_WAITING, "a") in told(found)
    assert Reason.NEEDS_FAILED not in {entry.reason for entry in found.entries}


def test_upcoming_need_that_takes_no_time_holds_nothing() -> None:
    found = coming(task("b", "0 3 * * *", needs=("a",)), task("a", "0 3 * * *"))
    assert told(found)[1] == ("b", "10 03:00", "10 03:00", None, "")


def test_upcoming_need_that_runs_already_holds_until_it_has_ended() -> None:
    found = coming(task("b", "30 0 * * *", needs=("a",)), task("a", "0 23 * * *"), expected={"a": 2 * 3600.0})
    assert told(found)[0] == ("b", "10 00:30", "10 01:00", Reason.NEEDS_WAITING, "a")


def test_upcoming_run_that_ends_when_the_next_is_due_is_no_overlap() -> None:
    found = coming(task("a", "0 8,9 * * *"), expected={"a": 3600.0})
    assert [start for *_, start, _, _ in told(found)] == ["10 08:00", "10 09:00"]


def test_upcoming_need_without_a_schedule_holds_nothing() -> None:
    found = coming(task("b", "0 3 * * *", needs=("a",)), task("a", None))
    assert told(found) == [("b", "10 03:00", "10 03:00", None, "")]


def test_upcoming_work_that_will_not_fit_goes_to_the_next_opening() -> None:
    late = task("a", "30 4 * * *", window="nightly")
    assert told(coming(late, expected={"a": 3600.0})) == [("a", "10 04:30", "11 02:00", Reason.WILL_NOT_FIT, "nightly")]
    found = coming(late, days=3, expected={"a": 4 * 3600.0})
    assert told(found)[0] == ("a", "10 04:30", None, Reason.WILL_NOT_FIT, "nightly")
    assert [(entry.reason, entry.skipped) for entry in found.entries] == [
        (Reason.WILL_NOT_FIT, False),
        (Reason.OVERLAP, True),
        (Reason.OVERLAP, True),
    ]


def test_upcoming_work_that_fits_in_a_later_opening_alone_goes_there() -> None:
    # The 11th and the 12th touch: they are one opening.
    uneven = Window("uneven", "0 0 9,11,12 * *", 24 * 3600.0, "UTC", HERE)
    late = task("a", "0 12 9 * *", window="uneven")
    policies = PolicySet("", 1, {"uneven": uneven}, {"a": late}, {})
    start = datetime(2026, 6, 9, tzinfo=UTC)
    found = upcoming(policies, start, start + timedelta(days=1), local=UTC, host_id="h", expected={"a": 30 * 3600.0})
    assert told(found) == [("a", "09 12:00", "11 00:00", Reason.WILL_NOT_FIT, "uneven")]


def test_upcoming_queue_has_its_bound() -> None:
    held = task("a", "0 5-18 * * *", window="nightly", overlap=Overlap.QUEUE)
    found = sorted(coming(held, expected={"a": 600.0}).entries, key=lambda entry: entry.due)
    assert [entry.skipped for entry in found] == [False] * (QUEUE + 1) + [True] * 3
    assert found[QUEUE].starts == (found[0].starts or 0.0) + QUEUE * 600.0


@pytest.mark.parametrize(
    ("overlap", "second"),
    [
        (Overlap.SKIP, (None, Reason.OVERLAP)),
        (Overlap.QUEUE, ("10 09:30", Reason.OVERLAP_QUEUED)),
        (Overlap.REPLACE, ("10 09:00", None)),
    ],
)
def test_upcoming_overlap_with_a_long_run(overlap: Overlap, second: tuple[str | None, Reason | None]) -> None:
    found = coming(task("a", "0 8,9 * * *", overlap=overlap), expected={"a": 5400.0})
    assert told(found)[0] == ("a", "10 08:00", "10 08:00", None, "")
    assert told(found)[1][2:4] == second


@pytest.mark.parametrize(
    ("overlap", "starts"),
    [
        (Overlap.SKIP, ["11 02:00", None, None]),
        (Overlap.QUEUE, ["11 02:00", "11 02:00", "11 02:00"]),
        (Overlap.REPLACE, [None, None, "11 02:00"]),
    ],
)
def test_upcoming_overlap_of_runs_that_a_window_holds(overlap: Overlap, starts: list[str | None]) -> None:
    found = coming(task("a", "0 10,11,12 * * *", window="nightly", overlap=overlap))
    assert [start for *_, start, _, _ in sorted(told(found))] == starts


def test_upcoming_very_frequent_task_is_cut_and_says_so() -> None:
    found = coming(task("a", "* * * * *"), task("b", "0 3 * * *"), days=2)
    assert found.cut == ("a",)
    assert sum(1 for entry in found.entries if entry.task == "a") == MOST
    assert sum(1 for entry in found.entries if entry.task == "b") == 2


def test_upcoming_is_in_the_order_of_starts() -> None:
    found = coming(task("a", "0 1 * * *", window="nightly"), task("b", "30 1 * * *"), task("c", "0 2 * * *"))
    assert [entry.task for entry in found.entries] == ["b", "a", "c"]


def test_upcoming_month_of_a_thousand_daily_tasks_is_quick() -> None:
    tasks = [
        task(f"t{number}", f"{number % 60} {number % 24} * * *", window="nightly" if number % 2 else None)
        for number in range(1000)
    ]
    began = time.process_time()
    assert len(coming(*tasks, days=30).entries) == 30_000
    assert time.process_time() - began < 5.0


def test_upcoming_task_on_hold_is_skipped_and_so_is_what_needs_it() -> None:
    found = coming(task("a", "0 3 * * *"), task("b", "0 4 * * *", needs=("a",)), task("c", "0 5 * * *"), held={"a"})
    assert told(found) == [
        ("a", "10 03:00", None, Reason.ON_HOLD, ""),
        ("b", "10 04:00", None, Reason.NEEDS_FAILED, "a"),
        ("c", "10 05:00", "10 05:00", None, ""),
    ]
