"""What is run, held and told when thresholds fire."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.engine.firing import Firing
from agent.engine.submit import submit
from agent.model.conditions import Bound, Condition
from agent.model.policies import Breaker, PolicySet, Task, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState
from agent.model.signals import Labels, Sample, Sampling, labels
from agent.rules.conditions import Event
from agent.store import Store
from tests.daemon.test_thresholds import FILLING
from tests.fakes import task

ROOT, HOME = labels({"mountpoint": "/"}), labels({"mountpoint": "/home"})
ANY = Condition(signal="disk.used_percent", bound=Bound(above=90.0), clear=Bound(above=90.0))
FULL = replace(FILLING, name="full", condition=ANY)
WATCHED = replace(FULL, at_most=None, helps_within=60.0, gives_up_after=2)
READ_ONLY = replace(
    FILLING,
    name="read-only",
    run=(),
    condition=Condition(signal="disk.read_only", bound=Bound(equals=1.0), clear=Bound(equals=1.0), for_=15.0),
)
CHILD = replace(FULL, parents=("read-only",))
MENDER = replace(task(), name="mender", mutes=("full",), mutes_for=30.0)


class House:
    """Thresholds over two file systems, and what reactors have heard of them."""

    def __init__(self, store: Store, *thresholds: Threshold, tasks: tuple[Task, ...] = (task(),)) -> None:
        self.store, self.now, self.heard = store, 1000.0, list[Firing]()
        by_name = {threshold.name: threshold for threshold in thresholds}
        self.policies = PolicySet("digest", 1, {}, {task.name: task for task in tasks}, by_name)
        self.samples: tuple[Sample, ...] = ()
        self.begin()

    def begin(self) -> None:
        self.thresholds = Thresholds(self.store, lambda: self, 10.0, (self,))
        self.thresholds.put_in_force(self.policies, self.now)

    def want(self, wanted: object) -> None:
        pass

    def sample(self) -> Sampling:
        return Sampling(self.samples, {})

    def react(self, firing: Firing) -> None:
        self.heard.append(firing)

    def withdraw(self, threshold: str, series: Labels, at: float) -> None:
        raise AssertionError(threshold)

    def tick(self, root: float, home: float = 50.0, *, read_only: float = 0.0, seconds: float = 10.0) -> None:
        self.now += seconds
        self.samples = (
            Sample("disk.used_percent", ROOT, root),
            Sample("disk.used_percent", HOME, home),
            Sample("disk.read_only", ROOT, read_only),
        )
        self.thresholds.tick(self.now)

    def told(self) -> list[tuple[str, Event, str]]:
        return [(firing.threshold.name, firing.event, firing.muted) for firing in self.heard]

    def made(self) -> list[Run]:
        return self.store.runs.recent(100, "task")[::-1]

    def work(self, name: str = "mender") -> Run:
        run = submit(
            self.store, self.policies.tasks[name], policy="p", origin=Origin.MANUAL, due=self.now, now=self.now
        )
        assert run is not None
        self.store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=self.now)
        return run

    def end(self, run: Run, state: RunState = RunState.SUCCEEDED) -> None:
        if self.store.runs.get(run.id).state is RunState.PENDING:
            self.store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=self.now)
        self.store.runs.advance(run.id, RunState.RUNNING, state, ended=self.now)


def test_breaker_of_one_series_leaves_the_remedy_to_others(store: Store) -> None:
    house = House(store, FULL)
    for _ in range(3):
        house.tick(95.0)
        house.tick(50.0)
    assert len(house.made()) == 2
    assert store.holds.held().keys() == {'full/task{mountpoint="/"}'}
    house.tick(95.0, 95.0)
    assert len(house.made()) == 3


def test_breaker_of_one_remedy_leaves_the_threshold_to_others(store: Store) -> None:
    other = replace(task(), name="other")
    house = House(store, replace(FULL, run=("task",)), tasks=(task(), other))
    for _ in range(3):
        house.tick(95.0)
        house.tick(50.0)
    house.policies = replace(house.policies, thresholds={"full": replace(FULL, run=("task", "other"))})
    house.begin()
    house.tick(95.0)
    assert (len(house.made()), len(store.runs.recent(9, "other"))) == (2, 1)


def test_remedy_that_does_not_help_is_tried_again_and_then_held(store: Store) -> None:
    house = House(store, WATCHED)
    house.tick(95.0)
    house.end(house.made()[0])
    house.tick(95.0, seconds=59.0)
    assert len(house.made()) == 1
    house.tick(95.0, seconds=1.0)
    assert len(house.made()) == 2
    house.begin()
    house.end(house.made()[1], RunState.FAILED)
    house.tick(95.0, seconds=60.0)
    (hold,) = store.holds.held().values()
    assert (hold.name, hold.reason, hold.detail) == (
        *('full/task{mountpoint="/"}', Reason.DOES_NOT_HELP, "task did not help 2 times"),
    )
    house.tick(95.0, seconds=600.0)
    assert len(house.made()) == 2
    assert house.told() == [("full", Event.FIRED, "")]


def test_released_remedy_has_all_of_its_chances_again(store: Store) -> None:
    house = House(store, WATCHED)
    house.tick(95.0)
    for _ in range(2):
        house.end(house.made()[-1])
        house.tick(95.0, seconds=60.0)
    assert store.holds.release('full/task{mountpoint="/"}', house.now)
    house.tick(50.0)
    house.tick(95.0)
    house.end(house.made()[-1])
    house.tick(95.0, seconds=60.0)
    assert len(house.made()) == 4
    assert store.holds.held() == {}


@pytest.mark.parametrize("threshold", [WATCHED, replace(FULL, at_most=Breaker(2, 86_400.0))])
def test_remedy_released_while_its_threshold_fires_acts_at_once_and_once(store: Store, threshold: Threshold) -> None:
    house = House(store, threshold)
    for _ in range(3):
        house.tick(95.0)
        if threshold.helps_within is None:
            house.tick(50.0)
        else:
            house.end(house.made()[-1])
            house.tick(95.0, seconds=60.0)
    house.tick(95.0)
    assert len(house.made()) == 2
    house.tick(95.0)
    assert store.holds.release('full/task{mountpoint="/"}', house.now)
    house.begin()
    house.tick(95.0)
    house.begin()
    house.tick(95.0)
    assert len(house.made()) == 3


@pytest.mark.parametrize("threshold", [WATCHED, replace(FULL, at_most=Breaker(2, 86_400.0))])
def test_remedy_released_before_the_clock_was_put_back_is_not_run_without_end(
    store: Store, threshold: Threshold
) -> None:
    house = House(store, threshold)
    for _ in range(4):
        house.tick(95.0)
        house.end(house.made()[-1])
        house.tick(95.0 if threshold.helps_within else 50.0, seconds=60.0)
    house.tick(95.0)
    assert store.holds.release('full/task{mountpoint="/"}', house.now)
    house.now -= 7200.0
    house.thresholds.stepped(-7200.0)
    for _ in range(12):
        house.tick(95.0)
        house.end(house.made()[-1])
        house.tick(95.0 if threshold.helps_within else 50.0, seconds=60.0)
    assert len(house.made()) == 2


def test_remedy_that_helps_in_time_is_never_held(store: Store) -> None:
    house = House(store, WATCHED)
    for _ in range(5):
        house.tick(95.0)
        house.end(house.made()[-1])
        house.tick(95.0, seconds=30.0)
        house.tick(50.0, seconds=10.0)
    assert len(house.made()) == 5
    assert store.holds.held() == {}


def test_remedy_that_waits_or_was_skipped_is_not_blamed(store: Store) -> None:
    house = House(store, WATCHED)
    house.tick(95.0)
    house.tick(95.0, seconds=6000.0)
    (run,) = house.made()
    store.runs.advance(run.id, RunState.PENDING, RunState.SKIPPED, ended=house.now, why=Reason.OVERLAP)
    house.tick(95.0, seconds=6000.0)
    assert len(house.made()) == 1
    assert store.holds.held() == {}


def test_remedy_of_a_series_that_is_gone_is_forgotten_once_it_counts_no_more(store: Store) -> None:
    house = House(store, replace(FULL, at_most=Breaker(2, 86_400.0)))
    house.tick(95.0)
    house.samples = ()

    def remembered() -> int:
        return len(store.connection.rows("SELECT name FROM remedies"))

    for seconds in (10.0, 80_000.0, 10_000.0):
        house.now += seconds
        assert remembered() == 1
        house.thresholds.tick(house.now)
    assert house.told()[-1] == ("full", Event.CLEARED, "")
    assert remembered() == 0
