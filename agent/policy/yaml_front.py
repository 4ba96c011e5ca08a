"""YAML to plain data: a thin front end of ours over PyYAML's C parser.

Scalars follow the core schema of YAML 1.2, with one exception: a number with leading zeros stays text, as a file mode
means it. So `22:30`, `no`, `on` and `0755` are what was written. Keys are always text. Tags, merge keys, duplicate
keys, more than one document, and numbers that are not finite are refused; anchors and aliases are welcome.

The composed nodes are kept: they know where every key and value stands.
"""

from __future__ import annotations

import operator
import re
from typing import Any, NamedTuple

import yaml
from yaml._yaml import CParser
from yaml.nodes import Node, ScalarNode, SequenceNode

from agent.policy.bounds import MAX_BYTES, MAX_DEPTH
from agent.policy.flaws import Fatal, Flaw
from agent.policy.inspection import inspect, needs_inspection

LARGEST_INTEGER = (1 << 63) - 1

_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_FIRST = frozenset(["", *"~nNtTfF-+.0123456789"])
"""How a plain scalar begins that is not surely text."""

_DIGITS = frozenset("0123456789")
_NUMBER = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?(\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0o[0-7]+"
)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_NOT_FINITE = frozenset(
    sign + word for word in (".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN") for sign in ("", "-", "+")
)
_BASES = {"0o": 8, "0x": 16}


class Document(NamedTuple):
    """What one file says: plain data, the node it came from, and the flaws of its YAML.

    With flaws, the data is only good for finding further mistakes. `node` is None when there is nothing to look at.
    """

    data: Any
    node: Node | None
    flaws: tuple[Flaw, ...] = ()


class _Composer(CParser):
    """Composes nodes without resolving their tags.

    The C parser calls these three for every node; functions written in C that do nothing of note cost a third of what
    methods would. What they return ends up as the node's `tag`, which nobody reads.
    """

    descend_resolver = operator.is_  # called with a parent and an index
    ascend_resolver = bool  # called without arguments
    resolve = slice  # called with the kind of node, its value and what is implicit


def scalar(text: str) -> Any:
    """Given a plain scalar, return what it stands for. ValueError: a number that cannot be used."""
    if text in _WORDS:
        return _WORDS[text]
    last = text[-1]
    if last in _DIGITS or last == ".":
        found = _NUMBER.fullmatch(text)
        if found:
            return _float(text) if found.lastindex else _integer(text)
    if text in _NOT_FINITE:
        raise ValueError("not finite")
    return _integer(text) if text.startswith("0x") and _HEXADECIMAL.fullmatch(text) else text


def _integer(text: str) -> int:
    # Longer ones are out of range, and the interpreter refuses to convert very long ones.
    value = int(text, _BASES.get(text[:2], 10)) if len(text) <= 30 else LARGEST_INTEGER + 1
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise ValueError("too large")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not -1e308 <= value <= 1e308:
        raise ValueError("too large")
    return value


def read(data: bytes, *, may_be_empty: bool = False) -> Document:
    """Given the bytes of one file, return its document; never raises for what is in them.

    Nothing but comments is a flaw, unless it may be; then it is an empty map without a node.
    """
    try:
        flaws = _look(data)
        node = _Composer(data).get_single_node()
        if may_be_empty and (node is None or (node.__class__ is ScalarNode and node.value == "")):
            return Document({}, None, tuple(flaws))
        if node is None:
            raise Fatal(Flaw(1, 1, "the file is empty", "begin with `version: 1`"))
        builder = _Builder()
        value = builder.build(node, 1)
    except Fatal as fatal:
        return Document(None, None, (fatal.flaw,))
    except yaml.YAMLError as error:
        from agent.policy.yaml_flaws import syntax_flaw  # noqa: PLC0415 - only files with mistakes pay for it

        return Document(None, None, (syntax_flaw(error, data),))
    if flaws or builder.flawed:
        from agent.policy.yaml_flaws import find_flaws  # noqa: PLC0415 - as above

        return Document(value, node, (*flaws, *find_flaws(node)))
    return Document(value, node)


def _look(data: bytes) -> list[Flaw]:
    if len(data) > MAX_BYTES:
        raise Fatal(Flaw(0, 0, f"larger than {MAX_BYTES} bytes", "split the policy into several files"))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = data.rfind(b"\n", 0, error.start) + 1
        line, column = data.count(b"\n", 0, start) + 1, len(data[start : error.start].decode("utf-8", "replace")) + 1
        right = "save the file as UTF-8"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            right += "; this looks like UTF-16"
        raise Fatal(Flaw(line, column, "not valid UTF-8", right)) from None
    return inspect(data) if needs_inspection(data) else []


class _Builder:
    """Nodes to data. That something is not as it should be is only noted; `find_flaws` says what and where.

    Surely text is what has quotes, or does not begin like anything else. It is told apart where the parts of a
    collection are gathered, because a call for every scalar would double the time.
    """

    def __init__(self) -> None:
        self.flawed = False

    def build(self, node: Any, depth: int) -> Any:
        """Given a node and the depth it stands at, return its data; within bounds, so the recursion is shallow."""
        kind = node.__class__
        if kind is ScalarNode:
            return self._scalar(node)
        if depth > MAX_DEPTH:
            mark = node.start_mark
            wrong = f"nested more than {MAX_DEPTH} levels deep"
            raise Fatal(Flaw(mark.line + 1, mark.column + 1, wrong, "policies are flat; look at the indentation"))
        depth += 1
        if kind is SequenceNode:
            return [
                item.value
                if item.__class__ is ScalarNode and (item.style or item.value[:1] not in _FIRST)
                else self.build(item, depth)
                for item in node.value
            ]
        try:
            found = {
                key.value: value.value
                if value.__class__ is ScalarNode and (value.style or value.value[:1] not in _FIRST)
                else self.build(value, depth)
                for key, value in node.value
            }
        except TypeError:  # a list or a map as key cannot be hashed
            return self._firsts(node, depth)
        if len(found) == len(node.value) and "<<" not in found:
            return found
        return self._firsts(node, depth)

    def _scalar(self, node: Any) -> Any:
        if node.style:
            return node.value
        try:
            return scalar(node.value)
        except ValueError:
            self.flawed = True
            return node.value

    def _firsts(self, node: Any, depth: int) -> dict[str, Any]:
        """Build a map with a flaw among its keys: of equal ones the first counts, as it does for places."""
        self.flawed = True
        found: dict[str, Any] = {}
        for key, value in node.value:
            if key.__class__ is ScalarNode and key.value not in found:
                found[key.value] = self.build(value, depth)
        return found
