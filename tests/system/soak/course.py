"""The course of a soak: faults in the order of its seed, checks after each, and one long life of the daemon."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from agent.model.runs import RunState
from tests.system.evidence import digest_of
from tests.system.soak import duties, invariants, vitals
from tests.system.soak.faults import FAULTS
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld

PAUSES = (0.3, 2.5)
"""Seconds of undisturbed work before each fault, at least and at most."""

THOROUGH_EVERY = 5
STRUCK_SHARE = 0.42
"""Of each era, this part is for faults that may end the daemon; in the rest it has one life."""

ERA_SECONDS = (600.0, 3600.0)
"""An era of a long soak is a sixth of it, and at least and at most so long."""

WORKED_FOR_SECONDS = 120.0
"""In an era of this length every scheduled task has work to do."""

CLOSING_SECONDS = 25.0
"""What the end of an era takes."""

Say = Callable[[str], None]


def deck(faults: Sequence[Fault], chance: random.Random) -> Iterator[tuple[Fault, random.Random]]:
    """Yield faults in random order, each as often as the others, each with a source of chance of its own."""
    while faults:
        for fault in chance.sample(faults, len(faults)):
            yield fault, random.Random(chance.random())


@dataclass
class Course:
    """Everything that a soak does. `say` takes a line of its log, `faults` is what may strike."""

    world: SoakWorld
    seed: int
    say: Say
    faults: Sequence[Fault] = tuple(FAULTS.values())
    struck: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    lives: list[list[vitals.Vitals]] = field(default_factory=list)
    _canary: str = ""
    _began: float = field(default_factory=time.monotonic)

    def run(self, seconds: float) -> None:
        """Strike for so many seconds. Raises AssertionError at the first thing that does not hold."""
        self._canary = digest_of(self.world.canary)
        chance = random.Random(self.seed)
        least, most = ERA_SECONDS
        era = min(max(seconds / 6, least), most)
        self._began = time.monotonic()
        end = self._began + seconds
        while (left := end - time.monotonic()) > CLOSING_SECONDS or not self.struck:
            self._era(chance, left if left < 2 * era else era)

    def _era(self, chance: random.Random, seconds: float) -> None:
        began = time.monotonic()
        end = began + max(seconds - CLOSING_SECONDS, seconds / 2)
        self.world.start()
        self.world.dues.begin(self.world.clock.now())
        # Until retention has seen the clock once, it has nothing to find it suspect by.
        self.world.wait(self._tidied, "for the first run of retention")
        self.world.may_end = True
        self._strike(deck(self.faults, chance), began + STRUCK_SHARE * (end - began))
        if self.world.agent.process is not None:
            self.world.stop()
        self.world.start()
        self.world.may_end = False
        self._strike(deck([fault for fault in self.faults if not fault.ends], chance), end)
        self.lives.append(self.world.looks)
        for what in vitals.growth(self.world.looks):
            raise AssertionError(what)
        self._rest(worked=seconds >= WORKED_FOR_SECONDS)

    def _tidied(self) -> bool:
        return any(run.state is RunState.SUCCEEDED for run in self.world.runs_of("tidy"))

    def _strike(self, faults: Iterator[tuple[Fault, random.Random]], end: float) -> None:
        world = self.world
        for fault, chance in faults:
            if time.monotonic() > end:
                break
            world.live_for(chance.uniform(*PAUSES))
            began = time.monotonic()
            self.say(f"{fault.name} ...")
            what = fault.strike(world, chance)
            struck = time.monotonic()
            if fault.ends and world.agent.process is None:
                world.start()
            self.struck[fault.name] += 1
            invariants.hold_now(world, self._canary, thorough=sum(self.struck.values()) % THOROUGH_EVERY == 0)
            world.look()
            after = time.monotonic() - struck
            self.say(f"{fault.name}{': ' if what else ''}{what} ({struck - began:.1f} s, well after {after:.1f} s)")

    def _rest(self, *, worked: bool) -> None:
        """Let everything come to its end, ask what must hold then, and forget it, so that a long soak stays quick."""
        world = self.world
        self.say("everything comes to its end ...")
        world.write_policies({"work.yaml": duties.resting()})
        world.wait(lambda: all(run.ended is not None for run in world.agent.runs()), "for every run to end")
        invariants.hold_at_rest(world, self._canary)
        world.stop()
        invariants.hold_at_the_end(world, self._canary)
        runs = world.agent.runs()
        self.ended.update(f"{run.state}" for run in runs)
        idle = set(duties.DUE_EVERY) - {run.task for run in runs if run.started is not None}
        assert not (worked and idle), f"nothing was done for {sorted(idle)}"
        world.forget()
        world.write_policies()
