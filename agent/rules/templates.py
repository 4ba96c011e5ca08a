"""Templates of log messages: what lines have in common once what changes from line to line is left out.

A fixed-depth tree finds the templates that a line could belong to (He et al., Drain: An Online Log Parsing Approach
with Fixed Depth Tree, 2017): by its level, its number of words and the first word of the message. Among these it
belongs to the oldest that it fits; else to the one that it resembles most, which becomes more general; else it is the
first of a new template. The result depends on nothing but the lines and their order, and the number of templates is
bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

ANY = "<*>"
"""Stands in a template where its lines differ."""

OTHER = 0
"""The id under which lines are counted for which there is no room."""

MOST_WORDS = 48
"""Words of a line after so many count as one that differs."""

MOST_CHARACTERS = 2048
"""Of a longer line only so much is looked at."""

_ALIKE = 0.5
"""A line that shares so much of its words with a template belongs to it."""

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_CHANGING = re.compile(rb"0[^\s\]\[()=/\"',;&?@|]*")
_LEVELS = {
    "emerg": "emergency",
    "emergency": "emergency",
    "panic": "emergency",
    "alert": "alert",
    "crit": "critical",
    "critical": "critical",
    "fatal": "critical",
    "severe": "error",
    "err": "error",
    "error": "error",
    "warn": "warning",
    "warning": "warning",
    "notice": "notice",
    "info": "info",
    "information": "info",
    "debug": "debug",
    "trace": "debug",
}
LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug", "unknown")
"""Every level, the worst first; the first eight are those of syslog (RFC 5424), in its order."""

_LEVEL = re.compile(rf"(?i)(?<![\w/.-])(?:{'|'.join(sorted(_LEVELS, key=len, reverse=True))})(?![\w/-])")
_UPPER = re.compile(rf"(?<![\w/.-])(?:{'|'.join(sorted(map(str.upper, _LEVELS), key=len, reverse=True))})(?![\w/-])")
_HEAD = 160
_PREFIX = 7
"""Among so many words at the beginning of a line are time, host, program and level."""


def without_numbers(lines: bytes) -> bytes:
    """Given one line or many, return them with everything replaced that begins with a digit, to its end.

    That takes in numbers, times, addresses, and what follows the first digit of an identifier.
    """
    return _CHANGING.sub(b"<*>", lines.translate(_DIGITS))


def level_of(text: str) -> str:
    """Given a line, return the level that it names near its beginning, one of LEVELS.

    One in capitals is meant as a level; else the first word that is one.
    """
    found = _UPPER.search(text, 0, _HEAD) or _LEVEL.search(text, 0, _HEAD)
    return _LEVELS[found.group().lower()] if found else "unknown"


class Template(Struct):
    """What lines have in common: `words`, ANY where they differ, of which all share the `lead`, the message's first.

    `first` and `last` are when lines of it were read, `count` how many there were.
    """

    id: int
    level: str
    lead: str
    words: list[str]
    first: float
    last: float
    count: int = 0

    @property
    def text(self) -> str:
        """The template as a line."""
        return " ".join(self.words)


class Belongs(Struct, frozen=True):
    """What a line belongs to; `new` says that it is the first of its template."""

    id: int
    new: bool = False


class Miner:
    """Finds the template of each line. `most` templates are held; when there is no more room, that which was not seen
    for the longest gives way, if that is more than `forget_after` seconds; else the line belongs to OTHER. `changes`
    counts what may have a line belong elsewhere than the same line before it.
    """

    def __init__(self, templates: Iterable[Template], following: int, most: int, forget_after: float) -> None:
        self.templates = {template.id: template for template in templates}
        self.following = following
        self._most = most
        self._forget_after = forget_after
        self._tree: dict[tuple[str, int, str], list[int]] = {}
        self.changes = 0
        for template in self.templates.values():
            self._leaf(template.level, len(template.words), template.lead).append(template.id)

    def belongs(self, level: str, text: str, now: float) -> Belongs:
        """Given a line without numbers and without secrets, return what it belongs to; its template learns from it."""
        words = _words(text)
        lead = _lead(words)
        leaf = self._leaf(level, len(words), lead)
        constant = sum(word != ANY for word in words)
        alike: tuple[int, Template] | None = None
        for number in leaf:
            template = self.templates[number]
            shared = _shared(template.words, words)
            if shared is None:
                return Belongs(number)
            if shared >= _ALIKE * constant and (alike is None or shared > alike[0]):
                alike = (shared, template)
        if alike is not None:
            template = alike[1]
            template.words = [one if one == other else ANY for one, other in zip(template.words, words, strict=True)]
            self.changes += 1
            return Belongs(template.id)
        return self._first(Template(self.following, level, lead, words, now, now), leaf)

    def _first(self, template: Template, leaf: list[int]) -> Belongs:
        """Take the first line of a template, if there is room for it."""
        if len(self.templates) >= self._most:
            oldest = min(self.templates.values(), key=lambda one: (one.last, one.id))
            if oldest.last + self._forget_after > template.first:
                return Belongs(OTHER)
            self._leaf(oldest.level, len(oldest.words), oldest.lead).remove(oldest.id)
            del self.templates[oldest.id]
            self.changes += 1
        self.following += 1
        self.templates[template.id] = template
        leaf.append(template.id)
        return Belongs(template.id, new=True)

    def _leaf(self, level: str, length: int, lead: str) -> list[int]:
        return self._tree.setdefault((level, length, lead), [])


def _lead(words: Sequence[str]) -> str:
    """Return the first word of the message itself, after time, host, program and level; "" when it has a number."""
    at = 0
    for number, word in enumerate(words[:_PREFIX]):
        if (
            (word == ANY and number == at)
            or word[-1] in ":]|"
            or word == "-"
            or word.strip("[]()<>:").lower() in _LEVELS
        ):
            at = number + 1
    return words[at] if at < len(words) and ANY not in words[at] else ""


def _words(text: str) -> list[str]:
    words = text[:MOST_CHARACTERS].split(None, MOST_WORDS)
    if len(words) > MOST_WORDS:
        words[MOST_WORDS] = ANY
    return words


def _shared(template: Sequence[str], words: Sequence[str]) -> int | None:
    """Return how many words a line shares with a template, None when it fits it."""
    shared = 0
    fits = True
    for one, other in zip(template, words, strict=True):
        if one == other:
            shared += one != ANY
        elif one != ANY:
            fits = False
    return None if fits else shared
