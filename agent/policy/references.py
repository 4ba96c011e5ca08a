"""Options of actions that name things of the policy set: `x-reference` in an action's schema marks them.

Like quantities, they are found wherever `properties`, `items`, `additionalProperties` and `x-text-is` lead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from msgspec import Struct
from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.paths import Path
from agent.policy.places import Place, members, place
from agent.policy.yaml_front import scalar
from agent.schema import Schema, resolve


class Marks(Struct):
    """Where names stand in a value: it is one of `section` itself, or they are below it.

    A task that is named has to do `action` and to have the same `same` as the one that names it, unless that one has
    the option `unless`.
    """

    section: str = ""
    text_is: str | None = None
    properties: dict[str, Marks] = {}
    items: Marks | None = None
    others: Marks | None = None
    action: str = ""
    same: str = ""
    unless: str = ""

    def asked(self, given: Collection[str]) -> tuple[str, str]:
        """Given the options that there are, return which action and which same option a name asks for."""
        return ("", "") if self.unless in given else (self.action, self.same)

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
    asked = (schema.get(f"x-reference-{what}", "") for what in ("action", "same", "unless"))
    return Marks(section, schema.get("x-text-is"), properties, items, others, *asked)


def _marks(schema: Schema | bool | None, whole: Schema) -> Marks | None:
    return marks_of(schema, whole) if isinstance(schema, dict) else None


def named(marks: Marks, options: dict[str, Any]) -> Iterator[tuple[str, str, Path, str, str]]:
    """Given normalised options, yield for each name in them what `agent.policy.fragments.Use` has after the task."""
    yield from _named(marks, options, (), [key for key, value in options.items() if value is not None])


def _named(marks: Marks, value: Any, path: Path, given: Collection[str]) -> Iterator[tuple[str, str, Path, str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if (below := marks.below(key)) is not None:
                yield from _named(below, item, (*path, key), given)
    elif isinstance(value, list):
        if marks.items is not None:
            for index, item in enumerate(value):
                yield from _named(marks.items, item, (*path, index), given)
    elif marks.section and isinstance(value, str):
        yield marks.section, value, path, *marks.asked(given)


class Written(NamedTuple):
    """A name as it is written in options: of which section, where, and what it asks for."""

    section: str
    name: str
    path: Path
    at: Place
    action: str
    same: str


def written(marks: Marks, options: Node, path: Path) -> Iterator[Written]:
    """Given the node of a task's options and its path, yield each name in them as it is written."""
    given = [key for key, _, value in members(options) if not isinstance(value, ScalarNode) or is_text(value)]
    yield from _written(marks, options, path, given)


def _written(marks: Marks, node: Node, path: Path, given: Collection[str]) -> Iterator[Written]:
    if isinstance(node, SequenceNode):
        if marks.items is not None:
            for index, item in enumerate(node.value):
                yield from _written(marks.items, item, (*path, index), given)
    elif isinstance(node, ScalarNode):
        text_is = marks.below(marks.text_is) if marks.text_is else None
        what = text_is or marks
        if what.section and is_text(node):
            yield Written(what.section, node.value, path, place(node), *what.asked(given))
    else:
        for key, _, value in members(node):
            if (below := marks.below(key)) is not None:
                yield from _written(below, value, (*path, key), given)


def is_text(node: ScalarNode) -> bool:
    """Tell whether a scalar is a text that is not empty, rather than null, a number or a truth value."""
    try:
        return bool(node.style or (node.value and isinstance(scalar(node.value), str)))
    except ValueError:
        return False
