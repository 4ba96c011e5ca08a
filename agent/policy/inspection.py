"""A first look at YAML that might be hostile, event by event, before anything recursive is built.

PyYAML's C composer recurses without a limit: 30,000 brackets end the process. Its event parser does not recurse, so
depth, nodes and text are counted here first, and tags, anchors and aliases are judged. Most files cannot hold any of
that, and a look at their bytes shows it (`needs_inspection`), which is far cheaper than the events.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import yaml
from yaml._yaml import CParser

from agent.policy.bounds import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_SCALAR,
    MAX_TEXT,
    SMALL_BRACKETS,
    SMALL_BYTES,
    SMALL_LINE,
)
from agent.policy.flaws import Fatal, Flaw
from agent.policy.nearest import quoted


def needs_inspection(data: bytes) -> bool:
    """Say whether these bytes could hold a tag, an anchor, an escape, or nesting too deep to compose.

    A level of nesting costs a bracket, or two columns of one line in block style, so short lines with few brackets
    are shallow; without `&` there is no anchor, hence no alias; without `!` no tag; without a backslash no escape.
    """
    return (
        len(data) > SMALL_BYTES
        or b"&" in data
        or b"!" in data
        or b"\\" in data
        or data.count(b"[") + data.count(b"{") > SMALL_BRACKETS
        or max(map(len, data.split(b"\n"))) > SMALL_LINE
    )


class _Open(NamedTuple):
    """A collection that has begun: its anchor, and what had been counted when it began."""

    anchor: str | None
    nodes: int
    text: int


class _Inspection:
    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self._nodes = 0
        self._text = 0
        self._open: list[_Open] = []
        self._known: dict[str, tuple[int, int]] = {}

    def see(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._node(event)
        elif isinstance(event, yaml.DocumentStartEvent) and event.tags:
            self._flaw(event, "tag directives are not allowed", "remove the %TAG line")

    def _node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._flaw(
                event,
                f"tag {quoted(event.tag.replace('tag:yaml.org,2002:', '!!'))} is not allowed",
                "write the value without a tag",
            )
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            if event.anchor:
                self._known[event.anchor] = (1, len(event.value))
            return
        self._open.append(_Open(event.anchor, self._nodes, self._text))
        self._count(event, 1, 0)
        if len(self._open) > MAX_DEPTH:
            self._fatal(
                event, f"nested more than {MAX_DEPTH} levels deep", "policies are flat; look for a stray bracket"
            )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if len(event.value) > MAX_SCALAR:
            self._fatal(
                event,
                f"a text of {len(event.value)} characters",
                f"at most {MAX_SCALAR} are allowed; look for a missing quote",
            )
        if "\0" in event.value:
            self._flaw(event, "a text with a NUL character", "remove the \\0")
        self._count(event, 1, len(event.value))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if any(collection.anchor == event.anchor for collection in self._open):
            self._fatal(event, f"*{event.anchor} contains itself", "an alias may not stand inside its own anchor")
        # An unknown alias is left to the composer, which words it.
        nodes, text = self._known.get(event.anchor or "", (1, 0))
        self._count(event, nodes, text)

    def _close(self) -> None:
        closed = self._open.pop()
        if closed.anchor:
            self._known[closed.anchor] = (self._nodes - closed.nodes, self._text - closed.text)

    def _count(self, event: yaml.Event, nodes: int, text: int) -> None:
        self._nodes += nodes
        self._text += text
        if self._nodes > MAX_NODES:
            self._fatal(event, f"more than {MAX_NODES} values, aliases written out", "split the policy into files")
        if self._text > MAX_TEXT:
            self._fatal(event, f"more than {MAX_TEXT} characters, aliases written out", "split the policy into files")

    def _flaw(self, event: yaml.Event, wrong: str, right: str) -> None:
        self.flaws.append(_flaw(event, wrong, right))

    def _fatal(self, event: yaml.Event, wrong: str, right: str) -> NoReturn:
        raise Fatal(_flaw(event, wrong, right))


def _flaw(event: yaml.Event, wrong: str, right: str) -> Flaw:
    mark: Any = event.start_mark
    return Flaw(mark.line + 1, mark.column + 1, wrong, right)


def inspect(data: bytes) -> list[Flaw]:
    """Given UTF-8 bytes of YAML, return the tags and NULs in them.

    Raises Fatal when a bound is passed or an alias contains itself, and `yaml.YAMLError` when it is no YAML.
    """
    parser = CParser(data)
    inspection = _Inspection()
    while (event := parser.get_event()) is not None:
        inspection.see(event)
    return inspection.flaws
