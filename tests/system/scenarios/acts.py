"""Runs whose steps delete, fail, are taken back, tried again, or cannot be taken back."""

from __future__ import annotations

import os

from agent.host.objects import lookup
from agent.model.reasons import Reason
from agent.model.runs import RunState
from tests.system.scenarios.scenario import LONG_AGO, SKIPPED, SUCCEEDED, Scenario, both, due_since_long
from tests.system.world import World

TIDIED = ("a", "b", "c")
OLD = ("one.old", "two.old", "below/three.old")


def plant_old_files(world: World) -> None:
    for directory in TIDIED:
        place = world.place / directory
        (place / "below").mkdir(parents=True)
        for name in (*OLD, "young.old", "other"):
            (place / name).write_text(name)
            if not name.startswith("young"):
                os.utime(place / name, (LONG_AGO, LONG_AGO))
        (place / "link.old").symlink_to(world.canary / "keep.old")
        (place / "way.old").symlink_to(world.canary)
    due_since_long(world)


def only_old_files_are_gone(world: World) -> None:
    """Nothing but old files that match was deleted, and it is known why, but for those deleted just before a kill."""
    unknown = set()
    for directory in TIDIED:
        place = world.place / directory
        left = {str(path.relative_to(place)) for path in place.rglob("*")}
        assert left == {"below", "young.old", "other", "link.old", "way.old"}, directory
        for name in OLD:
            found = lookup(str(world.agent.state), os.fsencode(place / name))
            assert [one.reason for one in found] in ([], [Reason.TOO_OLD])
            unknown |= set() if found else {(place / name).parent}
    assert len(unknown) <= world.runs_killed


RETAIN = Scenario(
    name="retain",
    policy="""version: 1
tasks:
  tidy:
    schedule: {cron: "@yearly", timezone: UTC}
    action: files.retain
    with: {paths: [$place/a, $place/b, $place/c], match: ["*.old"], max_age: 1d}
""",
    ends={"tidy": (SUCCEEDED,)},
    points=(
        *both("daemon/run.create", "daemon/run.running", "daemon/commit#2"),
        *both("run/run.claim", "run/step.doing#2", "run/step.done#2", "run/memory.remember", "run/run.succeeded"),
        *both("run/objects.record#4", "run/commit"),
    ),
    prepare=plant_old_files,
    prove=only_old_files_are_gone,
)

UNDO = Scenario(
    name="undo",
    policy="""version: 1
tasks:
  shaky:
    schedule: {cron: "@yearly", timezone: UTC}
    retry: {attempts: 2, delay: 0s}
    action: command.run
    with: {command: [$effect, do, --exit, "3"], undo: [$effect, undo]}
""",
    ends={"shaky": (frozenset({RunState.UNDONE}),) * 2},
    points=(
        *both("run/step.doing", "run/step.failed", "run/run.failed", "run/step.undoing", "run/step.undone"),
        *both("run/run.undone", "daemon/run.create#2", "daemon/run.running#2"),
    ),
    prepare=due_since_long,
)

STUCK = Scenario(
    name="stuck",
    policy="""version: 1
tasks:
  wedged:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do, --exit, "3"], undo: [$effect, undo, --exit, "4"]}
  after:
    schedule: {cron: "@yearly", timezone: UTC}
    needs: [wedged]
    action: command.run
    with: {command: [$effect, do]}
""",
    ends={"wedged": (frozenset({RunState.STUCK}),), "after": (SKIPPED,)},
    points=both("run/step.undoing", "run/run.stuck", "daemon/run.skipped"),
    prepare=due_since_long,
)

SAYS_SKIP = Scenario(
    name="says-skip",
    policy="""version: 1
tasks:
  idle:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do, --exit, "9"], skip_codes: [9], repeatable: true}
""",
    ends={"idle": (SKIPPED,)},
    points=both("run/step.done", "run/run.skipped"),
    prepare=due_since_long,
)

SCENARIOS = (RETAIN, UNDO, STUCK, SAYS_SKIP)
