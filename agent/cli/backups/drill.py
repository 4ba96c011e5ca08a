"""`hostkeeper backup drill`: prove at once that a backup can be restored."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.backups.doing import backup_task, made_task
from agent.cli.backups.place import with_key
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.errors import BadArgument
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
    if arguments.backup == "":
        raise BadArgument("the id is empty: is a variable of the shell not set?")
    named, options = _named(world, policies, arguments.task)
    chosen = "random" if arguments.random else arguments.backup
    changes: dict[str, object] = {} if chosen is None else {"choose": chosen}
    repository = with_key(options["repository"], arguments)
    if repository != options["repository"]:
        changes["repository"] = repository
    if named.action == DRILLS and not changes:
        return named
    return made_task(named, "drill", DRILLS, {**options, **changes})


def _named(world: World, policies: PolicySet, name: str) -> tuple[Task, dict[str, Any]]:
    """Return the task that is named or drills what is named, and the options of a drill."""
    named = policies.tasks.get(name)
    if named is not None and named.action == DRILLS:
        return named, json.loads(named.options)
    task = backup_task(world, policies, name)
    repository = json.loads(task.options)["repository"]
    for one in policies.tasks.values():
        options = json.loads(one.options) if one.action == DRILLS else {}
        if options and (options["task"], options["repository"]["name"]) == (task.name, repository["name"]):
            return one, options
    return task, {"repository": repository, "task": task.name, "choose": "newest", "where": None, "assertions": []}
