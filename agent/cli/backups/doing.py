"""Make a task of what a person asks for, and run it as every task is run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from agent.cli.backups.place import CREATES, Definition
from agent.cli.world import World
from agent.engine import document
from agent.errors import BadArgument, Refused
from agent.model.policies import Category, Limits, Overlap, PolicySet, Priority, Retry, Task
from agent.model.reasons import Reason
from agent.model.runs import Run, RunState
from agent.store import Store

_LONG = 7 * 86400.0
"""Seconds: bringing back is never cut short by an hour that a policy had backups in mind for."""


def backup_task(world: World, policies: PolicySet, name: str) -> Task:
    """Given the name of a task that makes backups, return the task. Raises NotFound and BadArgument."""
    task = world.task(policies, name)
    if task.action != CREATES:
        makers = [one.name for one in policies.tasks.values() if one.action == CREATES]
        raise BadArgument(f"{name} makes no backups: name one of {', '.join(makers) or 'none, for there is none yet'}")
    return task


def made_task(task: Task, suffix: str, action: str, options: Mapping[str, Any]) -> Task:
    """Given a task that makes backups, return one that does something with them, under a name of no other task."""
    return replace(
        task,
        name=f"{task.name}.{suffix}",
        description=f"{action} of {task.name}, asked for by hand",
        category=Category.CORRECTIVE,
        action=action,
        options=json.dumps(options, sort_keys=True),
        schedule=None,
        window=None,
        priority=Priority.HIGH,
        needs=(),
        enabled=True,
        max_duration=_LONG,
        retry=Retry(1, 0.0),
        overlap=Overlap.SKIP,
        limits=Limits(),
        at_most=None,
    )


def sources(task: Task) -> tuple[list[str], list[Definition]]:
    """Given a task that makes backups, return the paths and the databases of it."""
    found = json.loads(task.options)["sources"]
    return [one["path"] for one in found if one.get("path")], [one["database"] for one in found if one.get("database")]


def interrupted(store: Store, task: Task) -> bool:
    """Tell whether there is an interrupted run of exactly this task, to be gone on with.

    Raises Refused while another one is not over.
    """
    for run in store.runs.open():
        if run.task != task.name:
            continue
        if run.state is RunState.INTERRUPTED and _same(store, run, task):
            return True
        how = f"is at work: `hostkeeper history {run.id}` shows it"
        if run.state is RunState.INTERRUPTED:
            how = (
                f"was interrupted; do that again first, as it was asked (`hostkeeper history {run.id}` shows it), "
                f"or take it back with `hostkeeper undo {run.id}`"
            )
        raise Refused(Reason.OVERLAP, f"run {run.id} of {task.name} {how}")
    return False


def _same(store: Store, run: Run, task: Task) -> bool:
    return document.load(store.documents.get(run.document)).task.options == task.options
