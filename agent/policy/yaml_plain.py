"""The plain part of YAML, which most policies keep to, read in a fraction of the time that PyYAML takes.

Plain is ASCII of `key: value` and `- value` on lines of their own, maps and lists below a key that are indented further
than it, comments on lines of their own, and within a line lists and maps in brackets. Values are plain text, or quoted
without any escape. All else is left to `agent.policy.yaml_front`: nothing is judged here, and what is plain but no good
policy is read again there, for the places of its mistakes. Both agree on whatever is plain.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from agent.policy.bounds import SMALL_BYTES
from agent.policy.yaml_scalars import MAYBE_NOT_TEXT, scalar

_DEPTH = 8
"""How deep collections may lie in one another, over lines and within one alike."""

_REMEMBERED = 4096
"""As many values are kept for when they come again, if they are no longer than `_LONGEST`."""

_LONGEST = 256

_KEY = r"[A-Za-z_][A-Za-z0-9_-]{0,127}+"
_QUOTED = r"\"[ !#-\[\]-~]*+\"|'[ -&(-~]*+'"
_FIRST = r"(?:[A-Za-z0-9_/.(+$]|-(?=[A-Za-z0-9_/.-]))"
# A colon before a space would be that of a key, a hash after one would begin a comment.
_TEXT = rf"{_FIRST}(?:[!-\"$-9;-~]++|:(?=[!-~])|#|\ ++(?=[!-\"$-~]))*+"
_WORD = r"[A-Za-z0-9_/.()+$@=%*~^;-]"
_TEXT_IN_BRACKETS = rf"{_FIRST}(?:{_WORD}++|\ ++(?={_WORD}))*+"
_VALUE = rf"{_QUOTED}|{_TEXT}|[\[{{][ -~]*+"
_LINE = re.compile(rf"^( *+)(?:({_KEY}):(?: ++({_VALUE}))?+|- ++({_VALUE})|(?:#[ -~]*+)?+) *+$", re.MULTILINE)
_TOKEN = re.compile(rf" *+(?:([\[\]{{}},])|({_KEY}): ++|({_QUOTED}|{_TEXT_IN_BRACKETS})) *+")
_QUOTES = ("'", '"')
_BRACKETS = ("[", "{")
_NOT_ITSELF = MAYBE_NOT_TEXT | {*_QUOTES, *_BRACKETS}

Line = tuple[str, str, str, str]
"""Its indentation, and a key, the value behind it, or the item of a list; "" for what it does not have."""

Token = tuple[str, str, str]
"""A bracket or comma, or a key, or a value."""


class Plain(NamedTuple):
    """What a file says, and section, name, line and column of all that stands below its sections.

    There are no `names` if a section is in brackets. All is for reading only: parts are shared between files.
    """

    data: dict[str, Any]
    names: list[tuple[str, str, tuple[int, int]]] | None


class NotPlain(Exception):
    """There is more in it than is read here."""


class PlainReader:
    """Reads file after file. What stands in brackets often comes again, and is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def read(self, data: bytes) -> Plain | None:
        """Given the bytes of a file, return what it says, None if it is not plain."""
        if len(data) > SMALL_BYTES or not data.isascii():
            return None
        text = data.decode("ascii")
        lines: list[Line] = _LINE.findall(text)
        if len(lines) != text.count("\n") + 1:
            return None
        try:
            return self._document(lines)
        except NotPlain:
            return None

    def _document(self, lines: list[Line]) -> Plain:
        nest, names, section, hidden = _Nest(), [], "", False
        here: Any = nest.root
        indent, depth, opened = 0, 0, ""
        for number, (pad, key, value, item) in enumerate(lines, 1):
            if not key and not item:
                continue
            if opened or len(pad) != indent:
                here = nest.turn(len(pad), opened, {} if key else [])
                indent, depth, opened = len(pad), len(nest.around), ""
            if (here.__class__ is dict) != bool(key):
                raise NotPlain
            if item:
                here.append(item if item[0] not in _NOT_ITSELF else self._value(item))
                continue
            if key in here:
                raise NotPlain
            if depth == 1:
                names.append((section, key, (number, indent + 1)))
            elif not depth:
                section, hidden = key, hidden or value[:1] == "{"
            here[key] = value if value and value[0] not in _NOT_ITSELF else self._value(value)
            opened = "" if value else key
        if opened or not nest.root:
            raise NotPlain
        return Plain(nest.root, None if hidden else names)

    def _value(self, text: str) -> Any:
        if text[:1] in _QUOTES:
            return text[1:-1]
        found = self._known.get(text, self)
        if found is self:
            found = _flow(text) if text[:1] in _BRACKETS else _scalar(text)
            if len(self._known) == _REMEMBERED:
                self._known.clear()
            if len(text) <= _LONGEST:
                self._known[text] = found
        return found


class _Nest:
    """The collection that lines are put into, and those around it, each with its indent."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self.here: Any = self.root
        self.around: list[tuple[int, Any]] = []
        self._indent = 0

    def turn(self, indent: int, opened: str, below: Any) -> Any:
        """Given the indent of a line, return the collection it belongs to.

        That is `below`, which is empty, if the line before was the key `opened` alone, else one around here.
        """
        if opened:
            if indent <= self._indent or len(self.around) == _DEPTH:
                raise NotPlain
            self.around.append((self._indent, self.here))
            self.here[opened] = self.here = below
            self._indent = indent
        while self.around and indent < self._indent:
            self._indent, self.here = self.around.pop()
        if indent != self._indent:
            raise NotPlain
        return self.here


def _scalar(text: str) -> Any:
    try:
        return scalar(text)
    except ValueError:
        raise NotPlain from None


def _flow(text: str) -> Any:
    """Given text that begins with a bracket, return the list or map."""
    tokens: list[Token] = []
    end = 0
    for found in _TOKEN.finditer(text):
        if found.start() != end:
            raise NotPlain
        end = found.end()
        mark, key, value = found.groups("")
        tokens.append((mark, key, value))
    if end != len(text):
        raise NotPlain
    tokens.reverse()
    try:
        value = _taken(tokens, _DEPTH)
    except IndexError:
        raise NotPlain from None
    if tokens:
        raise NotPlain
    return value


def _taken(tokens: list[Token], depth: int) -> Any:
    """Given tokens, the next one last, take a value off them and return it."""
    mark, key, value = tokens.pop()
    if value:
        if value[0] in "\"'":
            return value[1:-1]
        return value if value[0] not in MAYBE_NOT_TEXT else _scalar(value)
    if key or not depth or mark not in "[{":
        raise NotPlain
    closing = "]" if mark == "[" else "}"
    items: list[Any] = []
    members: dict[str, Any] = {}
    while tokens[-1][0] != closing or items or members:
        if closing == "]":
            items.append(_taken(tokens, depth - 1))
        else:
            _, key, _ = tokens.pop()
            if not key or key in members:
                raise NotPlain
            members[key] = _taken(tokens, depth - 1)
        mark = tokens.pop()[0]
        if mark == closing:
            return items if closing == "]" else members
        if mark != ",":
            raise NotPlain
    tokens.pop()
    return items if closing == "]" else members
