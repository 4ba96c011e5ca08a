"""`hostkeeper run`: run a task at once."""

from __future__ import annotations

import argparse

from agent.cli import plan_command
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.engine.agenda import Agenda
from agent.engine.submit import pending_run
from agent.errors import Refused
from agent.host.clock import SystemClock
from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.rules.needs import Readiness
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Run a task and wait for its end; windows do not hold back what an admin asks for, needs do."""
    if arguments.dry_run or arguments.explain:
        return plan_command.main(arguments)
    world = World(arguments)
    policies = world.policies()
    task = world.task(policies, arguments.task)
    with world.store() as store:
        if not arguments.ignore_needs:
            _require_needs(store, policies, task, world)
        run = Foreground(store, world.settings(), arguments.config).run(task, policies)
        return report(store, run, world.zone, as_json=arguments.json)


def _require_needs(store: Store, policies: PolicySet, task: Task, world: World) -> None:
    now = SystemClock().now().timestamp()
    asked = pending_run(task, policy=policies.digest, origin=Origin.MANUAL, due=now, now=now)
    answer = Agenda(store, policies, world.zone).needs(asked, task)
    if answer.readiness is not Readiness.READY:
        waiting = answer.readiness is Readiness.WAITING
        state = "has not succeeded yet" if waiting else "did not succeed"
        raise Refused(
            Reason.NEEDS_WAITING if waiting else Reason.NEEDS_FAILED,
            f"{task.name} needs {answer.task}, which {state}: run that first, or add --ignore-needs",
        )
