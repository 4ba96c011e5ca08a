"""Feeds a dump to a client, all of it or some tables, and notices when its end is missing, which no client does.

Run as a program: `python -m agent.drivers.databases.mysql.feed TABLES-AS-JSON CLIENT ARGUMENT...`. The dump is the
standard input. The exit code is that of the client, or 3 for a dump without its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO

_CHUNK = 1 << 20
_TAIL = 4096
_COMPLETE = b"\n-- Dump completed"
_RULE = b"--\n"
_OF_TABLES = (b"-- Table structure for table", b"-- Dumping data for table")
_TITLE = re.compile(
    rb"-- (?:(?:Table structure|Dumping data|Sequence structure) for(?: table)?"
    rb"|(?:Temporary table|Temporary view|Final view) structure for view) `(?:[^`]|``)*`\n"
    rb"|-- Dumping (?:events|routines) for database '.*'\n",
    re.DOTALL,
)
"""Within a name backticks are doubled, so that no name looks like this."""
_CLOSING = b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE"
NO_END = 3


def chosen(lines: Iterable[bytes], tables: Iterable[str]) -> Iterator[bytes]:
    """Given a dump by lines, yield its beginning, its end, and what is of the tables: they, their rows and triggers."""
    wanted = {title for table in tables for title in _titles(table)}
    inside = True
    pending: list[bytes] = []
    for line in lines:
        if pending and line.startswith(b"-- "):
            pending.append(line)
            continue
        if pending and line == _RULE and _TITLE.fullmatch(title := b"".join(pending[1:])):
            inside = title in wanted
        if inside:
            yield from pending
        pending = []
        if line == _RULE:
            pending = [line]
        elif line.startswith(_CLOSING):
            inside = True
            yield line
        elif inside:
            yield line


def _titles(table: str) -> tuple[bytes, ...]:
    name = ("`" + table.replace("`", "``") + "`\n").replace("\n", "\n-- ").removesuffix("-- ").encode()
    return tuple(b"%s %s" % (section, name) for section in _OF_TABLES)


def _chunks(source: IO[bytes], tables: list[str]) -> Iterator[bytes]:
    if tables:
        yield from chosen(source, tables)
        return
    while chunk := source.read(_CHUNK):
        yield chunk


def _pour(source: IO[bytes], sink: IO[bytes], tables: list[str]) -> bool:
    """Feed everything; return whether the end was there. A client that has ended hears no more, and says why itself."""
    tail = b"\n"
    heard = True
    for chunk in _chunks(source, tables):
        tail = (tail + chunk[-_TAIL:])[-_TAIL:]
        if heard:
            try:
                sink.write(chunk)
            except BrokenPipeError:
                heard = False
    return _COMPLETE in tail


def main(argv: list[str]) -> int:
    """Feed the standard input to a client; return the exit code."""
    tables, client = json.loads(argv[0]), argv[1:]
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_CLOSE, writing)]
    child = os.posix_spawn(client[0], client, os.environ, file_actions=actions)
    os.close(reading)
    sink = open(writing, "wb", buffering=_CHUNK)  # noqa: SIM115 - its closing may fail, and is looked at
    whole = _pour(sys.stdin.buffer, sink, tables)
    with contextlib.suppress(BrokenPipeError):
        sink.close()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0 and not whole:
        sys.stderr.write("the copy has no end: it was cut off, or never complete\n")
        return NO_END
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
