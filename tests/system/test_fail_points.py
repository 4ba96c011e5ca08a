"""Kill at every registered fail point, start everything again, and ask the common oracle.

A trial is one scenario with one kill: at a point, of the process that reaches it or of the one beside it. Some trials
kill the recovery as well. Trials run in the background, several at a time, because most of a trial is waiting.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.failpoints import POINTS
from tests.system import oracle
from tests.system.compiled import leave_compiled
from tests.system.evidence import digest_of
from tests.system.scenarios import SCENARIOS
from tests.system.scenarios.scenario import Scenario
from tests.system.world import Victim, World, world_in

AT_ONCE = 4
PAIRS = 16
SEED = int(os.environ.get("HOSTKEEPER_TEST_SEED", "1"))


@dataclass(frozen=True, slots=True)
class Trial:
    """One scenario with a kill at a point, "" for none; `again` is how far into the recovery it is killed as well."""

    scenario: str
    point: str = ""
    victim: Victim = Victim.SELF
    again: float | None = None

    def __str__(self) -> str:
        second = "" if self.again is None else f"-and-{self.again:.2f}"
        return f"{self.scenario}-{self.point or 'nobody'}-{self.victim}{second}"


def victims_at(scenario: Scenario, point: str) -> Iterator[Victim]:
    """Yield who may die at a point: a run's process, its supervisor, or both.

    After a write the store says what it says before the next one, so the other victims have their turn at one of them.
    """
    yield Victim.SELF
    if scenario.alone:
        return
    if point.startswith("daemon/run.amend:after") and not scenario.first:
        # A process is at work then, with a command.
        yield Victim.BOTH
    if not point.startswith("run/") or scenario.first:
        return
    if ":before" in point:
        if not point.startswith("run/commit"):
            # A run that halts inside a transaction keeps the store from everybody, which no kill can do.
            yield Victim.SUPERVISOR
    else:
        yield Victim.BOTH
        if scenario.supervised:
            yield Victim.SUPERVISOR_WHILE_RUN_HALTS


def single_kills() -> list[Trial]:
    return [
        Trial(name, point, victim)
        for name, scenario in SCENARIOS.items()
        for point in scenario.points
        for victim in victims_at(scenario, point)
    ]


def double_kills() -> list[Trial]:
    """A sample of single kills after which the agent is started again, each with a place in its recovery."""
    chance = random.Random(SEED)
    restarted = [t for t in single_kills() if t.point.startswith("daemon/") or t.victim is not Victim.SELF]
    return [replace(trial, again=round(chance.random(), 2)) for trial in chance.sample(restarted, PAIRS)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial reached: in all, and after the agent was started again."""

    reached: tuple[str, ...]
    recovery: tuple[str, ...]


def tried(trial: Trial, again: str = "") -> Outcome:
    """Play a trial to its end and ask the oracle; AssertionError when something does not hold.

    `again` is the fail point of the life after the kill.
    """
    scenario = SCENARIOS[trial.scenario]
    armed = [point for point in (scenario.first, trial.point) if point]
    # Not below pytest's own directories: a socket's path must be short, and every directory above root's alone.
    with (
        tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place,
        world_in(Path(place), armed, trial.victim, again) as world,
    ):
        try:
            return _played(world, trial, armed)
        except AssertionError as error:
            drawn = f" {again} (HOSTKEEPER_TEST_SEED={SEED})" if again else ""
            raise AssertionError(f"{trial}{drawn}: {error}{world.story()}") from error


def tried_twice(trial: Trial, single: Future[Outcome]) -> Outcome:
    """Play a trial whose recovery is killed too, as far into it as the trial says; `single` is it without that."""
    recovery = single.result().recovery
    assert trial.again is not None
    return tried(replace(trial, again=None), f"*#{1 + int(trial.again * len(recovery))}")


def _played(world: World, trial: Trial, armed: Sequence[str]) -> Outcome:
    scenario = SCENARIOS[trial.scenario]
    canary = digest_of(world.canary)
    world.policy(scenario.policy, **scenario.values)
    if not scenario.cold:
        leave_compiled(world.agent)
    scenario.prepare(world)
    scenario.play(world)
    world.wait(lambda: oracle.ended(world.agent.runs(), scenario.ends), "for every run to end")
    outcome = Outcome(tuple(world.reached()), tuple(world.reached(1)))
    for name in armed:
        point, _, nth = name.partition("#")
        assert outcome.reached.count(point) >= int(nth or 1), f"{name} was not reached"
    oracle.metrics_agree(world, scenario.ends)
    _stop(world)
    oracle.store_is_sound(world)
    oracle.histories_are_legal(world)
    oracle.nothing_acknowledged_is_lost(world)
    oracle.acts_happened_as_journalled(world, scenario.again + world.runs_killed)
    oracle.due_times_had_one_run_each(world)
    oracle.nothing_is_left_behind(world)
    assert world.held() == scenario.holds
    scenario.prove(world)
    if trial.victim is Victim.SELF:
        _play_on_with_nothing_to_do(world, scenario)
    assert digest_of(world.canary) == canary
    return outcome


def _stop(world: World) -> None:
    while world.agent.process is not None:
        # One that was killed as it stopped has a successor, which would be at work beside the next.
        world.stop()


def _play_on_with_nothing_to_do(world: World, scenario: Scenario) -> None:
    """Whatever was recovered stays as it is when the agent is started once more."""
    before = oracle.record_of(world)
    world.start()
    world.wait(lambda: (world.agent.metric("hostkeeper_samplings_total") or 0) >= 1, "for the agent to look around")
    oracle.metrics_agree(world, scenario.ends)
    _stop(world)
    assert oracle.record_of(world) == before
    oracle.nothing_is_left_behind(world)


Outcomes = Mapping[Trial, "Future[Outcome]"]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """The outcomes of all trials that this session asks for, as they come."""
    found = (getattr(item, "callspec", None) for item in request.session.items if item.path == request.path)
    trials = [spec.params["trial"] for spec in found if spec is not None and "trial" in spec.params]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[Trial, Future[Outcome]] = {}
        # Those that others wait for come first, so that no place in the pool is held in vain.
        for trial in sorted(trials, key=lambda trial: trial.again is not None):
            if trial.again is not None:
                single = replace(trial, again=None)
                if single not in futures:
                    futures[single] = pool.submit(tried, single)
                futures[trial] = pool.submit(tried_twice, trial, futures[single])
            else:
                futures[trial] = pool.submit(tried, trial)
        yield futures
        pool.shutdown(cancel_futures=True)


def parametrized(trials: Sequence[Trial]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("trial", trials, ids=str)


@pytest.mark.slow
@parametrized([Trial(name) for name in SCENARIOS])
def test_scenario_without_a_kill_reaches_its_points(trial: Trial, outcomes: Outcomes) -> None:
    reached = outcomes[trial].result().reached
    for armed in SCENARIOS[trial.scenario].points:
        point, _, nth = armed.partition("#")
        assert reached.count(point) >= int(nth or 1), armed


@pytest.mark.slow
@parametrized(single_kills())
def test_kill_at_a_point_leaves_nothing_half_done(trial: Trial, outcomes: Outcomes) -> None:
    outcomes[trial].result()


@pytest.mark.slow
@parametrized(double_kills())
def test_kill_of_the_recovery_leaves_nothing_half_done(trial: Trial, outcomes: Outcomes) -> None:
    outcomes[trial].result()


def test_every_fail_point_has_a_kill() -> None:
    killed = {
        trial.point.partition("/")[2].partition("#")[0] for trial in single_kills() if trial.victim is Victim.SELF
    }
    assert killed == POINTS
