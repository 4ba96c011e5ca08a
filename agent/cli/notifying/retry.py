"""`hostkeeper notify retry`: what a receiver refused for good is sent again, once what was wrong is mended."""

from __future__ import annotations

import argparse

from agent.cli.notifying.who import notifier_named
from agent.cli.output import emit_json
from agent.cli.world import World
from agent.drivers.notifiers import receivers_of
from agent.errors import ExitCode


def main(arguments: argparse.Namespace) -> int:
    """Put parked messages back in line; the agent sends them, those before first."""
    world = World(arguments)
    notifier = notifier_named(world.policies(), arguments.notifier)
    with world.store() as store:
        count = store.outbox.release([receiver.name for receiver in receivers_of(notifier)])
    if arguments.json:
        emit_json({"notifier": notifier.name, "released": count})
    else:
        print(f"{count} messages to {notifier.name} are in line again, and it is tried at once")
    return ExitCode.OK
