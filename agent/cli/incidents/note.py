"""`hostkeeper incident note`: remember something."""

from __future__ import annotations

import argparse

from agent.cli.incidents.telling import entry, said
from agent.cli.output import emit_json
from agent.cli.world import World
from agent.errors import ExitCode
from agent.model.incidents import EntryKind


def main(arguments: argparse.Namespace) -> int:
    """Add a note; to an incident that is closed as well, since people learn later."""
    note = entry(EntryKind.NOTE, said(arguments.text, "the note"))
    with World(arguments).store() as store, store.transaction():
        store.incidents.get(arguments.incident)
        store.incidents.tell(arguments.incident, note)
    emit_json(note) if arguments.json else print(f"noted in incident {arguments.incident}")
    return ExitCode.OK
