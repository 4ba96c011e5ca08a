"""What a lost process leaves: a person is asked, it is taken back, it is gone on with, nothing survives."""

from __future__ import annotations

from dataclasses import replace

from agent.model.runs import RunState
from tests.system.scenarios.scenario import SUCCEEDED, Scenario, both, due_since_long
from tests.system.world import World

ASK = Scenario(
    name="ask",
    policy="""version: 1
tasks:
  once:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do]}
""",
    ends={"once": (frozenset({RunState.STUCK}),)},
    points=both("daemon/run.interrupted", "daemon/run.stuck", "daemon/commit#4"),
    first="run/step.done:before",
    prepare=due_since_long,
)

TAKEN_BACK = Scenario(
    name="taken-back",
    policy="""version: 1
tasks:
  shaky:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do], undo: [$effect, undo]}
""",
    ends={"shaky": (frozenset({RunState.UNDONE}),)},
    points=(
        *both("daemon/run.interrupted", "daemon/run.amend", "run/run.claim#2", "run/step.undoing", "run/step.undone"),
        *both("run/run.undone"),
    ),
    first="run/step.done:before",
    prepare=due_since_long,
)


def nobody_met_an_orphan(world: World) -> None:
    assert {effect.word for effect in world.effects()} == {"do"}


ORPHANS = Scenario(
    name="orphans",
    policy="""version: 1
tasks:
  lossy:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do, --orphans, $place/once, --kill, $victims], repeatable: true}
""",
    values={"victims": "run"},
    ends={"lossy": (SUCCEEDED,)},
    points=both("daemon/run.interrupted", "daemon/run.running#2", "run/run.claim#2"),
    again=1,
    prepare=due_since_long,
    prove=nobody_met_an_orphan,
)


ORPHANS_OF_BOTH = replace(ORPHANS, name="orphans-of-both", values={"victims": "both"}, points=())


def run_by_hand(world: World) -> None:
    while not world.agent.runs():
        world.command("run", "errand")
    world.start()


BY_HAND = Scenario(
    name="by-hand",
    policy="""version: 1
tasks:
  errand:
    action: command.run
    with: {command: [$effect, do], repeatable: true}
""",
    ends={"errand": (SUCCEEDED,)},
    points=(
        *both("command/run.create", "command/run.running", "command/commit"),
        *both("run/run.claim", "run/step.done", "run/run.succeeded"),
    ),
    supervised=False,
    play=run_by_hand,
)


def run_by_hand_beside_an_agent(world: World) -> None:
    world.start()
    while not world.agent.runs():
        world.command("run", "errand")


BESIDE_AN_AGENT = replace(
    BY_HAND, name="beside-an-agent", points=("command/commit:after",), play=run_by_hand_beside_an_agent
)

BY_HAND_AND_LOST = replace(
    BY_HAND,
    name="by-hand-and-lost",
    points=both("command/run.interrupted"),
    first="run/step.done:before",
)

SCENARIOS = (ASK, TAKEN_BACK, ORPHANS, ORPHANS_OF_BOTH, BY_HAND, BY_HAND_AND_LOST, BESIDE_AN_AGENT)
