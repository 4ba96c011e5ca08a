"""How the command line shows things: tables, instants, durations, and text of others made harmless."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TextIO

from msgspec import Struct
from msgspec.structs import asdict

from agent.readable import ago, duration, instant, size

__all__ = ["ago", "duration", "emit_json", "harmless", "instant", "path_text", "size", "table"]

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

NARROW = 20
"""In a column of less than so many characters words are not broken for want of room, as long as there is other room."""

LEAST = 4
"""No column is made narrower than this."""

GAP = 2
"""How many characters stand between columns."""


def harmless(text: str) -> str:
    """Given text from outside, return it with control, format and surrogate characters written as escapes."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode("ascii")
        if unicodedata.category(char) in _HARMFUL
        else char
        for char in text
    )


def path_text(path: bytes) -> str:
    """Given a path as bytes, return it as harmless text."""
    return harmless(os.fsdecode(path))


def terminal(output: TextIO | None = None) -> os.terminal_size | None:
    """Return the size of the terminal that standard output, or another one, goes to; None where it goes elsewhere."""
    try:
        found = os.get_terminal_size((output or sys.stdout).fileno())
    except (OSError, ValueError):
        return None
    return found if min(found) > 0 else None


def columns(output: TextIO | None = None) -> int | None:
    """Return how many characters a line of the terminal has; None where standard output, or another, goes elsewhere."""
    size_of = terminal(output)
    return size_of.columns if size_of is not None else None


def fitting(screen: Callable[[int], str], most: int) -> str:
    """Given what makes a text of so many rows a part, return it with as many as the terminal shows, at most `most`."""
    size_of = terminal()
    if size_of is None:
        return screen(most)
    for rows in range(most, 1, -1):
        text = screen(rows)
        # Below it comes the prompt.
        if sum(1 + max(0, len(line) - 1) // size_of.columns for line in text.split("\n")) < size_of.lines:
            return text
    return screen(1)


def broken(text: str, within: int | None, indent: str = "", hanging: str | None = None) -> list[str]:
    """Given one line of text, return it indented, in lines of no more than so many characters if that is given.

    `hanging` is how the lines below the first are indented, if otherwise.
    """
    if within is None or not text:
        return [indent + text]
    below = indent if hanging is None else hanging
    wide = max(within, len(indent) + NARROW, len(below) + NARROW)
    return textwrap.wrap(text, wide, initial_indent=indent, subsequent_indent=below, break_on_hyphens=False)


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], within: int | None = None, spare: Sequence[str] = ()
) -> str:
    """Given headings and rows of cells, return them as aligned columns; the last column is not padded.

    With `within`, no line has more characters than that: what a cell has no room for goes on below, first of all in the
    last column. Where that alone does not do, columns that are `spare` are left out, in this order.
    """
    names, lines = list(headings), [[harmless(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if within is not None:
        for name in spare:
            if _least(widths) > within:
                place = names.index(name)
                for line in (names, *lines):
                    del line[place]
                del widths[place]
        widths = _squeezed(lines, widths, within - GAP * (len(widths) - 1))
    shown: list[str] = []
    for line in lines:
        cells = [
            textwrap.wrap(cell, width, break_on_hyphens=False) if len(cell) > width else [cell]
            for cell, width in zip(line, widths, strict=True)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = [part.ljust(width) for part, width in zip(parts, widths, strict=True)]
            shown.append((" " * GAP).join(padded).rstrip())
    return "\n".join(shown)


def _least(widths: Sequence[int]) -> int:
    """Return how many characters a line has at least if only what stands in the last column goes on below."""
    return sum(widths[:-1]) + GAP * (len(widths) - 1) + min(widths[-1], NARROW)


def _squeezed(lines: Sequence[Sequence[str]], widths: list[int], room: int) -> list[int]:
    """Given the cells and how wide each column is, return how wide each may be in `room`, if that can be at all."""
    last = room - sum(widths[:-1])
    if last >= min(widths[-1], NARROW):
        return [*widths[:-1], min(widths[-1], last)]
    words = [
        max((len(word) for cell in column for word in cell.split()), default=0) for column in zip(*lines, strict=True)
    ]
    floors = [min(word, NARROW) for word in words]
    for most in range(room, 0, -1):
        found = [max(floor, min(width, most)) for floor, width in zip(floors, widths, strict=True)]
        if sum(found) <= room:
            return found
    for most in range(NARROW, LEAST - 1, -1):
        found = [min(floor, most) for floor in floors]
        if sum(found) <= room:
            return found
    return widths


def emit_json(data: object) -> None:
    """Print data as JSON."""
    print(json.dumps(data, indent=2, default=_plain))


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Struct) else str(value)
