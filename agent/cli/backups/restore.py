"""`hostkeeper backup restore`: bring files and databases back, as a run like any other."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from datetime import datetime, tzinfo

from agent.cli.backups.confirm import confirm
from agent.cli.backups.doing import backup_task, interrupted, made_task, sources
from agent.cli.backups.place import Definition, definitions, with_key
from agent.cli.looking import data, look, text
from agent.cli.output import emit_json
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.engine.plan import Plan
from agent.errors import BadArgument, ExitCode, NotFound, RunFailed
from agent.host.clock import SystemClock
from agent.model.policies import PolicySet, Task
from agent.policy.nearest import suggest
from agent.store import Store

RESTORES = "backup.restore"
SERVERS = "pgbackrest"
"""The driver of repositories of whole servers, which come back beside the live ones."""

_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")


def main(arguments: argparse.Namespace) -> int:
    """Show what would be done, have it confirmed where something live is replaced, and do exactly that."""
    world = World(arguments)
    policies = world.policies()
    task = _task(world, policies, arguments)
    with world.store() as store:
        foreground = Foreground(store, world.settings(), arguments.config)
        foreground.recover(task, policies.tasks)
        plan = None if interrupted(store, task) else _planned(policies, task, store, arguments)
        if arguments.dry_run:
            return ExitCode.OK
        if _replaces(task):
            confirm(arguments.yes_on, f"this replaces {_live(arguments)}")
        run = foreground.run(task, policies, plan)
        return report(store, run, world.zone, as_json=arguments.json)


def _planned(policies: PolicySet, task: Task, store: Store, arguments: argparse.Namespace) -> Plan:
    """Look, show what would be done, and return it. Raises RunFailed when it cannot be done."""
    now = SystemClock().now()
    plan = look(task, policies, store, now, arguments.state, lambda _judgement: None, write=True)
    wrong = next((step.summary for step in plan.steps if step.summary.startswith("fail: ")), "")
    if arguments.dry_run and not (arguments.json and wrong):
        emit_json(data(plan)) if arguments.json else print(text(plan))
    if wrong:
        raise RunFailed(wrong.removeprefix("fail: "))
    if not (arguments.dry_run or arguments.json):
        print(text(plan), file=sys.stderr)
    return plan


def _task(world: World, policies: PolicySet, arguments: argparse.Namespace) -> Task:
    """Return the task that restores what the arguments name; without --path and --database, all of the backup."""
    if "" in (arguments.backup, arguments.to, *arguments.path, *arguments.database, *arguments.table):
        raise BadArgument("an argument is empty: is a variable of the shell not set?")
    made_by = backup_task(world, policies, arguments.task)
    paths, databases = sources(made_by)
    known = {one["name"]: one for one in databases}
    repository = with_key(_repository(policies, arguments.repository, made_by), arguments)
    everything = not (arguments.path or arguments.database)
    if not everything:
        paths = [os.path.abspath(path) for path in arguments.path]
        databases = [_database(policies, known, name) for name in arguments.database]
    elif arguments.to is not None or repository["driver"] == SERVERS:
        paths, databases = [], []
    options = {
        "repository": repository,
        "task": made_by.name,
        "host": arguments.host,
        "backup": instant(arguments.backup, world.zone),
        "paths": paths,
        "databases": databases,
        "tables": arguments.table,
        "to": None if arguments.to is None else os.path.abspath(arguments.to),
        "point_in_time": arguments.point_in_time and instant(arguments.point_in_time, world.zone),
        "safety": not arguments.discard,
    }
    if arguments.to is not None and options["to"] == "/":
        raise BadArgument("--to / is no empty directory: `hostkeeper backup recover` brings a whole host back")
    return made_task(made_by, "restore", RESTORES, options)


def instant(text: str, local: tzinfo) -> str:
    """Given what may be an instant in the host's own zone, return it with its zone, and everything else as it is."""
    if not _LOCAL.fullmatch(text):
        return text
    try:
        return datetime.fromisoformat(text).replace(tzinfo=local).isoformat()
    except ValueError:
        return text


def _replaces(task: Task) -> bool:
    """Tell whether a restore replaces something live."""
    options = json.loads(task.options)
    return options["to"] is None and options["repository"]["driver"] != SERVERS and not options["tables"]


def _database(policies: PolicySet, known: dict[str, Definition], name: str) -> Definition:
    if name in known:
        return known[name]
    one = policies.databases.get(name)
    if one is None:
        raise NotFound(f"there is no database {name!r}: {suggest(name, {*known, *policies.databases}, 'databases')}")
    return {"name": name, "driver": one.driver, "settings": one.settings}


def _repository(policies: PolicySet, name: str | None, task: Task) -> Definition:
    known = definitions(policies)
    if name is None:
        own: Definition = json.loads(task.options)["repository"]
        return own
    if name not in known:
        raise NotFound(f"there is no repository {name!r}: {suggest(name, known, 'repositories')}")
    return known[name]


def _live(arguments: argparse.Namespace) -> str:
    named = [*arguments.path, *(f"the database {name}" for name in arguments.database)]
    return ", ".join(named) or f"all that {arguments.task} backs up"
