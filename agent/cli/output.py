"""How the command line shows things: tables, instants, durations, and text of others made harmless."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict

from agent.readable import ago, duration, instant, size

__all__ = ["ago", "duration", "emit_json", "harmless", "instant", "path_text", "size", "table"]

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


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


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Given headings and rows of cells, return them as aligned columns; the last column is not padded."""
    lines = [[harmless(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def emit_json(data: object) -> None:
    """Print data as JSON."""
    print(json.dumps(data, indent=2, default=_plain))


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, Struct) else str(value)
