"""Due times over restarts, clock steps and suspends: at most one run each, and none lost without a reason."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.policies import Schedule
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.rules.calendar import COUNTED, TOLERANCE, Decision, Due, Mark, due
from agent.trigger import fires, parse

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@dataclass
class Task:
    """A task with the memory that the store keeps for it: the mark, and a row for each due time decided."""

    text: str
    catch_up: bool = True
    jitter: float = 0.0
    mark: Mark | None = None
    rows: list[Due] = field(default_factory=list)

    def look(self, now: float) -> tuple[Due, ...]:
        schedule = Schedule(self.text, "Europe/Berlin", self.jitter, self.catch_up)
        after = self.mark.at if self.mark else now
        handled = {row.due for row in self.rows if row.due > min(after, now)}
        decision = due(parse(self.text), BERLIN, schedule, self.mark, now, jitter=self.jitter, handled=handled)
        self.mark = decision.mark
        self.rows.extend(decision.dues)
        return decision.dues


def instants(text: str, start: float, end: float) -> set[float]:
    begin, stop = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
    return {instant.timestamp() for instant in fires(parse(text), BERLIN, begin, stop)}


DAILY = "0 3 * * *"
THREE = at("2026-06-10T01:00")


def test_due_at_first_sight_nothing_and_starts_from_now() -> None:
    task = Task(DAILY)
    assert task.look(THREE + 1) == ()
    assert task.mark == Mark("0 3 * * * Europe/Berlin", THREE + 1)
    assert task.look(THREE + DAY - 1) == ()
    assert task.look(THREE + DAY) == (Due(THREE + DAY, THREE + DAY, Origin.SCHEDULE),)
    assert task.look(THREE + DAY) == ()


def test_due_tells_the_next_due_time() -> None:
    decision = due(parse(DAILY), BERLIN, Schedule(DAILY, "Europe/Berlin", 0, True), None, THREE, jitter=0)
    assert decision == Decision((), Mark("0 3 * * * Europe/Berlin", THREE), THREE + DAY)


def test_due_with_jitter_begins_later_and_is_on_time_for_longer() -> None:
    task = Task(DAILY, catch_up=False, jitter=600.0, mark=Mark("0 3 * * * Europe/Berlin", THREE - DAY))
    assert task.look(THREE + 600 + TOLERANCE) == (Due(THREE, THREE + 600, Origin.SCHEDULE),)


@pytest.mark.parametrize("catch_up", [True, False])
def test_due_a_restart_around_the_due_time_loses_nothing(catch_up: bool) -> None:
    task = Task(DAILY, catch_up, mark=Mark("0 3 * * * Europe/Berlin", THREE - DAY))
    assert task.look(THREE + TOLERANCE) == (Due(THREE, THREE, Origin.SCHEDULE),)


def test_due_after_days_down_catches_up_once() -> None:
    task = Task(DAILY, mark=Mark("0 3 * * * Europe/Berlin", THREE - 4 * DAY))
    now = THREE + HOUR
    assert task.look(now) == (Due(THREE, now, Origin.CATCH_UP, others=3),)
    assert task.look(now + MINUTE) == ()


def test_due_catch_up_comes_after_its_jitter() -> None:
    task = Task(DAILY, jitter=600.0, mark=Mark("0 3 * * * Europe/Berlin", THREE - DAY))
    now = THREE + HOUR
    assert task.look(now) == (Due(THREE, now + 600, Origin.CATCH_UP),)


def test_due_after_days_down_without_catch_up_is_missed_with_a_reason() -> None:
    task = Task(DAILY, catch_up=False, mark=Mark("0 3 * * * Europe/Berlin", THREE - 4 * DAY))
    assert task.look(THREE + HOUR) == (Due(THREE, THREE, Origin.CATCH_UP, Reason.DUE_WHILE_DOWN, 3),)


def test_due_on_time_run_also_catches_up() -> None:
    ten = "*/10 * * * *"
    task = Task(ten, mark=Mark(f"{ten} Europe/Berlin", THREE))
    assert task.look(THREE + HOUR) == (Due(THREE + HOUR, THREE + HOUR, Origin.SCHEDULE, others=5),)
    task = Task(ten, catch_up=False, mark=Mark(f"{ten} Europe/Berlin", THREE))
    assert task.look(THREE + HOUR) == (
        Due(THREE + 50 * MINUTE, THREE + 50 * MINUTE, Origin.CATCH_UP, Reason.DUE_WHILE_DOWN, 4),
        Due(THREE + HOUR, THREE + HOUR, Origin.SCHEDULE),
    )


def test_due_when_the_loop_lags_every_due_time_has_its_run() -> None:
    task = Task("every 10 seconds", mark=Mark("every 10 seconds Europe/Berlin", THREE))
    assert [run.due - THREE for run in task.look(THREE + 35)] == [10, 20, 30]


def test_due_after_a_change_of_schedule_makes_up_for_nothing() -> None:
    task = Task("0 14 * * *", mark=Mark("0 3 * * * Europe/Berlin", THREE))
    assert task.look(at("2026-06-10T13:00")) == ()
    assert [run.due for run in task.look(at("2026-06-11T12:00"))] == [at("2026-06-11T12:00")]


@pytest.mark.parametrize("back", [0.5, 30.0, 1800.0, HOUR, DAY])
def test_due_clock_put_back_runs_nothing_twice(back: float) -> None:
    task = Task(DAILY, mark=Mark("0 3 * * * Europe/Berlin", THREE - DAY))
    assert len(task.look(THREE)) == 1
    now = THREE - back
    while now < THREE + HOUR:
        assert task.look(now) == ()
        now += 600.0
    assert [run.due for run in task.look(THREE + DAY)] == [THREE + DAY]


@pytest.mark.parametrize("forward", [HOUR, 40 * DAY, 3653 * DAY])
def test_due_clock_put_forward_and_back_again_catches_up_once_and_goes_on(forward: float) -> None:
    task = Task(DAILY, mark=Mark("0 3 * * * Europe/Berlin", THREE))
    now = THREE + 23.5 * HOUR
    assert len(task.look(now + forward)) == 1
    assert task.look(now) == ()
    due_then = [run.due for day in range(5) for run in task.look(THREE + (day + 1) * DAY + 1)]
    expected = [THREE + (day + 1) * DAY for day in range(5)]
    assert due_then == (expected[1:] if forward == HOUR else expected)


def test_due_clock_at_1970_waits_without_running_anything() -> None:
    task = Task(DAILY, mark=Mark("0 3 * * * Europe/Berlin", THREE))
    assert task.look(0.0) == ()
    assert task.look(HOUR) == ()
    assert [run.others for run in task.look(THREE + HOUR)] == [COUNTED]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0.1, 7200)),
        st.tuples(st.just("down"), st.floats(1, 3 * DAY)),
        st.tuples(st.just("step"), st.floats(-2 * DAY, 2 * DAY)),
        st.tuples(st.just("step"), st.sampled_from([-HOUR, HOUR, -1.0, 1.0, 40 * DAY, -40 * DAY])),
    ),
    max_size=25,
)
schedules = st.sampled_from([DAILY, "30 2 * * *", "*/20 * * * *", "every 45 minutes", "0 */6 * * *"])
starts = st.sampled_from([at("2026-03-28T20:00"), at("2026-10-24T20:00"), at("2026-06-10T00:00")])


@given(schedules, starts, steps, st.booleans(), st.sampled_from([0.0, 300.0]))
@settings(max_examples=80, deadline=None)
def test_due_over_any_history_each_time_has_at_most_one_run_and_none_is_lost(
    text: str, start: float, history: list[tuple[str, float]], catch_up: bool, jitter: float
) -> None:
    task = Task(text, catch_up, jitter)
    task.look(start)
    now = start
    reached: list[tuple[float, float]] = []
    for kind, seconds in history:
        if kind == "pass":
            target = now + seconds
            while now < target:
                reached.append((now, min(now + 30.0, target)))
                now = min(now + 30.0, target)
                task.look(now)
        else:
            if kind == "down" or seconds > 0:
                reached.append((now, now + seconds))
            now = max(now + seconds, DAY)
            task.look(now)
    runs = [row for row in task.rows if row.missed is None]
    assert max(Counter(row.due for row in task.rows).values(), default=0) <= 1
    assert all(row.due <= row.not_before for row in runs)
    accounted = {row.due for row in task.rows}
    for begin, end in reached:
        due_then = instants(text, begin, end)
        if not due_then:
            continue
        if end - begin <= 30.0:
            assert due_then <= accounted, "a due time that was lived through has its own run"
        else:
            assert max(due_then) in accounted, "the last of those jumped over stands for them all"


def test_due_after_ten_years_is_decided_at_once() -> None:
    began = time.process_time()
    for text in ("* * * * *", "every 10 seconds", DAILY, "@yearly"):
        task = Task(text, mark=Mark(f"{text} Europe/Berlin", THREE))
        (run,) = [
            row for row in task.look(THREE + 3653 * DAY + 7 * HOUR) if row.origin is Origin.CATCH_UP or row.others
        ]
        assert run.others in (9, COUNTED)
    assert time.process_time() - began < 0.1
