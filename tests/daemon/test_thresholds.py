from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.errors import StoreError
from agent.model.policies import Bound, Breaker, NoData, PolicySet, Position, Severity, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.model.signals import Sample, Sampling
from agent.probes.wanted import Wanted
from agent.rules.conditions import Event
from agent.rules.series import state_key
from agent.store import Store
from tests.fakes import task

ROOT = (("mountpoint", "/"),)
FILLING = Threshold(
    name="filling",
    description="",
    signal="disk.used_percent",
    labels={"mountpoint": "/"},
    bound=Bound(above=90.0),
    clear=Bound(above=85.0),
    for_=20.0,
    samples=1,
    no_data=NoData.INCONCLUSIVE,
    severity=Severity.CRITICAL,
    run=("task",),
    at_most=Breaker(2, 86_400.0),
    position=Position("p.yaml", 1, 1),
)


class FakeProbe:
    """A host whose root file system is as full as the test says; None cannot be measured."""

    def __init__(self) -> None:
        self.used: float | None = 50.0

    def want(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def sample(self) -> Sampling:
        if self.used is None:
            return Sampling((), {"disk": "cannot"})
        return Sampling((Sample("disk.used_percent", ROOT, self.used),), {})


def policies(threshold: Threshold = FILLING) -> PolicySet:
    return PolicySet("digest", 1, {}, {"task": task()}, {threshold.name: threshold})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


class House:
    """Thresholds over a fake host; `restart` forgets everything that is not in the store."""

    def __init__(self, store: Store) -> None:
        self.store, self.probe, self.now = store, FakeProbe(), 1000.0
        self.restart()

    def restart(self, threshold: Threshold = FILLING) -> None:
        self.thresholds = Thresholds(self.store, lambda: self.probe, 10.0)
        self.thresholds.put_in_force(policies(threshold))

    def tick(self, used: float | None) -> list[Event]:
        self.probe.used = used
        self.now += 10.0
        return [reaction.event for reaction in self.thresholds.tick(self.now)[1]]

    def trip(self) -> list[Event]:
        return [event for used in (95.0, 95.0, 95.0, 50.0) for event in self.tick(used)]


def test_tick_fires_after_its_duration_and_makes_a_run(store: Store) -> None:
    house = House(store)
    assert [house.tick(95.0), house.tick(95.0), house.tick(95.0)] == [[], [], [Event.FIRED]]
    run = store.runs.latest("task")
    assert run is not None
    assert (run.origin, run.cause, run.due) == (Origin.THRESHOLD, "filling", house.now)


@pytest.mark.parametrize("restart_after", range(6))
def test_restart_at_any_tick_changes_no_event(store: Store, restart_after: int) -> None:
    house = House(store)
    events = []
    for place, used in enumerate([50.0, 95.0, 95.0, 95.0, 95.0, 50.0]):
        if place == restart_after:
            house.restart()
        events += house.tick(used)
    assert events == [Event.FIRED, Event.CLEARED]
    assert len(store.runs.recent(10)) == 1


def test_breaker_holds_the_threshold_until_it_is_released(store: Store) -> None:
    house = House(store)
    for _ in range(4):
        assert house.trip() == [Event.FIRED, Event.CLEARED]
    assert len(store.runs.recent(10)) == 2
    assert store.holds.held()["filling"].reason == Reason.BREAKER_OPEN
    house.restart()
    house.trip()
    assert len(store.runs.recent(10)) == 2
    assert store.holds.release("filling", house.now)
    for _ in range(3):
        house.trip()
    assert len(store.runs.recent(10)) == 4


def test_tick_that_cannot_measure_fires_nothing_and_clears_nothing(store: Store) -> None:
    house = House(store)
    house.trip()
    assert [house.tick(None) for _ in range(5)] == [[]] * 5


def test_state_of_another_program_is_begun_anew(store: Store) -> None:
    store.conditions.set({state_key("filling", (("mountpoint", "/"),)): '{"since": "long ago"}', "no key": "{}"})
    house = House(store)
    assert house.trip() == [Event.FIRED, Event.CLEARED]


def test_changed_bound_forgets_what_the_old_one_knew(store: Store) -> None:
    house = House(store)
    house.tick(95.0)
    house.tick(95.0)
    house.thresholds.put_in_force(policies(replace(FILLING, bound=Bound(above=80.0))))
    assert house.tick(95.0) == []
    assert house.tick(95.0) == []
    assert house.tick(95.0) == [Event.FIRED]


def test_removed_threshold_is_forgotten_in_the_store_too(store: Store) -> None:
    house = House(store)
    house.tick(95.0)
    assert len(store.conditions.all()) == 1
    house.thresholds.put_in_force(replace(policies(), thresholds={}))
    assert store.conditions.all() == {}


def test_tick_that_the_store_refuses_is_made_good_by_the_next(store: Store) -> None:
    house = House(store)
    for used in (95.0, 95.0):
        house.tick(used)
    store.connection.rows(
        "CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )
    with pytest.raises(StoreError, match="full"):
        house.tick(95.0)
    assert store.runs.recent(10) == []
    store.connection.rows("DROP TRIGGER full")
    assert house.tick(95.0) == [Event.FIRED]
    assert len(store.runs.recent(10)) == 1
