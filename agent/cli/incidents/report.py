"""`hostkeeper incident report`: a page to hand on."""

from __future__ import annotations

import argparse
import os
import socket
import sys

from msgspec.structs import asdict

from agent import __version__
from agent.cli.output import emit_json
from agent.cli.plan_command import open_private
from agent.cli.world import World
from agent.engine.dossier import dossier
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.report.incident import incident_page
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Write the page of an incident."""
    world, now = World(arguments), SystemClock().now().timestamp()
    with Store(arguments.state, read_only=True) as store:
        found = dossier(store, arguments.incident)
    text = incident_page(found, socket.gethostname(), __version__, world.zone, now)
    if arguments.output is not None:
        with os.fdopen(open_private(arguments.output), "w", encoding="utf-8") as file:
            file.write(text)
    if arguments.json:
        emit_json(asdict(found))
    elif arguments.output is None:
        sys.stdout.write(text)
    return ExitCode.OK
