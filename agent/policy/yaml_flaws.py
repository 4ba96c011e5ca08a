"""What exactly is wrong with YAML that was not accepted, and where: the slow way."""

from __future__ import annotations

import re

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from agent.policy.flaws import Flaw
from agent.policy.nearest import quoted
from agent.policy.places import place
from agent.policy.yaml_front import LARGEST_INTEGER, scalar

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_ADVICE = {
    "found character that cannot start any token": "put quotes around text that begins with such a character",
    "did not find expected alphabetic or numeric character": "put quotes around text that begins with * or &",
    "mapping values are not allowed in this context": "put quotes around text that holds `: `; check the indentation",
    "found undefined alias": "an alias (*name) needs an anchor (&name) before it; put quotes around text that begins "
    "with *",
    "found unexpected end of stream": "close the quote",
    "found unknown escape character": "write \\\\ for a backslash, or use single quotes",
    "did not find expected key": "check the indentation, and that each line is `key: value`",
    "did not find expected '-' indicator": "check the indentation of the list",
    "did not find expected ',' or ']'": "close the list with ]",
    "did not find expected ',' or '}'": "close the map with }",
    "exceeded maximum nesting depth": "policies are flat; look for a stray bracket",
    "could not find expected ':'": "each line is `key: value`",
}
_WORDED = {
    "second occurrence": ("an anchor of this name exists already", "give each anchor a name of its own"),
    "but found another document": ("a second document begins here", "write one document per file; remove the `---`"),
}


def syntax_flaw(error: yaml.YAMLError, data: bytes) -> Flaw:
    """Given an error of the parser and the bytes it read, word it."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        wrong, right = _wording(error)
        lines = data.decode("utf-8", "replace").split("\n")
        if 0 < line <= len(lines) and lines[line - 1][column - 1 : column] == "\t":
            right = "indent with spaces, not with tabs"
        return Flaw(line, column, wrong, right)
    text = data.decode("utf-8", "replace")
    found = _UNPRINTABLE.search(text)
    if found is None:
        return Flaw(0, 0, f"not YAML: {error}", "")
    line, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
    return Flaw(line, column, f"the character U+{ord(found[0]):04X} is not allowed", "remove it")


def _wording(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    problem = error.problem or "cannot be read"
    if problem in _WORDED:
        return _WORDED[problem]
    begun = ""
    if error.context_mark and error.context and error.context.startswith("while"):
        begun = f" {error.context} that began on line {error.context_mark.line + 1}"
    return f"not YAML: {problem}{begun}", _ADVICE.get(problem, "check the quotes and the indentation here")


def find_flaws(root: Node) -> list[Flaw]:
    """Given a document that is within bounds, return those of its flaws that `agent.policy.inspection` leaves out."""
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
            left += [value for _, value in node.value]
        elif isinstance(node, SequenceNode):
            left += node.value
        elif isinstance(node, ScalarNode) and not node.style:
            flaws += _number_flaws(node)
    return flaws


def _key_flaws(node: MappingNode) -> list[Flaw]:
    flaws = []
    first: dict[str, int] = {}
    for key, _ in node.value:
        line, column = place(key)
        if not isinstance(key, ScalarNode):
            flaws.append(Flaw(line, column, "a list or a map as key", "keys are plain words"))
        elif key.value == "<<" and not key.style:
            flaws.append(Flaw(line, column, "merge keys (<<) are not allowed", "write the keys out, or alias a value"))
        elif key.value in first:
            wrong = f"duplicate key {quoted(key.value)}, first on line {first[key.value]}"
            flaws.append(Flaw(line, column, wrong, "remove one of the two"))
        else:
            first[key.value] = line
    return flaws


def _number_flaws(node: ScalarNode) -> list[Flaw]:
    try:
        scalar(node.value)
    except ValueError as error:
        wrong = f"the number {node.value[:40]} is {error}"
        return [Flaw(*place(node), wrong, f"write a number up to {LARGEST_INTEGER}, or put quotes around text")]
    return []
