"""The journal, by journalctl: what to ask it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agent.rules.joining import Record
from agent.rules.templates import LEVELS

LONGEST = 16 << 20
"""A longer line of journalctl is left out."""

_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER"
_MESSAGE = 1 << 16
_PRIORITIES = {b"%d" % number: level for number, level in enumerate(LEVELS[:8])}


class Entry(Struct, frozen=True):
    """An entry: where it is, its level, one of LEVELS, and its message behind the name of the program."""

    cursor: str
    level: str
    record: Record


def arguments(
    directory: str | None, units: Sequence[str], cursor: str, *, last: bool = False, bare: bool = False
) -> tuple[str, ...]:
    """Return the command that tells the entries after a cursor, all of them if it is "", or the `last` one alone.

    `bare` is without what they say, which may be of any length. Without a directory it is the journal of this host;
    without units, entries of all.
    """
    return (
        *("journalctl", "--output=json", "--all", "--no-pager"),
        f"--output-fields={'_BOOT_ID' if bare else _FIELDS}",
        *(() if directory is None else (f"--directory={directory}",)),
        *(f"--unit={unit}" for unit in units),
        *(("--lines=1",) if last else ()),
        *((f"--after-cursor={cursor}",) if cursor else ()),
    )


def files(directory: str | None) -> tuple[str, ...]:
    """Return the command that tells which files a journal has.

    Where there is none, or none that it may read, journalctl ends with 0 and says so nowhere but here.
    """
    return ("journalctl", "--header", "--no-pager", *(() if directory is None else (f"--directory={directory}",)))


def complaint(code: int, messages: str) -> str:
    """Given how journalctl ended and its messages, say what is wrong, or "" if it has read a journal."""
    if code == 0 and "No journal files were" not in messages:
        return ""
    return f"journalctl could not read the journal: {' '.join(messages.split())[-300:] or f'exit code {code}'}"


def entry(line: bytes) -> Entry | None:
    """Given a line of journalctl, return the entry; None for one that was cut or tells nothing."""
    try:
        fields = msgspec.json.decode(line)
        cursor = str(fields["__CURSOR"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    message = _bytes(fields.get("MESSAGE"))
    name = _bytes(fields.get("SYSLOG_IDENTIFIER"))
    priority = _bytes(fields.get("PRIORITY"))
    # Whoever logs may give any bytes as the priority.
    level = _PRIORITIES.get(priority, "unknown")
    first, *more = message.split(b"\n")
    head = b"%s: %s" % (name, first) if name else first
    return Entry(cursor, level, Record(head, 1 + len(more), len(line), [one[:_MESSAGE] for one in more[:20]]))


def _bytes(value: object) -> bytes:
    """Return a field as bytes: journalctl writes text as it is, other content as numbers, and several as a list."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")[:_MESSAGE]
    if isinstance(value, list):
        if value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value[:_MESSAGE])
        return b"; ".join(_bytes(one) for one in value[:4])
    return b""
