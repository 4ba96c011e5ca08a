"""A wall clock that is set, for a while or for good."""

from __future__ import annotations

import random

from agent.host.timekeeping import synchronised
from agent.model.reasons import Reason
from agent.model.runs import RunState
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

DAY = 86400.0
SUSPECT = 3600.0
JUDGED_WITHIN = 100.0
"""A clock that was ahead for a moment has made the runs of a minute to come, and until then none is made."""

AHEAD = (0.4, 1.0, 70.0, 3600.0, DAY, 40 * DAY)
BACK = (-1.0, -70.0, -3600.0, -DAY, -400 * DAY)


def step_and_back(world: SoakWorld, chance: random.Random) -> str:
    """The clock is wrong for a few seconds, with or without a daemon that sees it change."""
    step = chance.choice(chance.choice((AHEAD[-2:], AHEAD, BACK)))
    unseen = [world.may_end and chance.random() < 0.25 for _ in range(2)]
    former = world.clock.shift
    change(world, former + step, unseen=unseen[0])
    seconds = chance.uniform(2, 6)
    world.live_for(seconds)
    change(world, former, unseen=unseen[1])
    if abs(step) >= SUSPECT:
        thaw_retention(world)
    seen = {
        (False, False): "",
        (True, False): ", unseen",
        (False, True): ", back unseen",
        (True, True): ", both unseen",
    }
    return f"{step:+g} s for {seconds:.1f} s{seen[unseen[0], unseen[1]]}"


def change(world: SoakWorld, shift: float, *, unseen: bool) -> None:
    """Set the clock; `unseen`, while there is no daemon."""
    if unseen:
        world.kill_daemon()
    world.set_clock(shift)
    if unseen:
        world.start()


def drift(world: SoakWorld, chance: random.Random) -> str:
    """The clock is set a little, and stays so; it may come back to where it was by another such step."""
    step = chance.uniform(-3, 3)
    world.set_clock(world.clock.shift + step)
    return f"{step:+.1f} s"


def wander(world: SoakWorld, chance: random.Random) -> str:
    """The clock is set several times in a row."""
    former = world.clock.shift
    steps = [chance.choice(chance.choice((AHEAD, BACK))) for _ in range(3)]
    for step in steps:
        world.set_clock(former + step)
        world.live_for(chance.uniform(0, 1.5))
    world.set_clock(former)
    if max(map(abs, steps)) >= SUSPECT:
        thaw_retention(world)
    return ", ".join(f"{step:+g} s" for step in steps)


def thaw_retention(world: SoakWorld) -> None:
    """Do what an admin does once the clock is right: retention that finds it suspect goes on when it is told so."""
    if synchronised():
        return
    asked = world.clock.now()
    world.wait(lambda: _newest(world, asked), "for retention to judge the clock", JUDGED_WITHIN)
    if _newest(world, asked) != Reason.CLOCK_SUSPECT:
        return
    world.suspect_clock = "allow"
    world.write_policies()
    world.wait(lambda: _newest(world, asked) == RunState.SUCCEEDED, "for retention to trust the clock again")
    world.suspect_clock = "refuse"
    world.write_policies()


def _newest(world: SoakWorld, since: float) -> str | None:
    """Return how the newest run of retention since an instant ended: its reason or its state."""
    runs = [run for run in world.agent.runs() if run.task == "tidy" and run.started and run.ended]
    # A run of a clock that was ahead is not newer for it.
    runs = [run for run in runs[-1:] if since <= (run.started or 0.0) <= world.clock.now()]
    return next((run.why or run.state for run in runs), None)


FAULTS = (
    Fault("set the clock and back", step_and_back),
    Fault("set the clock a little", drift),
    Fault("set the clock again and again", wander),
)
