"""`hostkeeper plan`: what a run would do, shown or written to a file."""

from __future__ import annotations

import argparse
import os

from agent.cli.looking import data, look, say, text
from agent.cli.output import emit_json
from agent.cli.world import World
from agent.engine.plan import dumps
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock


def main(arguments: argparse.Namespace) -> int:
    """Plan a task without touching anything; with `--output`, write the plan for `hostkeeper apply`."""
    world = World(arguments)
    policies = world.policies()
    task = world.task(policies, arguments.task)
    store = world.store_if_any()
    # Opened before looking, which takes the ability to write from this process; what is open stays writable.
    output = open_private(arguments.output) if getattr(arguments, "output", None) else None
    loud = arguments.explain and not arguments.json
    plan = look(task, policies, store, SystemClock().now(), arguments.state, say if loud else lambda _: None)
    if output is not None:
        with os.fdopen(output, "w", encoding="utf-8") as file:
            file.write(dumps(plan))
    if arguments.json:
        emit_json(data(plan))
    else:
        print(text(plan))
    return ExitCode.OK


def open_private(path: str) -> int:
    """Given the path of a plan to write, return a descriptor of an empty file that only its owner can read.

    Raises NotFound when there can be no such file.
    """
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NotFound(f"{path}: {why}; name a file that can be written with --output") from error
