from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.engine.firing import Firing, Reactor
from agent.errors import StoreError
from agent.model.conditions import Bound, Condition
from agent.model.policies import Breaker, PolicySet, Position, Probe, Severity, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.model.signals import Labels, Sample, Sampling, Verdict
from agent.probes.wanted import Wanted
from agent.rules.conditions import Event
from agent.rules.series import state_key
from agent.store import Store
from tests.fakes import task

ROOT = (("mountpoint", "/"),)
FILLING = Threshold(
    name="filling",
    description="",
    condition=Condition(
        signal="disk.used_percent",
        labels={"mountpoint": "/"},
        bound=Bound(above=90.0),
        clear=Bound(above=85.0),
        for_=20.0,
    ),
    severity=Severity.CRITICAL,
    run=("task",),
    at_most=Breaker(2, 86_400.0),
    position=Position("p.yaml", 1, 1),
)


REMEDY = 'filling/task{mountpoint="/"}'


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


class House:
    """Thresholds over a fake host; `restart` forgets everything that is not in the store."""

    def __init__(self, store: Store, *reactors: Reactor) -> None:
        self.store, self.probe, self.now, self.reactors = store, FakeProbe(), 1000.0, reactors
        self.restart()

    def restart(self, threshold: Threshold = FILLING) -> None:
        self.thresholds = Thresholds(self.store, lambda: self.probe, 10.0, self.reactors)
        self.thresholds.put_in_force(policies(threshold), self.now)

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


@pytest.mark.parametrize("step", [-120.0, 240.0, 7200.0])
def test_clock_that_is_set_changes_no_event(store: Store, step: float) -> None:
    house = House(store)
    house.restart(replace(FILLING, condition=replace(FILLING.condition, keep_for=20.0)))
    events = []
    for used in (50.0, 95.0, 95.0, 95.0, 95.0, 50.0, 50.0, 50.0):
        events.append(house.tick(used))
        house.now += step
        house.thresholds.stepped(step)
    assert events == [[], [], [], [Event.FIRED], [], [], [], [Event.CLEARED]]


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
    assert store.holds.held()[REMEDY].reason == Reason.BREAKER_OPEN
    assert store.holds.held()[REMEDY].detail.endswith(" ran 2 times")
    house.restart()
    house.trip()
    assert len(store.runs.recent(10)) == 2
    assert store.holds.release(REMEDY, house.now)
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
    house.thresholds.put_in_force(
        policies(replace(FILLING, condition=replace(FILLING.condition, bound=Bound(above=80.0)))), house.now
    )
    assert house.tick(95.0) == []
    assert house.tick(95.0) == []
    assert house.tick(95.0) == [Event.FIRED]


def test_removed_threshold_is_forgotten_in_the_store_too(store: Store) -> None:
    house = House(store)
    house.tick(95.0)
    assert len(store.conditions.all()) == 1
    house.thresholds.put_in_force(replace(policies(), thresholds={}), house.now)
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


class Heard:
    """A reactor that writes down what it hears; where told so, it cannot write."""

    def __init__(self) -> None:
        self.firings: list[Firing] = []
        self.withdrawn: list[tuple[str, Labels]] = []
        self.refuses = False

    def react(self, firing: Firing) -> None:
        if self.refuses:
            raise StoreError("the disk is full")
        self.firings.append(firing)

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        self.withdrawn.append((threshold, series))


def test_reactor_hears_of_firing_with_its_runs_and_of_clearing_with_its_start(store: Store) -> None:
    heard = Heard()
    house = House(store, heard)
    house.trip()
    run = store.runs.latest("task")
    assert run is not None
    told = [(firing.event, firing.at, firing.fired_at, firing.runs) for firing in heard.firings]
    assert told == [(Event.FIRED, 1030.0, 1030.0, (run.id,)), (Event.CLEARED, 1040.0, 1030.0, ())]


def test_reactor_that_cannot_write_leaves_neither_state_nor_run(store: Store) -> None:
    heard = Heard()
    house = House(store, heard)
    house.tick(95.0)
    house.tick(95.0)
    heard.refuses = True
    with pytest.raises(StoreError):
        house.tick(95.0)
    assert store.runs.recent(10) == []
    heard.refuses = False
    house.restart()
    assert house.tick(95.0) == [Event.FIRED]
    assert len(heard.firings) == 1


def test_threshold_removed_while_it_fires_is_withdrawn(store: Store) -> None:
    heard = Heard()
    house = House(store, heard)
    for used in (95.0, 95.0, 95.0):
        house.tick(used)
    house.thresholds.put_in_force(replace(policies(), thresholds={}), house.now)
    assert heard.withdrawn == [("filling", ROOT)]


SECOND = Condition(signal="home.latency_seconds", bound=Bound(above=1.0), clear=Bound(above=1.0), for_=20.0)
SLOW = replace(FILLING, name="slow", condition=SECOND)
HOME = Probe("home", "http", {}, 60.0, 5.0, 0.0, Position("p.yaml", 1, 1))


def test_take_judges_only_the_thresholds_of_its_probe(store: Store) -> None:
    house = House(store)
    both = replace(policies(), thresholds={"filling": FILLING, "slow": SLOW}, probes={"home": HOME})
    house.thresholds.put_in_force(both, house.now)
    for _ in range(5):
        house.tick(50.0)
    assert "slow" not in house.thresholds.states
    latency = Sampling((Sample("home.latency_seconds", (), 2.0),), {})
    events = [[r.event for r in house.thresholds.take("home", latency, 1000.0 + 60 * turn, 60.0)] for turn in range(2)]
    assert events == [[], [Event.FIRED]]
    assert house.thresholds.states["filling"][ROOT].evaluated_at == house.now


def test_take_of_a_probe_that_failed_fires_nothing(store: Store) -> None:
    house = House(store)
    house.thresholds.put_in_force(replace(policies(SLOW), probes={"home": HOME}), house.now)
    failed = Sampling((), {"home": "connection refused"})
    assert [house.thresholds.take("home", failed, house.now + turn, 1.0) for turn in range(30)] == [[]] * 30
    assert house.thresholds.states["slow"][()].verdict is Verdict.ERROR
