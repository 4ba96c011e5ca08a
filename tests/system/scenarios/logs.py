"""Logs that are read and rotated: every line is counted once, and every generation is there once, whole."""

from __future__ import annotations

import gzip
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
GENERATIONS = (b"oldest\n", b"old\n", b"now\n")


def grown_since_long(world: World) -> None:
    """Leave a log behind with a generation that is packed and one that is not."""
    place = world.place / "logs"
    place.mkdir()
    log = place / "a.log"
    log.write_bytes(GENERATIONS[2])
    log.chmod(0o640)
    log.with_name("a.log-20260101-1767000000.gz").write_bytes(gzip.compress(GENERATIONS[0]))
    log.with_name("a.log-20260102-1767100000").write_bytes(GENERATIONS[1])
    due_since_long(world)


def found_beside(world: World) -> list[bytes]:
    """Return what the older generations hold, and see that there is an empty log as the old one was."""
    log = world.place / "logs" / "a.log"
    assert (log.read_bytes(), log.stat().st_mode & 0o777) == (b"", 0o640)
    names = sorted(path for path in log.parent.iterdir() if path != log)
    return [gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes() for one in names]


def every_generation_is_there_once(world: World) -> None:
    """All that were to be kept are there; of a run that was killed there may be one more until the next one."""
    found = found_beside(world)
    assert tuple(found) in {GENERATIONS, GENERATIONS[1:]}
    assert (world.place / "logs" / "a.log-20260102-1767100000.gz").exists()


def every_copy_is_there_once(world: World) -> None:
    """All generations are there, and of the log one copy."""
    assert tuple(found_beside(world)) == GENERATIONS


def rotating(options: str) -> str:
    """Return a policy that rotates by the agent itself."""
    return f"""version: 1
tasks:
  rotate:
    schedule: {{cron: "@yearly", timezone: UTC}}
    action: logs.rotate
    with: {{paths: [$place/logs/a.log], engine: own, compress: gzip, patience: 1s, {options}}}
"""


TURNED = Scenario(
    name="rotation",
    policy=rotating("keep: 2"),
    ends={"rotate": (SUCCEEDED,)},
    points=both("run/rotation.pack", "run/rotation.drop", "run/rotation.turn", "run/rotation.drop#2"),
    prepare=grown_since_long,
    prove=every_generation_is_there_once,
    alone=True,
)
COPIED = Scenario(
    name="rotation-by-copying",
    policy=rotating("method: copytruncate"),
    ends={"rotate": (SUCCEEDED,)},
    points=both("run/rotation.copy", "run/rotation.empty"),
    prepare=grown_since_long,
    prove=every_copy_is_there_once,
    alone=True,
)
SCENARIOS = (READ, TURNED, COPIED)
