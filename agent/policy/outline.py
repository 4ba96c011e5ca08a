"""The names that a document gives and refers to, read off its nodes, as the JSON that `load_outline` reads."""

from __future__ import annotations

from typing import Any

from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.fragments import SECTIONS
from agent.policy.paths import dotted
from agent.policy.places import members, place

ONE = {"tasks": {"window": "window"}, "thresholds": {"signal": "signal"}, "windows": {}}
"""By section: the keys whose value is a name, and what kind of reference it is."""

MANY = {"tasks": {"needs": "needs"}, "thresholds": {"run": "run"}, "windows": {}}
"""By section: the keys whose value is a list of names."""


def outline_of(root: Node | None) -> dict[str, Any]:
    """Given a document's root, return its names and references; what is not as it should be is passed over."""
    names: list[tuple[str, str, int, int]] = []
    references: list[tuple[str, str, str, str, str, int, int]] = []
    for section, _, things in members(root):
        if section not in SECTIONS:
            continue
        for name, key, thing in members(things):
            names.append((section, name, *place(key)))
            _references(section, name, thing, references)
    return {"names": names, "references": references}


def _references(section: str, owner: str, thing: Node, found: list[tuple[str, str, str, str, str, int, int]]) -> None:
    one, many = ONE[section], MANY[section]
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
        elif name == "labels" and section == "thresholds":
            labels = value
    for name, key, _ in members(labels):
        found.append(("label", name, owner, signal, dotted((section, owner, "labels", name)), *place(key)))
