"""A threshold that fires opens one incident, with its evidence, that is acknowledged once, whoever dies meanwhile."""

from __future__ import annotations

from agent.model.incidents import Entry, EntryKind, IncidentState
from agent.store import Store
from tests.system.scenarios.scenario import SUCCEEDED, Scenario, both
from tests.system.world import World


def look_after_it(world: World) -> None:
    world.start()
    world.wait(lambda: bool(evidence(world)), "for evidence to be collected")
    while state(world) is IncidentState.OPEN:
        world.command("incident", "ack", "1")


def evidence(world: World) -> list[str]:
    with Store(str(world.agent.state), read_only=True) as store:
        return [one.name for one in store.incidents.exhibits(1)]


def state(world: World) -> IncidentState:
    with Store(str(world.agent.state), read_only=True) as store:
        return store.incidents.get(1).state


def nothing_was_told_twice(world: World) -> None:
    with Store(str(world.agent.state), read_only=True) as store:
        assert [one.id for one in store.incidents.listed(closed=True)] == [1]
        timeline: list[Entry] = store.incidents.timeline(1)
    kinds = [EntryKind.FIRED, EntryKind.EXHIBITS, EntryKind.ACKNOWLEDGED]
    assert [entry.kind for entry in timeline] == kinds
    assert "processes" in evidence(world)


INCIDENT = Scenario(
    name="incident",
    policy="""version: 1
tasks:
  fix: {action: command.run, with: {command: [$effect, do], repeatable: true}}
thresholds:
  up: {signal: uptime.seconds, above: 0, severity: critical, run: [fix]}
""",
    ends={"fix": (SUCCEEDED,)},
    points=(
        *both("daemon/incident.open", "daemon/incident.tell"),
        *both("command/incident.collected", "command/incident.move"),
    ),
    alone=True,
    play=look_after_it,
    prove=nothing_was_told_twice,
)

SCENARIOS = (INCIDENT,)
