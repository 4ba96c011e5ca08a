"""The names that a document gives and refers to, read off its nodes, as the JSON that `load_outline` reads."""

from __future__ import annotations

from typing import Any

from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.fragments import SECTIONS
from agent.policy.paths import dotted
from agent.policy.places import members, place
from agent.policy.probe_body import DATABASE
from agent.policy.references import MarksOf, is_text, written
from agent.probes.offered import OFFERED

ONE = {"tasks": {"window": "window"}, "thresholds": {"signal": "signal"}}
"""By section: the keys whose value is a name, and what kind of reference it is."""

MANY = {
    "tasks": {"needs": "needs", "mutes": "mutes"},
    "thresholds": {"run": "run", "parents": "parents", "notify": "notifiers"},
}
"""By section: the keys whose value is a list of names."""

Found = list[tuple[str | int, ...]]
"""References, as `agent.policy.fragments.Reference` has them."""


def outline_of(root: Node | None, marks_of: MarksOf) -> dict[str, Any]:
    """Given a document's root, return its names and references; what is not as it should be is passed over.

    `marks_of` tells of each action where its options refer to something.
    """
    names: list[tuple[str | int, ...]] = []
    references: Found = []
    for section, _, things in members(root):
        if section not in SECTIONS:
            continue
        for name, key, thing in members(things):
            _references(section, name, thing, references)
            does: tuple[str, ...] = ()
            if section == "tasks":
                does = (_options(name, thing, marks_of, references),)
            elif section == "probes":
                does = (_kind(name, thing, references),)
            names.append((section, name, *place(key), *does))
    return {"names": names, "references": references}


def _references(section: str, owner: str, thing: Node, found: Found) -> None:
    one, many = ONE.get(section, {}), MANY.get(section, {})
    signal, labels = "", None
    for name, _, value in members(thing):
        if name in one and isinstance(value, ScalarNode) and value.value:
            found.append((one[name], value.value, owner, "", dotted((section, owner, name)), *place(value)))
            signal = value.value
        elif name in many and isinstance(value, SequenceNode):
            for index, item in enumerate(value.value):
                if isinstance(item, ScalarNode):
                    path = dotted((section, owner, name, index))
                    found.append((many[name], item.value, owner, "", path, *place(item)))
        elif name == "notify" and section == "tasks":
            found += _told(owner, value)
        elif name == "labels" and section == "thresholds":
            labels = value
        elif name == "runbook" and section == "thresholds" and isinstance(value, SequenceNode):
            for index, step in enumerate(value.value):
                found += [
                    ("run", task.value, owner, "", dotted((section, owner, name, index, key)), *place(task))
                    for key, _, task in members(step)
                    if key == "run" and isinstance(task, ScalarNode) and is_text(task)
                ]
    for name, key, _ in members(labels):
        found.append(("label", name, owner, signal, dotted((section, owner, "labels", name)), *place(key)))


def _kind(owner: str, thing: Node, found: Found) -> str:
    """Add the database that a probe names, and return its kind, "" if that is not told."""
    kinds = [(kind, settings) for kind, _, settings in members(thing) if kind in OFFERED]
    for kind, settings in kinds:
        for key, _, value in members(settings):
            if kind == "sql" and key == DATABASE and isinstance(value, ScalarNode) and is_text(value):
                found.append(("databases", value.value, owner, "", dotted(("probes", owner, kind, key)), *place(value)))
    return kinds[0][0] if kinds else ""


def _told(owner: str, notify: Node) -> Found:
    """Return the notifiers that a task names."""
    return [
        ("notifiers", item.value, owner, "", dotted(("tasks", owner, "notify", "to", index)), *place(item))
        for key, _, names in members(notify)
        if key == "to" and isinstance(names, SequenceNode)
        for index, item in enumerate(names.value)
        if isinstance(item, ScalarNode)
    ]


def _options(owner: str, thing: Node, marks_of: MarksOf, found: Found) -> str:
    """Add what the options of a task refer to, and return its action, "" if that is not told."""
    parts = {name: value for name, _, value in members(thing) if name in ("action", "with")}
    action, options = parts.get("action"), parts.get("with")
    if not isinstance(action, ScalarNode):
        return ""
    marks = marks_of(action.value)
    if marks is not None and options is not None:
        for one in written(marks, options, ("tasks", owner, "with")):
            found.append((one.section, one.name, owner, "", dotted(one.path), *one.at, one.action, one.same))
    return str(action.value)
