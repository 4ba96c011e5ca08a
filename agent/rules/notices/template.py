"""Templates of messages: text with placeholders of a fixed list, and nothing that could do anything. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from agent.nearest import nearest

SUBJECT = ("count", "event", "host", "names", "severity", "summary")
"""Placeholders of a subject."""

BODY = (*SUBJECT, "items")
"""Placeholders of a body; `items` are one or more lines per thing that is told."""

_PIECE = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class TemplateError(ValueError):
    """A template that cannot be used: what is wrong, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        self.wrong, self.right = wrong, right
        super().__init__(f"{wrong}: {right}")


def parse(text: str, known: Collection[str]) -> list[tuple[str, str]]:
    """Given a template and the placeholders it may have, return its pieces: literal text and placeholder, one empty.

    Raises TemplateError.
    """
    pieces: list[tuple[str, str]] = []
    for piece in _PIECE.findall(text):
        if piece in ("{{", "}}"):
            pieces.append((piece[0], ""))
        elif piece in ("{", "}"):
            raise TemplateError(f"a lone `{piece}`", f"write `{piece * 2}` for a brace")
        elif piece[0] == "{":
            name = piece[1:-1]
            if name not in known:
                close = nearest(name[:64], known)
                right = f"did you mean `{{{close}}}`?" if close else f"known are {', '.join(sorted(known))}"
                raise TemplateError(f"unknown placeholder `{piece[:64]}`", right)
            pieces.append(("", name))
        else:
            pieces.append((piece, ""))
    return pieces


def fill(text: str, values: Mapping[str, str]) -> str:
    """Given a template and what its placeholders stand for, return the text. Values are never looked into."""
    return "".join([literal or values[name] for literal, name in parse(text, values)])
