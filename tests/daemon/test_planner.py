from __future__ import annotations

from datetime import UTC, timedelta

import pytest

from agent.daemon.planner import BATCH, Planner
from agent.engine.document import load
from agent.errors import StoreError
from agent.model.policies import PolicySet, Priority, Schedule, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.fakes import EPOCH, FakeClock, task

NOON = EPOCH.timestamp()
HOUR = 3600.0


def hourly(name: str = "task", **changes: object) -> Task:
    return task(name, **{"schedule": Schedule("0 * * * *", "UTC", 0.0, True), **changes})


def policies(*tasks: Task) -> PolicySet:
    return PolicySet("digest", 1, {}, {t.name: t for t in tasks}, {})


def planner(store: Store, *tasks: Task, now: float = NOON) -> Planner:
    return started(store, FakeClock(EPOCH + timedelta(seconds=now - NOON), now - NOON + 99.0), *tasks)


def started(store: Store, clock: FakeClock, *tasks: Task, boot: str = "boot") -> Planner:
    """Return the planner of an agent that starts by this clock."""
    made = Planner(store, UTC, "host", clock, boot)
    made.put_in_force(policies(*tasks), clock.seconds())
    return made


def step(plan: Planner, now: float, unseen: float = 0.0) -> list[float]:
    """Set the clock, unseen for so long; return the due times that have a run for it."""
    plan.stepped(now, unseen)
    return [run.due for run in plan.tick(now)]


def test_first_sight_of_a_task_makes_nothing_up(store: Store) -> None:
    assert planner(store, hourly()).next_due() == NOON + HOUR
    assert store.runs.recent(10) == []


def test_tick_at_a_due_time_makes_one_run(store: Store) -> None:
    plan = planner(store, hourly())
    assert plan.tick(NOON + HOUR - 1) == []
    made = plan.tick(NOON + HOUR)
    assert [(run.due, run.origin, run.state) for run in made] == [(NOON + HOUR, Origin.SCHEDULE, RunState.PENDING)]
    assert plan.tick(NOON + HOUR) == []
    assert plan.next_due() == NOON + 2 * HOUR


def test_restart_neither_doubles_nor_loses_a_due_time(store: Store) -> None:
    planner(store, hourly()).tick(NOON + HOUR)
    planner(store, hourly(), now=NOON + HOUR + 1)
    planner(store, hourly(), now=NOON + 2 * HOUR + 1)
    assert sorted(run.due for run in store.runs.recent(10)) == [NOON + HOUR, NOON + 2 * HOUR]


def test_downtime_is_caught_up_with_one_run(store: Store) -> None:
    planner(store, hourly())
    planner(store, hourly(), now=NOON + 7 * HOUR + 1800)
    assert [(run.due, run.origin) for run in store.runs.recent(10)] == [(NOON + 7 * HOUR, Origin.CATCH_UP)]


def test_downtime_without_catch_up_is_missed_with_its_reason(store: Store) -> None:
    once = hourly(schedule=Schedule("0 * * * *", "UTC", 0.0, False))
    planner(store, once)
    planner(store, once, now=NOON + 7 * HOUR + 1800)
    assert [(run.state, run.why) for run in store.runs.recent(10)] == [(RunState.MISSED, Reason.DUE_WHILE_DOWN)]


@pytest.mark.parametrize("seconds", [-7200.0, -HOUR, 1800.0, 5 * HOUR])
def test_steps_of_the_clock_neither_double_nor_lose(store: Store, seconds: float) -> None:
    plan = planner(store, hourly())
    plan.tick(NOON + HOUR)
    step(plan, NOON + HOUR + seconds)
    for hours in range(2, 9):
        if NOON + hours * HOUR >= NOON + HOUR + seconds:
            plan.tick(NOON + hours * HOUR)
    dues = [run.due for run in store.runs.recent(100)]
    assert len(dues) == len(set(dues))
    assert NOON + HOUR in dues
    assert NOON + 8 * HOUR in dues


@pytest.mark.parametrize(
    ("unseen", "runs"), [(0.0, []), (1.0, []), (3.0, [NOON + 2 * HOUR]), (HOUR, [NOON + 2 * HOUR])]
)
def test_what_falls_due_before_a_clock_put_back_is_noticed_has_its_run(
    store: Store, unseen: float, runs: list[float]
) -> None:
    plan = planner(store, hourly())
    plan.tick(NOON + HOUR)
    step(plan, NOON + 9 * HOUR + 30.0)
    before = len(store.runs.recent(10))
    assert step(plan, NOON + 2 * HOUR + 2.0, unseen) == runs
    assert len(store.runs.recent(10)) == before + len(runs)


def test_what_had_its_run_before_the_clock_was_put_back_has_no_second_one(store: Store) -> None:
    plan = planner(store, hourly())
    plan.tick(NOON + HOUR)
    assert step(plan, NOON + HOUR - 10.0) == step(plan, NOON + HOUR + 9.0) == []
    assert [run.due for run in store.runs.recent(10)] == [NOON + HOUR]


def test_what_falls_due_after_a_clock_was_put_back_has_its_run_although_the_agent_was_down(store: Store) -> None:
    plan = planner(store, hourly())
    step(plan, NOON + 9 * HOUR + 30.0)
    assert step(plan, NOON + HOUR + 30.0, 10.0) == []
    planner(store, hourly(), now=NOON + 2 * HOUR + 30.0)
    assert store.runs.recent(1)[0].due == NOON + 2 * HOUR


def test_step_of_the_clock_that_the_store_did_not_take_is_taken_note_of_until_it_does(store: Store) -> None:
    plan = planner(store, hourly())
    step(plan, NOON + 9 * HOUR + 30.0)
    store.connection.rows("PRAGMA query_only = 1")
    with pytest.raises(StoreError):
        step(plan, NOON + 2 * HOUR + 2.0, 3.0)
    store.connection.rows("PRAGMA query_only = 0")
    assert [run.due for run in plan.tick(NOON + 2 * HOUR + 5.0)] == [NOON + 2 * HOUR]
    assert plan.next_due() == NOON + 3 * HOUR


def killed_by_a_wrong_clock(store: Store) -> FakeClock:
    """Let an agent die that lived from noon to 13:30 by a clock nine hours ahead; return the clock as it is then."""
    clock = FakeClock()
    clock.step(9 * HOUR)
    plan = started(store, clock, hourly())
    clock.advance(HOUR)
    assert [run.due for run in plan.tick(clock.seconds())] == [NOON + 10 * HOUR]
    clock.advance(HOUR / 2)
    return clock


@pytest.mark.parametrize(
    ("down", "run"),
    [
        (1795.0, None),
        (1805.0, (NOON + 2 * HOUR, Origin.SCHEDULE)),
        (3 * HOUR, (NOON + 4 * HOUR, Origin.CATCH_UP)),
    ],
)
def test_clock_put_back_that_no_agent_lived_to_notice_loses_nothing(
    store: Store, down: float, run: tuple[float, Origin] | None
) -> None:
    clock = killed_by_a_wrong_clock(store)
    clock.step(-9 * HOUR)
    clock.advance(down)
    plan = started(store, clock, hourly())
    made = store.runs.recent(10)[:-1]
    assert [(one.due, one.origin) for one in made] == ([] if run is None else [run])
    clock.advance(HOUR)
    assert len(plan.tick(clock.seconds())) == 1
    started(store, clock, hourly())
    assert len(store.runs.recent(10)) == len(made) + 2


@pytest.mark.parametrize(("up", "runs"), [(10.0, [NOON + 2 * HOUR]), (2.0, [])])
def test_clock_put_back_by_a_reboot_loses_nothing_that_fell_due_since(
    store: Store, up: float, runs: list[float]
) -> None:
    killed_by_a_wrong_clock(store)
    started(store, FakeClock(EPOCH + timedelta(seconds=2 * HOUR + 5.0), up), hourly(), boot="another")
    assert [run.due for run in store.runs.recent(10)[:-1]] == runs


def test_clock_that_nobody_sets_is_written_down_once(store: Store) -> None:
    clock = FakeClock()
    started(store, clock, hourly())
    before = store.connection.rows("SELECT total_changes()")
    clock.advance(60.0)
    started(store, clock, hourly())
    assert store.connection.rows("SELECT total_changes()") == before


def test_edited_schedule_starts_from_now_and_an_unedited_one_goes_on(store: Store) -> None:
    plan = planner(store, hourly("a"), hourly("b"))
    edited = hourly("a", schedule=Schedule("30 * * * *", "UTC", 0.0, True))
    plan.put_in_force(policies(edited, hourly("b")), NOON + 60)
    assert plan.next_by_task() == {"a": NOON + 1800, "b": NOON + HOUR}


def test_removed_task_is_forgotten(store: Store) -> None:
    plan = planner(store, hourly("a"), hourly("b"))
    plan.put_in_force(policies(hourly("b")), NOON)
    assert set(store.marks.all()) == {"b"}
    assert len(plan.tick(NOON + HOUR)) == 1


def test_disabled_and_unscheduled_tasks_never_fall_due(store: Store) -> None:
    plan = planner(store, hourly("a", enabled=False), hourly("b", schedule=None))
    assert plan.next_due() is None


def test_many_due_at_once_are_made_in_batches_the_most_urgent_first(store: Store) -> None:
    tasks = [hourly(f"t{n:03}", priority=Priority.CRITICAL if n >= 90 else Priority.LOW) for n in range(100)]
    plan = planner(store, *tasks)
    first = plan.tick(NOON + HOUR)
    assert len(first) == BATCH
    assert {run.task for run in first} >= {f"t{n:03}" for n in range(90, 100)}
    while (plan.next_due() or 0.0) <= NOON + HOUR:
        assert plan.tick(NOON + HOUR)
    assert len({run.task for run in store.runs.recent(1000)}) == 100
    assert len(store.runs.recent(1000)) == 100


def test_due_time_that_the_store_did_not_take_is_made_when_it_does(store: Store) -> None:
    plan = planner(store, hourly())
    store.connection.rows("PRAGMA query_only = 1")
    with pytest.raises(StoreError):
        plan.tick(NOON + HOUR)
    store.connection.rows("PRAGMA query_only = 0")
    assert plan.next_due() == NOON + HOUR
    assert [run.due for run in plan.tick(NOON + HOUR + 5)] == [NOON + HOUR]


def test_set_that_the_store_did_not_take_is_planned_when_it_is_put_in_force_again(store: Store) -> None:
    plan = planner(store, hourly("a"), hourly("b"))
    changed = policies(hourly("a", schedule=Schedule("30 * * * *", "UTC", 0.0, True)), hourly("c"))
    store.connection.rows("PRAGMA query_only = 1")
    with pytest.raises(StoreError):
        plan.put_in_force(changed, NOON + 60)
    assert plan.next_by_task() == {"a": NOON + HOUR, "b": NOON + HOUR}
    store.connection.rows("PRAGMA query_only = 0")
    plan.put_in_force(changed, NOON + 60)
    assert plan.next_by_task() == {"a": NOON + 1800, "c": NOON + HOUR}
    assert plan.next_due() == NOON + 1800
    assert set(store.marks.all()) == {"a", "c"}


def test_task_that_was_disabled_for_a_while_is_not_caught_up(store: Store) -> None:
    plan = planner(store, hourly())
    plan.put_in_force(policies(hourly(enabled=False)), NOON + 60)
    assert (plan.next_due(), store.marks.all()) == (None, {})
    assert plan.put_in_force(policies(hourly()), NOON + 5 * HOUR + 60) == []
    assert plan.next_due() == NOON + 6 * HOUR


def test_edited_jitter_leaves_what_is_still_to_be_made_up_for(store: Store) -> None:
    plan = planner(store, hourly())
    late = hourly(schedule=Schedule("0 * * * *", "UTC", 60.0, True))
    made = plan.put_in_force(policies(late), NOON + 3 * HOUR + 1800)
    assert [(run.due, run.origin) for run in made] == [(NOON + 3 * HOUR, Origin.CATCH_UP)]


def test_due_times_of_a_former_schedule_lead_to_nothing(store: Store) -> None:
    plan = planner(store, hourly("a"), hourly("b"))
    for minute in range(1, 60):
        edited = hourly("a", schedule=Schedule(f"{minute} 15 * * *", "UTC", 0.0, True))
        plan.put_in_force(policies(edited, hourly("b", enabled=False)), NOON)
    assert plan.tick(NOON + HOUR) == []
    assert plan.next_due() == NOON + 3 * HOUR + 59 * 60
    assert [run.task for run in plan.tick(NOON + 4 * HOUR)] == ["a"]


def test_task_edited_otherwise_runs_as_edited_at_its_due_time(store: Store) -> None:
    plan = planner(store, hourly())
    plan.put_in_force(policies(hourly(options='{"command": ["false"]}')), NOON + 60)
    assert plan.replanned == []
    run = plan.tick(NOON + HOUR)[0]
    assert '["false"]' in load(store.documents.get(run.document)).task.options
