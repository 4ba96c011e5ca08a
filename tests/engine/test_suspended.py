"""A host that was suspended while a run was at work: nothing could work then, so that time counts for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.engine.execute import Execution
from agent.errors import RunFailed
from agent.model.actions import OnInterrupt, Outcome
from agent.model.runs import RunState
from agent.store import Store
from agent.store.run_reads import LOOKED_INTO
from tests.engine.test_execute import World, running
from tests.engine.test_supervise import House
from tests.fakes import FakeClock

FACT = '"suspended_seconds": 28800.0'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_run_takes_no_longer_for_a_host_that_was_suspended_meanwhile(store: Store) -> None:
    clock = FakeClock()
    world, run = World(), replace(running(store), started=clock.seconds())
    store.runs.amend(run.id, started=clock.seconds())

    def do() -> Outcome:
        clock.advance(30)
        return Outcome()

    def sleep() -> Outcome:
        clock.suspend(8 * 3600.0)
        return Outcome(facts={"files": 2})

    steps = [replace(world.step(str(number)), do=act) for number, act in enumerate((do, sleep, do))]
    assert Execution(store, clock, run, steps, OnInterrupt.RESUME).perform() is RunState.SUCCEEDED
    assert store.runs.durations(run.task) == [60.0]
    assert [record.facts for record in store.steps.of(run.id)] == [
        "{}",
        '{"files": 2, "suspended_seconds": 28800.0}',
        "{}",
    ]


def test_step_that_fails_tells_of_the_time_as_well(store: Store) -> None:
    clock = FakeClock()
    world, run = World(), running(store)

    def sleep() -> Outcome:
        clock.suspend(8 * 3600.0)
        raise RunFailed("no")

    step = replace(world.step("a", undo=False), do=sleep)
    assert Execution(store, clock, run, (step,), OnInterrupt.RESUME).perform() is RunState.FAILED
    assert [record.facts for record in store.steps.of(run.id)] == [f"{{{FACT}}}"]


@pytest.mark.parametrize(("slept", "taken"), [(0.9, 30.9), (LOOKED_INTO - 31, LOOKED_INTO - 1), (LOOKED_INTO, 30.0)])
def test_short_sleep_counts_as_work(store: Store, slept: float, taken: float) -> None:
    clock = FakeClock()
    world, run = World(), running(store)
    store.runs.amend(run.id, started=clock.seconds())

    def do() -> Outcome:
        clock.advance(30)
        clock.suspend(slept)
        return Outcome()

    Execution(store, clock, run, (replace(world.step("a"), do=do),), OnInterrupt.RESUME).perform()
    assert store.runs.durations(run.task) == [pytest.approx(taken)]


def test_tick_after_the_host_was_suspended_lets_a_run_have_the_time_that_it_may_take(store: Store) -> None:
    house = House(store)
    _, child = house.running()
    house.clock.advance(59.0)
    house.clock.suspend(3600.0)
    house.supervisor.tick()
    assert (child.asked, house.supervisor.next_deadline()) == (0, house.clock.monotonic() + 1.0)
    house.clock.advance(1.0)
    house.supervisor.tick()
    assert child.asked == 1
