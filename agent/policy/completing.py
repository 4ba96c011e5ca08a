"""Options that name databases and repositories, completed: what they name stands in place of the name. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from agent.model.policies import Definition, Task
from agent.policy.fitting import agree
from agent.policy.fragments import Fragment, Use, options_text


class Defined(Struct):
    """The databases and repositories of all files by name, and all that options refer to."""

    databases: dict[str, Definition] = field(default_factory=dict)
    repositories: dict[str, Definition] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)


def defined(fragments: Mapping[str, Fragment]) -> Defined | None:
    """Given the fragments of all files by file name, return what they define and use, None if a name is given twice."""
    found, things = Defined(), 0
    for name in sorted(fragments):
        fragment = fragments[name]
        if fragment.databases or fragment.repositories or fragment.uses:
            things += len(fragment.databases) + len(fragment.repositories)
            found.databases |= {database.name: database for database in fragment.databases}
            found.repositories |= {repository.name: repository for repository in fragment.repositories}
            found.uses += fragment.uses
    return found if things == len(found.databases) + len(found.repositories) else None


def complete(tasks: dict[str, Task], found: Defined) -> bool:
    """Given tasks by name and what is defined and used, complete the tasks' options in place.

    Names of other tasks stay names. Returns False if there is a name that nobody gives, or a task that does not fit.
    """
    known = {"databases": found.databases, "repositories": found.repositories}
    of_task: dict[str, list[tuple[Use, Definition]]] = {}
    for use in found.uses:
        if use.section == "tasks":
            if use.name not in tasks or use.action not in ("", tasks[use.name].action):
                return False
        elif (definition := known[use.section].get(use.name)) is None:
            return False
        else:
            of_task.setdefault(use.task, []).append((use, definition))
    if not agree(found.uses):
        return False
    for name, these in of_task.items():
        options = json.loads(tasks[name].options)
        for use, definition in these:
            _put(options, use.path, as_option(definition))
        tasks[name] = replace(tasks[name], options=options_text(options))
    return True


def as_option(definition: Definition) -> dict[str, Any]:
    """Given a database or a repository, return it as the options of an action hold it, and drivers take it."""
    return {"name": definition.name, "driver": definition.driver, "settings": definition.settings}


def _put(options: Any, path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        options = options[step]
    options[path[-1]] = value
