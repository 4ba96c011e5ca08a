"""`hostkeeper check`: are these policies good, and if not, every mistake."""

from __future__ import annotations

import argparse

from agent.cli.output import emit_json
from agent.cli.world import World
from agent.errors import ExitCode


def main(arguments: argparse.Namespace) -> int:
    """Check the policies and, where there is one, the settings file."""
    world = World(arguments, policies_from=arguments.directory)
    policies = world.policies()
    counts = {
        "files": policies.files,
        "windows": len(policies.windows),
        "tasks": len(policies.tasks),
        "thresholds": len(policies.thresholds),
    }
    if arguments.json:
        emit_json({"valid": True, "digest": policies.digest, **counts})
    else:
        print(f"good: {', '.join(f'{number} {what}' for what, number in counts.items())}; {policies.digest[:12]}")
    return ExitCode.OK
