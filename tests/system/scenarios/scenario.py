"""A small piece of an agent's life, and the end it must come to.

The end is the same whether or not somebody was killed on the way. `play` is written as if nobody ever died; what waits
in it waits until what it waits for has come about, however often the agent is started again meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agent.errors import PolicyError
from agent.model.policies import PolicySet
from agent.model.runs import RunState
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from tests.system.world import World

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
SUCCEEDED = frozenset({RunState.SUCCEEDED})
SKIPPED = frozenset({RunState.SKIPPED})
End = frozenset[RunState]
Ends = Mapping[str, End | tuple[End, ...]]


def start(world: World) -> None:
    """The agent starts; what has fallen due while it was down is caught up with at once."""
    world.start()


def nothing(_world: World) -> None:
    """Nothing more to prepare or to prove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One piece of life.

    `ends` gives, for each task, the states in which each of its runs may end, oldest first, or in which any number of
    runs may end. `points` are the `role/point#n` it is meant to reach, and `values` what the policy is written with.
    `first` is armed beside every other fail point: the kill whose recovery this is about. `again` is how often a step
    may be done again although no fail point killed its run. `supervised` tells an agent from a command that waits for
    its run. `cold` starts the first agent with nothing compiled. `holds` are in force at the end. `alone`: nobody but
    the process that reaches a point dies, as others show what becomes of supervisors, whatever their runs do.
    """

    name: str
    policy: str
    values: Mapping[str, str] = field(default_factory=dict)
    ends: Ends
    points: tuple[str, ...]
    first: str = ""
    again: int = 0
    supervised: bool = True
    cold: bool = False
    alone: bool = False
    holds: frozenset[str] = frozenset()
    prepare: Callable[[World], None] = nothing
    play: Callable[[World], None] = start
    prove: Callable[[World], None] = nothing


def written(world: World) -> PolicySet:
    """Return the policies that the files of a world hold, which is what a cold start would put in force."""

    def looked() -> PolicySet | None:
        try:
            return load(str(world.agent.policies), SIGNALS, names())
        except PolicyError:
            # A process that another trial starts this moment has our descriptors until it runs its program.
            return None

    return world.wait(looked, "for nobody to hold the policy open")


def in_force(world: World) -> None:
    """Return once the policies are in force as they are written."""
    digest = written(world).digest
    world.wait(lambda: world.agent.digest() == digest, "for the edit to be in force")


def due_since_long(world: World) -> None:
    """Leave marks behind as if the agent had been down for years, so that every scheduled task has one run due."""
    with world.store() as store:
        for task in written(world).tasks.values():
            if task.schedule is not None:
                store.marks.set(task.name, f"{task.schedule.text} {task.schedule.timezone}", LONG_AGO)


def both(*writes: str) -> tuple[str, ...]:
    """Given `role/write#n`, return the points before and after each."""
    found = []
    for write in writes:
        name, mark, nth = write.partition("#")
        found += [f"{name}:{side}{mark}{nth}" for side in ("before", "after")]
    return tuple(found)
