"""How the command line shows things: tables, instants, durations, and text of others made harmless."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from agent.readable import ago, duration, instant, size

__all__ = ["ago", "duration", "emit_json", "harmless", "instant", "path_text", "size", "table"]

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

NARROW = 20
"""A last column of less than so many characters is not broken over lines: that would be hard to read."""


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


def terminal() -> os.terminal_size | None:
    """Return the size of the terminal that standard output goes to, None where it goes elsewhere."""
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    return found if min(found) > 0 else None


def columns() -> int | None:
    """Return how many characters a line of the terminal has, None where standard output goes elsewhere."""
    size_of = terminal()
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


def broken(text: str, within: int | None, indent: str = "") -> list[str]:
    """Given one line of text, return it indented, in lines of no more than so many characters if that is given."""
    if within is None or not text:
        return [indent + text]
    return textwrap.wrap(text, max(within, len(indent) + NARROW), initial_indent=indent, subsequent_indent=indent)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], within: int | None = None) -> str:
    """Given headings and rows of cells, return them as aligned columns; the last column is not padded.

    With `within`, what stands in the last column goes on below where a line would have more characters than that.
    """
    lines = [[harmless(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    shown: list[str] = []
    for line in lines:
        first = "".join(f"{cell.ljust(width)}  " for cell, width in zip(line[:-1], widths[:-1], strict=True))
        roomy = within is not None and within - before >= NARROW
        last, *more = broken(line[-1], within - before if within is not None and roomy else None)
        shown += [(first + last).rstrip(), *(" " * before + part for part in more)]
    return "\n".join(shown)


def emit_json(data: object) -> None:
    """Print data as JSON."""
    print(json.dumps(data, indent=2, default=_plain))


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Struct) else str(value)
