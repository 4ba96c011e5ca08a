"""Runs that thresholds ask for, and windows."""

from __future__ import annotations

from datetime import UTC

from msgspec.structs import replace

from agent.engine.agenda import Agenda
from agent.engine.submit import submit
from agent.model.policies import PolicySet
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.daemon.test_dispatcher import HOUR, NIGHT, House
from tests.daemon.test_thresholds import FILLING
from tests.fakes import task


def test_remedy_waits_for_the_window_only_where_its_threshold_says_so(store: Store) -> None:
    house = House(store, task("fix", window="night"))
    patient = replace(FILLING, name="patient", run=("fix",), wait_for_window=True)
    thresholds = {"patient": patient, "prompt": replace(FILLING, name="prompt", run=("fix",))}
    policies = PolicySet("d", 1, {"night": NIGHT}, dict(house.tasks), thresholds)
    house.dispatcher.put_in_force(policies, Agenda(store, policies, UTC))
    made = [
        submit(store, house.tasks["fix"], policy="d", origin=Origin.THRESHOLD, due=house.now, now=house.now, cause=name)
        for name in ("patient", "prompt")
    ]
    runs = [run for run in made if run is not None]
    house.dispatcher.add(runs[:1])
    house.dispatcher.dispatch()
    assert house.dispatcher.waits[runs[0].id].reason is Reason.WINDOW_CLOSED
    house.clock.sleep(14 * HOUR)
    house.dispatcher.dispatch()
    assert house.state(runs[0].id)[0] is RunState.RUNNING
    house.clock.sleep(HOUR)
    house.dispatcher.dispatch()
    assert store.runs.get(runs[0].id).stop == Reason.WINDOW_ENDED
    house.end(runs[0].id)
    house.dispatcher.add(runs[1:])
    house.dispatcher.dispatch()
    assert house.state(runs[1].id)[0] is RunState.RUNNING
