"""A task's circuit breaker: after so many runs it is held, until an admin releases it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.policies import Breaker
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.store import Store
from tests.daemon.test_dispatcher import HOUR, House
from tests.fakes import task


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_breaker_of_a_task_holds_it_until_it_is_released(store: Store) -> None:
    house = House(store, task(at_most=Breaker(2, 86_400.0)))
    for _ in range(2):
        number = house.make("task")
        house.dispatcher.dispatch()
        house.clock.advance(60)
        house.end(number)
    number = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.SKIPPED, Reason.BREAKER_OPEN)
    house.clock.advance(60)
    number = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.SKIPPED, Reason.ON_HOLD)
    store.holds.release("task", house.now)
    house.clock.advance(60)
    number = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(number)[0] is RunState.RUNNING


def test_breaker_released_before_the_clock_was_put_back_still_counts(store: Store) -> None:
    house = House(store, task(at_most=Breaker(2, 86_400.0)))
    store.holds.place("task", Reason.BREAKER_OPEN, "", house.now)
    store.holds.release("task", house.now)
    house.clock.step(-HOUR)
    for _ in range(2):
        number = house.make("task")
        house.dispatcher.dispatch()
        house.clock.advance(60)
        house.end(number)
    number = house.make("task")
    house.dispatcher.dispatch()
    assert house.state(number) == (RunState.SKIPPED, Reason.BREAKER_OPEN)
