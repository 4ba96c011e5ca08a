"""`hostkeeper incident close`: it is over, and this was the cause."""

from __future__ import annotations

import argparse

from agent.cli.incidents.telling import SETTLED, entry, said
from agent.cli.output import emit_json
from agent.cli.world import World
from agent.errors import ExitCode, Refused
from agent.model.incidents import EntryKind, IncidentState


def main(arguments: argparse.Namespace) -> int:
    """Close an incident; what fires again afterwards opens another."""
    cause = said([arguments.cause], "--cause")
    with World(arguments).store() as store:
        moved = store.incidents.move(arguments.incident, IncidentState.CLOSED, entry(EntryKind.CLOSED, cause), cause)
        incident = store.incidents.get(arguments.incident)
    if not moved:
        raise Refused(SETTLED, f"incident {arguments.incident} is closed already: {incident.cause}")
    fires = "; its condition still fires" if incident.cleared is None else ""
    emit_json(incident) if arguments.json else print(f"incident {arguments.incident} is closed{fires}")
    return ExitCode.OK
