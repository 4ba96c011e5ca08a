"""A run's steps without a run: plan a task in this process, having given up the ability to write."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import asdict, replace

from agent import __version__
from agent.cli.output import harmless, path_text
from agent.engine.document import task_digest
from agent.engine.nothing import NoBackups, NoDiscoveries, NoSamples
from agent.engine.plan import Plan, planned
from agent.engine.process import StopFlag, context
from agent.host.readonly import forbid_writing
from agent.model.actions import Judgement
from agent.model.policies import PolicySet, Task
from agent.registry import load
from agent.store import Store


class Nothing:
    """The memory of a task that has never run; fits `agent.ports.Memory`."""

    def recall(self, key: str) -> object | None:
        """Return None."""
        del key
        return None

    def remember(self, key: str, value: object) -> None:
        """Forget it: looking leaves no trace."""


class Nowhere:
    """Where looking records deletions; fits `agent.ports.ObjectLog`."""

    def record(self, directory: bytes, names: Sequence[bytes], reason: str) -> None:
        """Record nothing: nothing is deleted."""


Hear = Callable[[Judgement], None]


def look(
    task: Task,
    policies: PolicySet,
    store: Store | None,
    now: datetime,
    state: str,
    explain: Hear,
    *,
    write: bool = False,
) -> Plan:
    """Given a task, the store if there is one, an instant and the state directory, return what a run of it would do.

    The process cannot write to any file system afterwards, unless it has more to do than look: `write`.
    """
    action = load(task.action)
    options = action.options(**json.loads(task.options))
    # Programs that only look are given an empty input, and some lose what they say.
    if not write and not forbid_writing((os.devnull,)):
        print("this kernel has no Landlock: nothing but the program itself keeps it from writing", file=sys.stderr)
    memory = store.memory(task.name) if store is not None else Nothing()
    ledger = store.ledger if store is not None else NoBackups()
    found = store.findings if store is not None else NoDiscoveries()
    samples = store.samples if store is not None else NoSamples()
    within = context(task, 0, now, StopFlag(), memory, Nowhere(), ledger, found, samples, state)
    looking = replace(within, explain=explain)
    steps = tuple(action.plan(options, looking))
    return Plan(
        task=task.name,
        action=task.action,
        now=now.timestamp(),
        policy=policies.digest,
        code=__version__,
        document=task_digest(task),
        steps=planned(steps, explain),
    )


def say(judgement: Judgement) -> None:
    """Print why an object would be kept or deleted."""
    verb = "delete" if judgement.deleted else "keep"
    detail = f" ({judgement.detail})" if judgement.detail else ""
    print(f"{verb} {path_text(judgement.target)}: {judgement.reason}{detail}")


def text(plan: Plan) -> str:
    """Return a plan as text."""
    lines = [f"{plan.task}: {plan.action}, {len(plan.steps)} steps"]
    for step in plan.steps:
        lines.append(f"  {harmless(step.name)}: {harmless(step.summary)}")
        lines += [f"    {name} {harmless(str(value))}" for name, value in step.facts.items() if value != ""]
        lines.append("    can be taken back" if step.undo else f"    cannot be taken back: {step.irreversible}")
    return "\n".join(lines)


def data(plan: Plan) -> dict[str, object]:
    """Return a plan as data for `--json`."""
    return asdict(plan)
