"""YAML to plain data: a thin front end of ours over PyYAML's C parser.

Scalars follow the core schema of YAML 1.2, with one exception: a number with leading zeros stays text, as a file mode
means it. So `22:30`, `no`, `on` and `0755` are what was written. Keys are always text. Tags, merge keys, duplicate
keys, more than one document, and numbers that are not finite are refused; anchors and aliases are welcome.

The composed nodes are kept: they know where every key and value stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agent.policy.bounds import MAX_BYTES, MAX_DEPTH
from agent.policy.inspection import Fatal, Flaw, inspect, needs_inspection

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
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAYBE_NUMBER = frozenset("-+.0123456789")
_BASES = {"0o": 8, "0x": 16}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says: plain data, the node it came from, and the flaws of its YAML.

    With flaws, the data is only good for finding further mistakes. `node` is None when there is nothing to look at.
    """

    data: Any
    node: Node | None
    flaws: tuple[Flaw, ...] = ()


class _Composer(CParser):
    """Composes nodes whose `tag` is the scalar's value as data; collections get None.

    The C parser calls these methods once per node, so they are as short as can be.
    """

    flawed = False

    def descend_resolver(self, parent: object, index: object) -> None:
        """Called before each node; there are no resolvers by path here."""

    def ascend_resolver(self) -> None:
        """Called after each node."""

    def resolve(self, _kind: type, value: str | None, implicit: Any) -> Any:
        """Return what a node without a tag stands for; `implicit[0]` says that the scalar is plain."""
        if value is None or not implicit[0]:
            return value
        if value in _WORDS:
            return _WORDS[value]
        if value[0] in _MAYBE_NUMBER:
            value = self._number(value)
        elif value == "<<":
            self.flawed = True
        return value

    def _number(self, text: str) -> Any:
        try:
            return number(text)
        except ValueError:
            self.flawed = True
            return text


def number(text: str) -> int | float | str:
    """Given a plain scalar, return the number it is, or the text itself. ValueError: a number that cannot be used."""
    if _INTEGER.fullmatch(text):
        base = _BASES.get(text[:2], 10)
        # Longer ones are out of range, and the interpreter refuses to convert very long ones.
        if len(text) > 30 or not -LARGEST_INTEGER <= (value := int(text, base)) <= LARGEST_INTEGER:
            raise ValueError("too large")
        return value
    if _FLOAT.fullmatch(text):
        result = float(text)
        if not -1e308 <= result <= 1e308:
            raise ValueError("too large")
        return result
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("not finite")
    return text


def read(data: bytes) -> Document:
    """Given the bytes of one file, return its document; never raises for what is in them."""
    try:
        flaws = _look(data)
        composer = _Composer(data)
        node = composer.get_single_node()
    except Fatal as fatal:
        return Document(None, None, (fatal.flaw,))
    except yaml.YAMLError as error:
        return Document(None, None, (syntax_flaw(error, data),))
    if node is None:
        return Document(None, None, (Flaw(1, 1, "the file is empty", "begin with `version: 1`"),))
    builder = _Builder()
    try:
        value = builder.build(node, 1)
    except Fatal as fatal:
        return Document(None, None, (fatal.flaw,))
    if flaws or composer.flawed or builder.flawed:
        return Document(value, node, (*flaws, *_search(node)))
    return Document(value, node)


def _look(data: bytes) -> list[Flaw]:
    if len(data) > MAX_BYTES:
        raise Fatal(Flaw(0, 0, f"larger than {MAX_BYTES} bytes", "split the policy into several files"))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        right = "save the file as UTF-8"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            right += "; this looks like UTF-16"
        raise Fatal(Flaw(*_at(data, error.start), "not valid UTF-8", right)) from None
    return inspect(data) if needs_inspection(data) else []


def _at(data: bytes, offset: int) -> tuple[int, int]:
    """Return line and column of a byte offset."""
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1


class _Builder:
    """Nodes to data. What is not as it should be is only noted; `_search` finds out what and where."""

    def __init__(self) -> None:
        self.flawed = False

    def build(self, node: Node, depth: int) -> Any:
        if depth > MAX_DEPTH + 1:
            mark = node.start_mark
            raise Fatal(
                Flaw(
                    mark.line + 1,
                    mark.column + 1,
                    f"nested more than {MAX_DEPTH} levels deep",
                    "policies are flat; look at the indentation",
                )
            )
        depth += 1
        if node.__class__ is MappingNode:
            try:
                found = {
                    key.value: value.tag if value.__class__ is ScalarNode else self.build(value, depth)
                    for key, value in node.value
                }
            except TypeError:  # a list or a map as key cannot be hashed
                self.flawed = True
                return {}
            if len(found) != len(node.value):
                self.flawed = True
            return found
        if node.__class__ is SequenceNode:
            return [item.tag if item.__class__ is ScalarNode else self.build(item, depth) for item in node.value]
        return node.tag


def _search(root: Node) -> list[Flaw]:
    """Given a document that is within bounds, return its flaws that are not tags."""
    flaws: list[Flaw] = []
    seen: set[int] = set()
    left = [root]
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            flaws += _key_flaws(node)
            left += [value for _, value in reversed(node.value)]
        elif isinstance(node, SequenceNode):
            left += reversed(node.value)
        elif isinstance(node, ScalarNode) and not node.style:
            flaws += _number_flaws(node)
    return flaws


def _key_flaws(node: MappingNode) -> list[Flaw]:
    flaws = []
    first: dict[str, int] = {}
    for key, _ in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if not isinstance(key, ScalarNode):
            flaws.append(Flaw(line, column, "a list or a map as key", "keys are plain words"))
        elif key.value == "<<" and not key.style:
            flaws.append(Flaw(line, column, "merge keys (<<) are not allowed", "write the keys out, or alias a value"))
        elif key.value in first:
            wrong = f"duplicate key {key.value[:40]!a}, first on line {first[key.value]}"
            flaws.append(Flaw(line, column, wrong, "remove one of the two"))
        else:
            first[key.value] = line
    return flaws


def _number_flaws(node: ScalarNode) -> list[Flaw]:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    try:
        number(node.value)
    except ValueError as error:
        wrong = f"the number {node.value[:40]} is {error}"
        return [Flaw(line, column, wrong, f"write a number up to {LARGEST_INTEGER}, or put quotes around text")]
    return []


def syntax_flaw(error: yaml.YAMLError, data: bytes) -> Flaw:
    """Given an error of the parser and the bytes it read, word it."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        where = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return Flaw(*where, *_wording(error))
    found = _UNPRINTABLE.search(data.decode("utf-8", "replace"))
    if found is None:
        return Flaw(0, 0, f"not YAML: {error}", "")
    text = data.decode("utf-8", "replace")
    where = _at(data, len(text[: found.start()].encode()))
    return Flaw(*where, f"the character U+{ord(found[0]):04X} is not allowed", "remove it")


_ADVICE = {
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "found character that cannot start any token": "put quotes around text that begins with such a character; indent "
    "with spaces, not with tabs",
    "mapping values are not allowed in this context": "put quotes around text that holds `: `, and check the "
    "indentation",
    "found undefined alias": "an alias (*name) needs an anchor (&name) before it; put quotes around text that begins "
    "with *",
    "found unexpected end of stream": "close the quote",
    "but found another document": "write one document per file; remove the `---`",
    "found unknown escape character": "write \\\\ for a backslash, or use single quotes",
    "did not find expected key": "check the indentation, and that each line is `key: value`",
    "did not find expected '-' indicator": "check the indentation of the list",
    "did not find expected ',' or ']'": "close the list with ]",
    "did not find expected ',' or '}'": "close the map with }",
    "could not find expected ':'": "each line is `key: value`",
    "second occurrence": "give each anchor a name of its own",
}


def _wording(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    problem = error.problem or "cannot be read"
    begun = ""
    if error.context_mark and error.context and error.context.startswith("while"):
        begun = f" {error.context} that began on line {error.context_mark.line + 1}"
    if problem == "second occurrence":
        return "an anchor of this name exists already", _ADVICE[problem]
    return f"not YAML: {problem}{begun}", _ADVICE.get(problem, "check the quotes and the indentation here")
