"""Names in the options of tasks as they are written, each with its place: see `agent.policy.references`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.paths import Path
from agent.policy.places import Place, members, place
from agent.policy.references import Marks
from agent.policy.yaml_scalars import scalar


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
