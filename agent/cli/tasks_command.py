"""`hostkeeper tasks`: the tasks in the policy files, and when each falls due next."""

from __future__ import annotations

import argparse
import json

from msgspec.structs import asdict

from agent.cli.output import columns, emit_json, instant, table
from agent.cli.world import World
from agent.errors import ExitCode


def main(arguments: argparse.Namespace) -> int:
    """List the tasks."""
    world = World(arguments)
    policies = world.policies()
    coming = world.next_due(policies)
    tasks = [policies.tasks[name] for name in sorted(policies.tasks)]
    if arguments.json:
        emit_json([{**asdict(t), "options": json.loads(t.options), "next_due": coming.get(t.name)} for t in tasks])
        return ExitCode.OK
    rows = [
        (
            task.name,
            task.action,
            (task.schedule.text if task.schedule else "on demand") if task.enabled else "disabled",
            task.window or "-",
            ", ".join(task.needs) or "-",
            instant(coming.get(task.name), world.zone),
            task.description,
        )
        for task in tasks
    ]
    print(table(("task", "action", "schedule", "window", "needs", "next due", "description"), rows, columns()))
    return ExitCode.OK
