"""Whether a task that the options of another one name is one that they can do something with. Pure.

In the schema of an action `x-reference-action` and `x-reference-same` say what its options ask of such a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.policy.fragments import Name, Reference, Use
from agent.policy.nearest import listed, quoted
from agent.policy.paths import dotted

Known = Mapping[str, tuple[str, Name]]
"""Tasks by name, each with its file and where it stands there."""


def agree(uses: Sequence[Use]) -> bool:
    """Given all that options name, return whether each task that is named has the same option where it has to."""
    asking = [use for use in uses if use.same]
    if not asking:
        return True
    chosen = {(use.task, use.path[0]): use.name for use in uses if len(use.path) == 1}
    return not any(_differ(chosen.get((use.task, use.same)), chosen.get((use.name, use.same))) for use in asking)


def unfit(reference: Reference, tasks: Known, chosen: Mapping[str, str]) -> tuple[str, str] | None:
    """Given a reference to a known task, return what is wrong with it and what would be right, None if it fits.

    `chosen` are the names in the options of all tasks, by their dotted paths.
    """
    action, same = reference.action, reference.same
    mine = _option(chosen, reference.owner, same)
    if action and tasks[reference.name][1].action not in ("", action):
        wrong = f"task {quoted(reference.name)} does {tasks[reference.name][1].action}, not {action}"
    elif _differ(mine, theirs := _option(chosen, reference.name, same)):
        wrong = f"task {quoted(reference.name)} has the {same} {quoted(str(theirs))}, not {quoted(str(mine))}"
    else:
        return None
    fitting = [
        name
        for name, (_, task) in tasks.items()
        if name != reference.name
        and task.action == (action or task.action)
        and not (same and _differ(mine, _option(chosen, name, same)))
    ]
    of = f" of {action}" if action else ""
    return wrong, listed(fitting, f"tasks{of} with the {same} {mine}" if mine else f"tasks{of}")


def _option(chosen: Mapping[str, str], task: str, option: str) -> str | None:
    return chosen.get(dotted(("tasks", task, "with", option))) if option else None


def _differ(mine: str | None, theirs: str | None) -> bool:
    """Return whether two options differ; one that is not given fits any."""
    return None not in (mine, theirs) and mine != theirs
