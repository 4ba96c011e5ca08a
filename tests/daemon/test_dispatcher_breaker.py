"""A task's circuit breaker: after so many runs it is held, until an admin releases it."""

from __future__ import annotations

from agent.model.policies import Breaker
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.store import Store
from tests.daemon.test_dispatcher import HOUR, House
from tests.fakes import task

TWICE_A_DAY = Breaker(2, 86_400.0)


def due(house: House) -> int:
    """Let the task be due; return its run."""
    number = house.make("task")
    house.dispatcher.dispatch()
    return number


def run_to_the_limit(house: House) -> None:
    for _ in range(TWICE_A_DAY.times):
        number = due(house)
        house.clock.advance(60)
        house.end(number)


def test_breaker_of_a_task_holds_it_until_it_is_released(store: Store) -> None:
    house = House(store, task(at_most=TWICE_A_DAY))
    run_to_the_limit(house)
    assert house.state(due(house)) == (RunState.SKIPPED, Reason.BREAKER_OPEN)
    house.clock.advance(60)
    assert house.state(due(house)) == (RunState.SKIPPED, Reason.ON_HOLD)
    store.holds.release("task", house.now)
    house.clock.advance(60)
    assert house.state(due(house))[0] is RunState.RUNNING


def test_breaker_released_before_the_clock_was_put_back_still_counts(store: Store) -> None:
    house = House(store, task(at_most=TWICE_A_DAY))
    store.holds.place("task", Reason.BREAKER_OPEN, "", house.now)
    store.holds.release("task", house.now)
    house.clock.step(-HOUR)
    run_to_the_limit(house)
    assert house.state(due(house)) == (RunState.SKIPPED, Reason.BREAKER_OPEN)
