"""How the command line shows things: tables, instants, durations, and text of others made harmless."""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Sequence
from datetime import datetime, tzinfo

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


def instant(seconds: float | None, zone: tzinfo) -> str:
    """Given seconds since the epoch, return local date and time, or a dash for None."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Given seconds, return a short reading such as `850ms`, `12.0s`, `3m05s`, `2h10m`, `4d3h`; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for size, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size}{unit}{rest:02d}{smaller}" if unit != "d" else f"{whole // size}d{rest}h"
    return f"{whole}s"


def ago(then: float | None, now: float) -> str:
    """Given an instant and now, return how long ago it was, or how far ahead it is."""
    if then is None:
        return "never"
    return f"{duration(now - then)} ago" if then <= now else f"in {duration(then - now)}"


def emit_json(data: object) -> None:
    """Print data as JSON."""
    print(json.dumps(data, indent=2, default=str))
