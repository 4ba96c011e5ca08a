"""No process can be started, or the store takes nothing: what was decided is decided again, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.engine.supervise import MAX_FRUITLESS
from agent.errors import RunFailed, StoreError
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.ports import Bounds
from agent.store import Store
from tests.daemon.test_dispatcher import HOUR, House
from tests.fakes import FakeChild, FakeLauncher, task


class _Spent(FakeLauncher):
    """A host that has no process to spare, for a while."""

    spent = True

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> FakeChild:
        if self.spent:
            raise RunFailed("cannot start the process: Too many open files")
        return super().start(run, attempt, argv, bounds)


def test_run_whose_process_cannot_be_started_goes_first_as_soon_as_one_can(store: Store) -> None:
    launcher = _Spent()
    house = House(store, task("a"), launcher=launcher)
    first = house.make("a")
    for _ in range(MAX_FRUITLESS + 1):
        with pytest.raises(RunFailed):
            house.dispatcher.dispatch()
    assert house.state(first) == (RunState.INTERRUPTED, Reason.KILLED)
    second = house.make("a", due=house.now + 1)
    launcher.spent = False
    house.dispatcher.dispatch()
    assert house.state(first)[0] is RunState.RUNNING
    assert house.state(second) == (RunState.PENDING, "")
    house.end(first)
    assert house.state(first)[0] is RunState.SUCCEEDED


@pytest.mark.parametrize("held", [False, True])
def test_decision_that_the_store_did_not_take_is_taken_again(store: Store, held: bool) -> None:
    house = House(store, task("a"))
    number = house.make("a")
    if held:
        store.holds.place("a", Reason.BREAKER_OPEN, "", house.now)
    store.connection.rows("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="readonly"):
        house.dispatcher.dispatch()
    store.connection.rows("PRAGMA query_only = 0")
    house.dispatcher.dispatch()
    assert house.state(number)[0] is (RunState.SKIPPED if held else RunState.RUNNING)


def test_end_of_a_window_that_the_store_did_not_take_is_told_again(store: Store) -> None:
    house = House(store, task(window="night"))
    number = house.make("task")
    house.clock.advance(14 * HOUR)
    house.dispatcher.dispatch()
    house.clock.advance(HOUR)
    store.connection.rows("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="readonly"):
        house.dispatcher.dispatch()
    store.connection.rows("PRAGMA query_only = 0")
    house.dispatcher.dispatch()
    assert store.runs.get(number).stop == Reason.WINDOW_ENDED
