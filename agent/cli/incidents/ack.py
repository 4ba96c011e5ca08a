"""`hostkeeper incident ack`: somebody looks after it."""

from __future__ import annotations

import argparse

from agent.cli.incidents.telling import SETTLED, entry, said
from agent.cli.output import emit_json
from agent.cli.world import World
from agent.errors import ExitCode, Refused
from agent.model.incidents import EntryKind, IncidentState


def main(arguments: argparse.Namespace) -> int:
    """Acknowledge an incident; refused where that has been done already."""
    text = said(arguments.text, "the text") if arguments.text else "looks after it"
    note = entry(EntryKind.ACKNOWLEDGED, text)
    with World(arguments).store() as store:
        moved = store.incidents.move(arguments.incident, IncidentState.ACKNOWLEDGED, note)
        state = store.incidents.get(arguments.incident).state
    if not moved:
        raise Refused(SETTLED, f"incident {arguments.incident} is {state} already")
    emit_json({"incident": arguments.incident, "state": state}) if arguments.json else print(
        f"incident {arguments.incident} is acknowledged"
    )
    return ExitCode.OK
