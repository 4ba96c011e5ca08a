"""What is due: missed, every second while the policies change, and when thresholds fire and their breakers trip."""

from __future__ import annotations

import time

from msgspec.structs import replace

from agent.engine.submit import pending_run
from agent.model.runs import Origin, RunState
from agent.rules.remedies import Remedy
from tests.system.scenarios.scenario import SKIPPED, SUCCEEDED, Scenario, both, due_since_long, in_force, written
from tests.system.world import World

MISSED = Scenario(
    name="missed",
    policy="""version: 1
tasks:
  late:
    schedule: {cron: "@yearly", timezone: UTC, catch_up: false}
    action: command.run
    with: {command: [$effect, do]}
""",
    ends={"late": (frozenset({RunState.MISSED}),)},
    points=both("daemon/fragments.update", "daemon/run.create", "daemon/run.missed", "daemon/commit#2"),
    cold=True,
    prepare=due_since_long,
)

TICKING = """version: 1
tasks:
  often:
    enabled: $enabled
    schedule: every 1 seconds
    overlap: queue
    action: command.run
    with: {command: [$effect, do], repeatable: true}
"""
TICKS = 3


def tick_for_a_while(world: World) -> None:
    world.start()
    world.wait(lambda: len([run for run in world.agent.runs() if run.ended]) >= TICKS, "for some runs")
    world.policy(TICKING, enabled="false")
    in_force(world)


def each_second_had_one_run(world: World) -> None:
    dues = [run.due for run in world.agent.runs()]
    assert dues == [dues[0] + second for second in range(len(dues))]


EVERY_SECOND = Scenario(
    name="every-second",
    policy=TICKING,
    values={"enabled": "true"},
    ends={"often": SUCCEEDED | SKIPPED},
    points=(
        *both("daemon/run.create#2", "daemon/run.running#2", "daemon/fragments.update", "daemon/commit#6"),
        *both("run/run.succeeded#2"),
    ),
    play=tick_for_a_while,
    prove=each_second_had_one_run,
)


def fired_before(world: World) -> None:
    """Leave a run behind that the third threshold made an hour ago, so that its breaker is used up."""
    hour_ago = time.time() - 3600
    run = pending_run(written(world).tasks["other"], policy="", origin=Origin.THRESHOLD, due=hour_ago, now=hour_ago)
    with world.store() as store:
        number = store.runs.create(replace(run, cause="third"))
        assert number is not None
        store.runs.advance(number, RunState.PENDING, RunState.SKIPPED, ended=hour_ago)
        store.remedies.set("third/other", Remedy(made=(hour_ago,)))


FIRED_RUNS = 3


def release_what_is_held(world: World) -> None:
    world.start()
    world.wait(lambda: len([run for run in world.agent.runs() if run.ended]) == FIRED_RUNS, "for the breakers to trip")
    while "fix" in world.held():
        world.command("release-hold", "fix")


THRESHOLDS = Scenario(
    name="thresholds",
    policy="""version: 1
tasks:
  fix:
    at_most: {times: 1, per: 1d}
    overlap: queue
    action: command.run
    with: {command: [$effect, do], repeatable: true}
  other:
    action: command.run
    with: {command: [$effect, do]}
thresholds:
  first: {signal: uptime.seconds, above: 0, run: [fix]}
  second: {signal: uptime.seconds, above: 1, run: [fix]}
  third: {signal: uptime.seconds, above: 2, run: [other], at_most: {times: 1, per: 1d}}
""",
    ends={"fix": (SUCCEEDED, SKIPPED), "other": (SKIPPED,)},
    points=(
        *both("daemon/condition.save", "daemon/run.create", "daemon/hold.place", "daemon/hold.place#2"),
        *both("daemon/remedy.save", "daemon/run.skipped", "command/hold.release"),
    ),
    holds=frozenset({"third/other"}),
    prepare=fired_before,
    play=release_what_is_held,
)


def until_it_is_held(world: World) -> None:
    world.start()
    world.wait(lambda: bool(world.held()), "for the remedy that does not help to be held")


def child_is_muted_and_says_so(world: World) -> None:
    assert "muted: parent_firing stubborn" in world.agent.command("status").stdout


HELPLESS = Scenario(
    name="helpless",
    policy="""version: 1
tasks:
  vain:
    action: command.run
    with: {command: [$effect, do], repeatable: true}
  idle:
    action: command.run
    with: {command: [$effect, do], repeatable: true}
thresholds:
  stubborn: {signal: uptime.seconds, above: 0, run: [vain], helps_within: 1s, gives_up_after: 1}
  explained: {signal: uptime.seconds, above: 0, run: [idle], parents: [stubborn]}
""",
    ends={"vain": (SUCCEEDED,), "idle": ()},
    points=(*both("daemon/remedy.save#2"), "daemon/hold.place:before"),
    holds=frozenset({"stubborn/vain"}),
    play=until_it_is_held,
    prove=child_is_muted_and_says_so,
)

SCENARIOS = (MISSED, EVERY_SECOND, THRESHOLDS, HELPLESS)
