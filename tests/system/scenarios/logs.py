"""Logs that are read: every line is counted once, and what is new is found once."""

from __future__ import annotations

import os

import msgspec

from agent.actions.logs._state import KEY, State
from tests.system.scenarios.scenario import LONG_AGO, SUCCEEDED, Scenario, both, due_since_long
from tests.system.world import World

LINES = 50
LOGS = ("a", "b")


def written_since_long(world: World) -> None:
    """Leave two logs behind that were never read, and that nobody writes to any more."""
    place = world.place / "logs"
    place.mkdir()
    for name in LOGS:
        log = place / f"{name}.log"
        log.write_text("".join(f"ERROR number {n} is broken\n" for n in range(LINES)))
        os.utime(log, (LONG_AGO, LONG_AGO))
    due_since_long(world)


def every_line_was_counted_once(world: World) -> None:
    """Lines are those that were written, the template is found, and the numbers are told."""
    with world.store() as store:
        state = msgspec.convert(store.memory("watch").recall(KEY), State, str_keys=True)
        assert state.tally.lines == LINES * len(LOGS)
        assert [template.count for template in state.templates] == [LINES * len(LOGS)]
        (finding,) = store.findings.listed("watch")
        assert finding.first_seen <= finding.last_seen
        found = store.findings.readings("watch")
        assert found is not None
        (errors,) = [one.value for one in found[1] if dict(one.labels) == {"level": "error"}]
        assert errors == LINES * len(LOGS)


READ = Scenario(
    name="logs",
    policy="""version: 1
tasks:
  watch:
    schedule: {cron: "@yearly", timezone: UTC}
    action: logs.analyze
    with: {files: [$place/logs/*.log], learn: 0s}
""",
    ends={"watch": (SUCCEEDED,)},
    points=(
        *both("run/findings.found", "run/findings.measured"),
        "run/memory.remember:before",
        "run/memory.remember:after#2",
    ),
    prepare=written_since_long,
    prove=every_line_was_counted_once,
    alone=True,
)
SCENARIOS = (READ,)
