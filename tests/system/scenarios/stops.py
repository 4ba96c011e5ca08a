"""Runs that are stopped and gone on with, or ended for good."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.model.runs import RunState
from tests.system.scenarios.scenario import SUCCEEDED, Scenario, both, due_since_long, in_force
from tests.system.world import World


def stop_and_go_on(world: World) -> None:
    world.start()
    world.wait(lambda: bool(world.effects()), "for the command to be at work")
    world.stop()
    world.gate.touch()
    if world.agent.process is None:
        world.start()


INTERRUPTED = Scenario(
    name="interrupted",
    policy="""version: 1
tasks:
  patient:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do, --until, $gate], repeatable: true}
""",
    ends={"patient": (SUCCEEDED,)},
    points=both("daemon/run.amend", "run/run.interrupted", "daemon/run.running#2", "run/step.done"),
    again=1,
    prepare=due_since_long,
    play=stop_and_go_on,
)

WINDOW = """version: 1
windows:
  short: {opens: "$opens", lasts: $lasts, timezone: UTC}
tasks:
  patient:
    schedule: {cron: "@yearly", timezone: UTC}
    window: short
    action: command.run
    with: {command: [$effect, do, --until, $gate], repeatable: true}
"""
CLOSES_IN_SECONDS = 2


def let_the_window_end(world: World) -> None:
    """Once the command is at work, edit its window to end in a moment, and reopen it when the run was interrupted."""
    world.start()
    world.wait(lambda: bool(world.effects()), "for the command to be at work")
    opened = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    opens = f"{opened.minute} {opened.hour} * * *"
    lasts = int(time.time() - opened.timestamp()) + CLOSES_IN_SECONDS
    world.policy(WINDOW, opens=opens, lasts=f"{lasts}s")
    world.wait(lambda: any(row.became == RunState.INTERRUPTED for row in world.audit()), "for the window to end")
    world.gate.touch()
    world.policy(WINDOW, opens=opens, lasts="1h")
    in_force(world)


WINDOW_ENDS = Scenario(
    name="window-ends",
    policy=WINDOW,
    values={"opens": "* * * * *", "lasts": "1h"},
    ends={"patient": (SUCCEEDED,)},
    points=both("daemon/run.amend", "daemon/fragments.update", "daemon/fragments.update#2", "daemon/run.running#2"),
    again=1,
    prepare=due_since_long,
    play=let_the_window_end,
)

OVERDUE = Scenario(
    name="overdue",
    policy="""version: 1
tasks:
  slow:
    schedule: {cron: "@yearly", timezone: UTC}
    max_duration: 1s
    action: command.run
    with: {command: [$effect, do, --until, $gate], repeatable: true}
""",
    ends={"slow": (frozenset({RunState.FAILED}),)},
    points=both("daemon/run.amend", "run/run.failed"),
    prepare=due_since_long,
)

OVERDUE_AND_LOST = replace(
    OVERDUE,
    name="overdue-and-lost",
    points=both("daemon/run.failed", "daemon/run.amend#2", "run/run.amend"),
    first="run/run.failed:before",
)

SCENARIOS = (INTERRUPTED, WINDOW_ENDS, OVERDUE, OVERDUE_AND_LOST)
