"""Small pieces of an agent's life that together reach every fail point, each with the end it must come to.

The end is the same whether or not somebody was killed on the way. `play` is written as if nobody ever died; what waits
in it waits until what it waits for has come about, however often the agent is started again meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from agent.engine.submit import pending_run
from agent.errors import PolicyError
from agent.host.objects import lookup
from agent.model.policies import PolicySet
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
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
    `supervised` tells an agent from a command that waits for its run.
    `first` is armed beside every other fail point: the kill whose recovery this is about. `again` is how often a step
    may be done again although nobody was killed. `holds` are in force at the end.
    """

    name: str
    policy: str
    values: Mapping[str, str] = field(default_factory=dict)
    ends: Ends
    points: tuple[str, ...]
    first: str = ""
    again: int = 0
    supervised: bool = True
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


# A run of several steps that deletes files.

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
    assert len(unknown) <= world.kills


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
        *both("daemon/fragments.update", "daemon/run.create", "daemon/run.running", "daemon/commit#2"),
        *both("run/run.claim", "run/step.doing#2", "run/step.done#2", "run/memory.remember", "run/run.succeeded"),
        *both("run/objects.record", "run/objects.record#4", "run/commit", "run/commit#5"),
    ),
    prepare=plant_old_files,
    prove=only_old_files_are_gone,
)


# Commands that fail, are taken back, are tried again, or cannot be taken back.

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
        *both("run/run.undone", "run/commit#4", "daemon/run.create#2", "daemon/run.running#2"),
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

# What a lost process leaves: a person is asked, it is taken back, it is gone on with, nothing survives.

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

ORPHANS = Scenario(
    name="orphans",
    policy="""version: 1
tasks:
  lossy:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do, --orphans, $place/once], repeatable: true}
""",
    ends={"lossy": (SUCCEEDED,)},
    points=both("daemon/run.interrupted", "daemon/run.running#2", "run/run.claim#2"),
    again=1,
    prepare=due_since_long,
)


# Runs that are stopped and gone on with, or ended for good.


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


WINDOW_ENDS = Scenario(
    name="window-ends",
    policy=WINDOW,
    values={"opens": "* * * * *", "lasts": "1h"},
    ends={"patient": (SUCCEEDED,)},
    points=both("daemon/run.amend", "daemon/fragments.update#2", "daemon/fragments.update#3", "daemon/run.running#2"),
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


# What is due: missed, every second, and while the policies change.

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
    points=both("daemon/run.create", "daemon/run.missed", "daemon/commit#2"),
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
    digest = written(world).digest
    world.wait(lambda: world.agent.digest() == digest, "for the edit to be in force")


def each_second_had_one_run(world: World) -> None:
    dues = [run.due for run in world.agent.runs()]
    assert dues == [dues[0] + second for second in range(len(dues))]


EVERY_SECOND = Scenario(
    name="every-second",
    policy=TICKING,
    values={"enabled": "true"},
    ends={"often": SUCCEEDED | SKIPPED},
    points=(
        *both("daemon/run.create#2", "daemon/run.running#2", "daemon/fragments.update#2", "daemon/commit#6"),
        *both("run/run.succeeded#2"),
    ),
    play=tick_for_a_while,
    prove=each_second_had_one_run,
)


# Thresholds and circuit breakers.


def fired_before(world: World) -> None:
    """Leave a run behind that the third threshold made an hour ago, so that its breaker is used up."""
    hour_ago = time.time() - 3600
    run = pending_run(written(world).tasks["other"], policy="", origin=Origin.THRESHOLD, due=hour_ago, now=hour_ago)
    with world.store() as store:
        number = store.runs.create(replace(run, cause="third"))
        assert number is not None
        store.runs.advance(number, RunState.PENDING, RunState.SKIPPED, ended=hour_ago)


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
        *both("daemon/run.skipped", "command/hold.release"),
    ),
    holds=frozenset({"third"}),
    prepare=fired_before,
    play=release_what_is_held,
)


# The command line, without an agent.


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
        *both("run/run.claim", "run/step.doing", "run/step.done", "run/run.succeeded"),
    ),
    supervised=False,
    play=run_by_hand,
)

BY_HAND_AND_LOST = replace(
    BY_HAND,
    name="by-hand-and-lost",
    points=both("command/run.interrupted"),
    first="run/step.done:before",
)

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        *(RETAIN, UNDO, STUCK, SAYS_SKIP, ASK, TAKEN_BACK, ORPHANS, INTERRUPTED, WINDOW_ENDS, OVERDUE),
        *(OVERDUE_AND_LOST, MISSED, EVERY_SECOND, THRESHOLDS, BY_HAND, BY_HAND_AND_LOST),
    )
}
