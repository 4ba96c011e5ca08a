"""`hostkeeper incident list`: what is not settled yet."""

from __future__ import annotations

import argparse

from agent.cli.output import ago, columns, emit_json, instant, table
from agent.cli.world import World
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.incidents import Incident
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """List incidents, newest first."""
    world, now = World(arguments), SystemClock().now().timestamp()
    with Store(arguments.state, read_only=True) as store:
        found = store.incidents.listed(closed=arguments.all)
        firing = {one.id: store.incidents.series.fires(one.id) for one in found if one.joined}
    if arguments.json:
        emit_json(found)
        return ExitCode.OK
    if not found:
        print("no incidents" if arguments.all else "no incident is open; --all lists those that are closed")
        return ExitCode.OK
    headings = ("incident", "state", "severity", "threshold", "opened", "condition", "what")
    rows = [
        (
            str(one.id),
            one.state.value,
            one.severity,
            one.threshold,
            instant(one.opened, world.zone),
            _condition(one, firing.get(one.id, 0), now),
            one.what,
        )
        for one in found
    ]
    print(table(headings, rows, columns(), ("opened",)))
    return ExitCode.OK


def _condition(incident: Incident, firing: int, now: float) -> str:
    if incident.cleared is not None:
        return f"cleared {ago(incident.cleared, now)}"
    return f"{firing} of {incident.joined + 1} fire" if incident.joined else "fires"
