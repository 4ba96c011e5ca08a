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


class Places:
    """Looks up places in one document; of equal keys the first counts."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._maps: dict[int, dict[str, tuple[Node, Node]]] = {}

    def value_at(self, path: Path) -> Node:
        """Given a path, return the node of the value there, or the nearest above it."""
        return self._follow(path)[1]

    def key_place(self, path: Path) -> Place:
        """Given a path, return where its key is written; of a list's item, where the item begins."""
        return place(self._follow(path)[0])

    def value_place(self, path: Path) -> Place:
        """Given a path, return where its value begins; an empty value stands where its key does."""
        key, value = self._follow(path)
        empty = isinstance(value, ScalarNode) and not value.value and not value.style
        return place(key if empty else value)

    def paths(self) -> dict[Place, Path]:
        """Return the path of every key and value by the place where it begins."""
        found: dict[Place, Path] = {}
        left: list[tuple[Path, Node]] = [((), self._root)]
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

    def _follow(self, path: Path) -> tuple[Node, Node]:
        key = value = self._root
        for step in path:
            below = self._step(value, step)
            if below is None:
                break
            key, value = below
        return key, value

    def _step(self, node: Node, step: str | int) -> tuple[Node, Node] | None:
        if isinstance(step, int):
            inside = isinstance(node, SequenceNode) and step < len(node.value)
            return (node.value[step], node.value[step]) if inside else None
        if id(node) not in self._maps:
            found: dict[str, tuple[Node, Node]] = {}
            for name, key, value in members(node):
                found.setdefault(name, (key, value))
            self._maps[id(node)] = found
        return self._maps[id(node)].get(step)
