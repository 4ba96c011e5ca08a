"""`hostkeeper backup drill`: prove at once that a backup can be restored."""

from __future__ import annotations

import argparse
import json

from agent.cli.backups.doing import backup_task, made_task
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.model.policies import PolicySet, Task

DRILLS = "backup.drill"


def main(arguments: argparse.Namespace) -> int:
    """Drill in the foreground, as a run like any other, with the assertions of the policy where there are some."""
    world = World(arguments)
    policies = world.policies()
    task = _task(world, policies, arguments)
    with world.store() as store:
        run = Foreground(store, world.settings(), arguments.config).run(task, policies)
        return report(store, run, world.zone, as_json=arguments.json)


def _task(world: World, policies: PolicySet, arguments: argparse.Namespace) -> Task:
    """Return the task that drills what is named: itself, one of the policies for it, or one that is made for it."""
    named = policies.tasks.get(arguments.task)
    if named is not None and named.action == DRILLS:
        return named if not arguments.random else made_task(named, "drill", DRILLS, _options(named, choose="random"))
    task = backup_task(world, policies, arguments.task)
    repository = json.loads(task.options)["repository"]
    for one in policies.tasks.values():
        if one.action != DRILLS:
            continue
        options = json.loads(one.options)
        if options["task"] == task.name and options["repository"]["name"] == repository["name"]:
            return made_task(one, "drill", DRILLS, _options(one, choose="random")) if arguments.random else one
    choose = "random" if arguments.random else "newest"
    options = {"repository": repository, "task": task.name, "choose": choose, "where": None, "assertions": []}
    return made_task(task, "drill", DRILLS, options)


def _options(task: Task, **changes: object) -> dict[str, object]:
    return {**json.loads(task.options), **changes}
