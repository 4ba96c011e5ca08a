"""Samples that grow coarser are in one row at any time, whoever dies meanwhile: none is lost, none is there twice."""

from __future__ import annotations

import time
from array import array

from agent.model.signals import Points
from agent.store import Store
from agent.store.blocks import Block
from agent.store.samples import FINE, ROWS
from tests.system.scenarios.scenario import Scenario, both
from tests.system.world import World

KEY = ("load.1m", ())
EVERY = 10.0


def begun(now: float) -> float:
    """Return when a stretch began that is old enough to be one row."""
    return (now // ROWS[FINE] - 5) * ROWS[FINE]


def measured_for_two_hours(world: World) -> None:
    start = begun(time.time())
    with world.store() as store:
        number = store.samples.add(KEY, start)
        for part in range(int(ROWS[FINE] // FINE)):
            times = array("d", [start + part * FINE + EVERY * place for place in range(int(FINE / EVERY))])
            store.samples.write([Block(times, {number: array("d", range(len(times)))})])


def measure_and_stop(world: World) -> None:
    world.start()
    while not is_coarser(world):
        if world.agent.process is None:
            world.start()
        world.wait(lambda: (world.agent.metric("hostkeeper_samplings_total") or 0) >= 1, "for the agent to measure")
        world.stop()
    if world.agent.process is None:
        world.start()


def kept(world: World) -> Points:
    with Store(str(world.agent.state), read_only=True) as store:
        return store.samples.read(KEY, 0.0, begun(time.time()) + 3 * ROWS[FINE])


def is_coarser(world: World) -> bool:
    return FINE in kept(world).steps


def every_sample_is_there_once(world: World) -> None:
    points = kept(world)
    assert sum(points.counts) == ROWS[FINE] / EVERY
    assert list(points.times) == sorted(set(points.times))
    assert (min(points.low), max(points.high), points.damaged) == (0, FINE / EVERY - 1, 0)


SAMPLES = Scenario(
    name="samples",
    policy="version: 1\ndescription: nothing but measuring\n",
    ends={},
    points=both("daemon/samples.write", "daemon/samples.fold"),
    alone=True,
    prepare=measured_for_two_hours,
    play=measure_and_stop,
    prove=every_sample_is_there_once,
)

SCENARIOS = (SAMPLES,)
