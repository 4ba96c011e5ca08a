"""`hostkeeper apply`: do exactly what a plan shows."""

from __future__ import annotations

import argparse

from agent import __version__
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.engine.document import task_digest
from agent.engine.plan import loads
from agent.errors import NotFound, Refused
from agent.model.reasons import Reason

MOST_BYTES = 16 << 20


def main(arguments: argparse.Namespace) -> int:
    """Run a planned task, or refuse because the task, the program or the host is not what it was."""
    try:
        with open(arguments.file, encoding="utf-8", errors="replace") as file:
            plan = loads(file.read(MOST_BYTES), arguments.file)
    except OSError as error:
        raise NotFound(f"{arguments.file}: {error.strerror}; make one with `hostkeeper plan TASK -o FILE`") from error
    world = World(arguments)
    policies = world.policies()
    task = world.task(policies, plan.task)
    if plan.code != __version__ or plan.document != task_digest(task):
        raise Refused(
            Reason.WORLD_DRIFTED, f"{plan.task} is not the task any more that this plan was made for; make a new plan"
        )
    with world.store() as store:
        run = Foreground(store, world.settings(), arguments.config).run(task, policies, plan)
        return report(store, run, world.zone, as_json=arguments.json)
