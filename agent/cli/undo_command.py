"""`hostkeeper undo`: take an interrupted run back instead of going on with it."""

from __future__ import annotations

import argparse

from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.model.runs import RunOutcome


def main(arguments: argparse.Namespace) -> int:
    """Undo what an interrupted run has begun, the last step first, and show what has become of it."""
    world = World(arguments)
    with world.store() as store:
        run = Foreground(store, world.settings(), arguments.config).undo(arguments.run)
        return report(store, run, world.zone, as_json=arguments.json, well={RunOutcome.UNDONE})
