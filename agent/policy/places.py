"""Where the things of a document stand, by their path in it."""

from __future__ import annotations

from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agent.policy.paths import Path

Place = tuple[int, int]
"""Line and column, both from 1."""


def place(node: Node) -> Place:
    """Given a node, return where it begins."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def members(node: Node | None) -> Iterator[tuple[str, Node, Node]]:
    """Given the node of a map, yield name, key node and value node of each member; nothing for other nodes."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield key.value, key, value


def value_at(root: Node | None, path: Path) -> Node | None:
    """Given a document's root and a path, return the node of the value there, or the nearest above it."""
    node = root
    for step in path:
        below = _step(node, step)
        if below is None:
            break
        node = below[1]
    return node


def key_place(root: Node | None, path: Path) -> Place:
    """Given a path, return where its key is written; of a list's item, where the item begins."""
    node, found = root, root
    for step in path:
        below = _step(node, step)
        if below is None:
            break
        found, node = below
    return (1, 1) if found is None else place(found)


def value_place(root: Node | None, path: Path) -> Place:
    """Given a path, return where its value begins; an empty value stands where its key does."""
    node = value_at(root, path)
    if node is None:
        return 1, 1
    if isinstance(node, ScalarNode) and not node.value and not node.style:
        return key_place(root, path)
    return place(node)


def _step(node: Node | None, step: str | int) -> tuple[Node, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item
    return next(((key, value) for name, key, value in members(node) if name == step), None)


def paths_by_place(root: Node) -> dict[Place, Path]:
    """Given a document's root, return the path of every key and value by the place where it begins."""
    found: dict[Place, Path] = {}
    left: list[tuple[Path, Node]] = [((), root)]
    while left:
        path, node = left.pop()
        if place(node) in found and not isinstance(node, ScalarNode):
            continue  # seen before, under another alias
        found.setdefault(place(node), path)
        if isinstance(node, SequenceNode):
            left += [((*path, index), item) for index, item in enumerate(node.value)]
        for name, key, value in members(node):
            found.setdefault(place(key), (*path, name))
            left.append(((*path, name), value))
    return found
