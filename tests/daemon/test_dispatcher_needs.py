"""Tasks that need others: when they wait, and when they are skipped."""

from __future__ import annotations

from msgspec.structs import replace

from agent.model.policies import Retry, Schedule
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.daemon.test_dispatcher import HOUR, House
from tests.fakes import task


def test_task_that_needs_a_failed_one_is_skipped(store: Store) -> None:
    first, second = task("first", schedule=None), task("second", needs=("first",))
    house = House(store, first, second)
    before = house.make("first", origin=Origin.MANUAL)
    house.dispatcher.dispatch()
    number = house.make("second")
    house.dispatcher.dispatch()
    assert house.dispatcher.waits[number].reason is Reason.NEEDS_WAITING
    house.end(before, RunState.FAILED, Reason.LIMIT_ITEMS)
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.SKIPPED, Reason.NEEDS_FAILED)
    assert [run.id for run in house.ended] == [before, number]


def test_task_that_needs_one_of_which_a_plan_was_refused_heeds_the_run_before_that(store: Store) -> None:
    first, second = task("first", schedule=None), task("second", needs=("first",))
    house = House(store, first, second)
    house.dispatcher.dispatch()
    for origin, end, why in (
        (Origin.MANUAL, RunState.SUCCEEDED, ""),
        (Origin.APPLY, RunState.SKIPPED, Reason.WORLD_DRIFTED),
    ):
        before = house.make("first", origin=origin)
        house.dispatcher.dispatch()
        house.end(before, end, why)
        house.clock.advance(60)
    number = house.make("second")
    house.dispatcher.dispatch()
    assert house.state(number)[0] is RunState.RUNNING


def test_task_that_needs_one_that_was_skipped_for_the_run_before_it_waits_for_that(store: Store) -> None:
    hourly = Schedule("0 * * * *", "UTC", 0.0, True)
    first, second = (task(name, schedule=hourly, window="night") for name in ("first", "second"))
    house = House(store, first, replace(second, needs=("first",)))
    run, needing = house.make("first"), house.make("second")
    house.clock.advance(14 * HOUR)
    late = house.make("first")
    house.dispatcher.dispatch()
    house.dispatcher.dispatch()
    assert house.state(late) == (RunState.SKIPPED, Reason.OVERLAP)
    assert house.dispatcher.waits[needing].reason is Reason.NEEDS_WAITING
    house.end(run)
    house.dispatcher.dispatch()
    assert house.state(needing)[0] is RunState.RUNNING


def test_task_that_needs_one_whose_last_try_failed_is_skipped(store: Store) -> None:
    first, second = task("first", retry=Retry(2, 60.0)), task("second", needs=("first",))
    house = House(store, first, second)
    midnight = house.now - 12 * HOUR
    before, number = house.make("first", due=midnight), house.make("second", due=midnight)
    house.dispatcher.dispatch()
    house.end(before, RunState.FAILED, Reason.STEP_FAILED)
    house.dispatcher.dispatch()
    assert house.dispatcher.waits[number].reason is Reason.NEEDS_WAITING
    house.clock.advance(60)
    house.dispatcher.dispatch()
    house.end(store.runs.recent(1)[0].id, RunState.FAILED, Reason.STEP_FAILED)
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.SKIPPED, Reason.NEEDS_FAILED)
