"""Which actions there are: every module `agent/actions/<system>/<action>.py` is the action `<system>.<action>`.

Names come from looking at the folder; a module is imported only when its action is asked for, so a process pays for
the one action it runs. Modules whose name starts with an underscore are helpers, not actions.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from agent import actions
from agent.errors import NotFound
from agent.model.actions import Action
from agent.model.box import Box
from agent.nearest import nearest


@cache
def names() -> tuple[str, ...]:
    """Return the dotted names of all actions, sorted, without importing any of them."""
    found = []
    for path in actions.__path__:
        for system in os.listdir(path):
            # `pkgutil` would look too, and brings a compiler of Python along.
            if os.path.exists(f"{path}/{system}/__init__.py"):
                found += [
                    f"{system}.{module.removesuffix('.py')}"
                    for module in os.listdir(f"{path}/{system}")
                    if module.endswith(".py") and not module.startswith("_")
                ]
    return tuple(sorted(found))


def load(name: str) -> Action:
    """Given the dotted name of an action, import its module and return the `ACTION` it exposes.

    Raises NotFound, with the nearest known name, when there is no such action.
    """
    known = names()
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else f"known actions: {', '.join(known)}"
        raise NotFound(f"unknown action {name!r}: {hint}")
    action = importlib.import_module(f"{actions.__name__}.{name}").ACTION
    if not isinstance(action, Action):
        raise TypeError(f"{actions.__name__}.{name}.ACTION is not an agent.model.actions.Action")
    return action


def box_of(name: str, options: Mapping[str, Any]) -> Box:
    """Given the dotted name of an action and the options of a task, return its box.

    An action is imported for it only when its system has no `_box` that knows it. Raises NotFound.
    """
    system, _, action = name.partition(".")
    try:
        boxes: object = importlib.import_module(f"{actions.__name__}.{system}._box")
    except ModuleNotFoundError:
        boxes = None
    made: Box = (getattr(boxes, action, None) or load(name).box)(options)
    return made


def remarks_of(name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Given the dotted name of an action and the options of a task, return what a look at this host says of them.

    They are no mistakes. An action that has any keeps them in the `_remarks` of its system, and is not imported.
    """
    look = _remarks_by(name)
    return tuple(look(options)) if look is not None else ()


@cache
def _remarks_by(name: str) -> Callable[[Mapping[str, Any]], Iterable[str]] | None:
    # Looked up once for each action: to look in vain for a module takes long, and tasks are many.
    system, _, action = name.partition(".")
    try:
        remarks: object = importlib.import_module(f"{actions.__name__}.{system}._remarks")
    except ModuleNotFoundError:
        return None
    return getattr(remarks, action, None)


def discover() -> dict[str, Action]:
    """Return every action by its dotted name; imports them all."""
    return {name: load(name) for name in names()}
