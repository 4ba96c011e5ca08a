"""Options of actions that name things of the policy set: `x-reference` in an action's schema marks them.

Like quantities, they are found wherever `properties`, `items`, `additionalProperties` and `x-text-is` lead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.paths import Path
from agent.policy.places import Place, members, place
from agent.policy.yaml_front import scalar
from agent.schema import Schema, resolve


class Marks(Struct):
    """Where names stand in a value: it is one of `section` itself, or they are below it."""

    section: str = ""
    text_is: str | None = None
    properties: dict[str, Marks] = {}
    items: Marks | None = None
    others: Marks | None = None

    def below(self, key: str) -> Marks | None:
        """Given a key of a map, return where names stand in its value."""
        return self.properties.get(key) or self.others


MarksOf = Callable[[str], Marks | None]
"""Given the name of an action, known or not, return where names stand in its options; None for nowhere."""


def marks_of(schema: Schema, whole: Schema | None = None) -> Marks | None:
    """Given a schema (and the file it stands in), return where names stand in its values, None for nowhere."""
    whole = schema if whole is None else whole
    schema = resolve(schema, whole)
    section = schema.get("x-reference", "")
    inner = {name: marks_of(member, whole) for name, member in schema.get("properties", {}).items()}
    properties = {name: marks for name, marks in inner.items() if marks is not None}
    items, others = (_marks(schema.get(keyword), whole) for keyword in ("items", "additionalProperties"))
    if not (section or properties or items or others):
        return None
    return Marks(section, schema.get("x-text-is"), properties, items, others)


def _marks(schema: Schema | bool | None, whole: Schema) -> Marks | None:
    return marks_of(schema, whole) if isinstance(schema, dict) else None


def named(marks: Marks, value: Any, path: Path = ()) -> Iterator[tuple[str, str, Path]]:
    """Given a normalised value, yield the section, the name and the path of each name in it."""
    if isinstance(value, dict):
        for key, item in value.items():
            if (below := marks.below(key)) is not None:
                yield from named(below, item, (*path, key))
    elif isinstance(value, list):
        if marks.items is not None:
            for index, item in enumerate(value):
                yield from named(marks.items, item, (*path, index))
    elif marks.section and isinstance(value, str):
        yield marks.section, value, path


def written(marks: Marks, node: Node, path: Path) -> Iterator[tuple[str, str, Path, Place]]:
    """Given the node of a value and its path, yield section, name, path and place of each name as it is written."""
    if isinstance(node, SequenceNode):
        if marks.items is not None:
            for index, item in enumerate(node.value):
                yield from written(marks.items, item, (*path, index))
    elif isinstance(node, ScalarNode):
        text_is = marks.below(marks.text_is) if marks.text_is else None
        section = text_is.section if text_is else marks.section
        if section and _is_text(node):
            yield section, node.value, path, place(node)
    else:
        for key, _, value in members(node):
            if (below := marks.below(key)) is not None:
                yield from written(below, value, (*path, key))


def _is_text(node: ScalarNode) -> bool:
    try:
        return bool(node.style or (node.value and isinstance(scalar(node.value), str)))
    except ValueError:
        return False
