"""Thresholds that others explain, or the agent's own maintenance."""

from __future__ import annotations

from msgspec.structs import replace

from agent.model.conditions import Bound, Condition
from agent.model.policies import Probe
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.model.signals import Sample, Sampling
from agent.rules.conditions import Event
from agent.store import Store
from tests.daemon.test_reacting import CHILD, FULL, HOME, MENDER, READ_ONLY, ROOT, WATCHED, House
from tests.daemon.test_thresholds import FILLING
from tests.fakes import task


def test_child_is_muted_from_the_first_violation_of_its_parent(store: Store) -> None:
    house = House(store, CHILD, READ_ONLY)
    house.tick(95.0, 95.0, read_only=1.0)
    muted = {firing.series: firing.muted for firing in house.heard}
    assert muted == {ROOT: Reason.PARENT_FIRING, HOME: ""}
    assert len(house.made()) == 1
    assert house.thresholds.states["full"][ROOT].muted_by == "read-only"
    house.tick(50.0, 95.0, read_only=1.0)
    house.tick(50.0, 95.0, read_only=1.0)
    assert house.told()[2:] == [("full", Event.CLEARED, Reason.PARENT_FIRING), ("read-only", Event.FIRED, "")]


def test_child_that_outlasts_its_parent_is_reacted_to_once(store: Store) -> None:
    house = House(store, CHILD, READ_ONLY)
    house.tick(95.0, read_only=1.0)
    house.begin()
    house.tick(95.0, read_only=0.0)
    house.begin()
    house.tick(95.0)
    house.tick(50.0)
    assert house.told() == [
        ("full", Event.FIRED, Reason.PARENT_FIRING),
        ("full", Event.FIRED, ""),
        ("full", Event.CLEARED, ""),
    ]
    assert [firing.fired_at for firing in house.heard] == [1010.0] * 3
    assert len(house.made()) == 1


def test_parent_that_cannot_be_judged_mutes_nobody(store: Store) -> None:
    house = House(store, CHILD, replace(READ_ONLY, condition=replace(READ_ONLY.condition, signal="disk.no_such")))
    house.tick(95.0)
    assert house.told() == [("full", Event.FIRED, "")]


def test_own_maintenance_mutes_until_a_while_after_it(store: Store) -> None:
    house = House(store, FULL, tasks=(task(), MENDER))
    run = house.work()
    house.tick(95.0)
    assert house.told() == [("full", Event.FIRED, Reason.OWN_MAINTENANCE)]
    assert house.made() == []
    house.end(run)
    house.begin()
    house.tick(95.0, seconds=30.0)
    assert house.made() == []
    house.tick(95.0, seconds=1.0)
    house.tick(95.0)
    assert house.told()[1:] == [("full", Event.FIRED, "")]
    assert len(house.made()) == 1


def test_what_fired_before_the_maintenance_stays_told(store: Store) -> None:
    house = House(store, FULL, tasks=(task(), MENDER))
    house.tick(95.0)
    house.work()
    house.tick(95.0)
    house.tick(50.0)
    assert house.told() == [("full", Event.FIRED, ""), ("full", Event.CLEARED, "")]


def test_interrupted_maintenance_mutes_nobody(store: Store) -> None:
    house = House(store, FULL, tasks=(task(), MENDER))
    run = house.work()
    store.runs.advance(run.id, RunState.RUNNING, RunState.INTERRUPTED)
    house.tick(95.0)
    assert house.told() == [("full", Event.FIRED, "")]


def test_help_is_not_looked_for_during_maintenance(store: Store) -> None:
    house = House(store, WATCHED, tasks=(task(), MENDER))
    house.tick(95.0)
    house.end(house.made()[0])
    run = house.work()
    house.tick(95.0, seconds=100.0)
    assert len(house.made()) == 1
    house.end(run)
    house.tick(95.0, seconds=31.0)
    assert len(house.made()) == 2


def test_child_of_a_probe_is_muted_by_a_parent_of_the_host(store: Store) -> None:
    slow = replace(
        CHILD,
        name="slow",
        condition=Condition(signal="home.latency_seconds", bound=Bound(above=1.0), clear=Bound(above=1.0)),
    )
    house = House(store, slow, READ_ONLY)
    probe = Probe("home", "http", {}, 60.0, 5.0, 0.0, FILLING.position)
    house.policies = replace(house.policies, probes={"home": probe})
    house.begin()
    house.tick(50.0, read_only=1.0)
    latency = Sampling((Sample("home.latency_seconds", (), 2.0),), {})
    (reaction,) = house.thresholds.take("home", latency, house.now, 60.0)
    assert (reaction.event, reaction.muted) == (Event.FIRED, Reason.PARENT_FIRING)
    house.tick(50.0)
    (reaction,) = house.thresholds.take("home", latency, house.now + 60, 60.0)
    assert (reaction.late, reaction.muted) == (True, "")
    assert len(reaction.runs) == 1
