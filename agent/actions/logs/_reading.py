"""Reading what is new in a log, and in the journal, record by record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import msgspec

from agent.errors import RunFailed
from agent.host.following import Reading
from agent.host.following.unpacking import command
from agent.ports import Processes, Program
from agent.rules.joining import Joiner, Record
from agent.rules.templates import LEVELS

Take = Callable[[Sequence[Record]], None]

_CHUNK = 1 << 18
_LONGEST = 16 << 20
_FIELDS = "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER"
_MESSAGE = 1 << 16


def records_of(reading: Reading, most: int, take: Take) -> Iterator[int]:
    """Hand over the new records of a file, about `most` bytes of them; yield after each block how many bytes it had.

    Where reading stands is then after the last record that was handed over. The last one of a file that may still be
    written to waits until it is certain that nothing belongs to it any more.
    """
    joiner = Joiner()
    block = None
    left, progress = most, False
    for block in reading.blocks():
        ended = joiner.take(block.lines())
        take(ended)
        if ended and joiner.open is not None:
            held = joiner.open.size - (not block.data.endswith(b"\n"))
            reading.reached(block, len(block.data) - held)
            progress = True
        left -= len(block.data)
        yield len(block.data)
        if left <= 0:
            break
    # A record that is larger than what may be read at once must not stand in the way for ever.
    if block is not None and (reading.settled or (left <= 0 and not progress)):
        take(joiner.end())
        reading.reached(block, len(block.data))


class Journal:
    """The journal of this host, or one in a directory, alone of some units if any are named."""

    def __init__(self, directory: str | None, units: Sequence[str], processes: Processes) -> None:
        self._where = () if directory is None else (f"--directory={directory}",)
        self._units = tuple(f"--unit={unit}" for unit in units)
        self._processes = processes

    def entries(self, cursor: str, stop: Callable[[], bool]) -> Iterator[tuple[str, str, Record, int]]:
        """Yield the entries after a cursor, from the first one if it is "": cursor, level, record, bytes.

        Raises RunFailed when the journal cannot be read, also where journalctl itself takes that for a success.
        """
        after = (f"--after-cursor={cursor}",) if cursor else ()
        how = ("--output=json", "--all", "--no-pager", f"--output-fields={_FIELDS}")
        program = command("journalctl", *how, *self._where, *self._units, *after)
        reader, writer = os.pipe2(os.O_CLOEXEC)
        ended = False
        with open(reader, "rb", buffering=_CHUNK) as lines:
            try:
                running = self._processes.piped((Program(program, stdout=writer),), stop)
                with running as piped:
                    os.close(writer)
                    writer = -1
                    while line := lines.readline(_LONGEST):
                        found = _entry(line)
                        if found is not None:
                            yield *found, len(line)
                    ended = True
                    lines.close()
            finally:
                if writer >= 0:
                    os.close(writer)
        completed = piped.completed[0]
        if ended and (completed.code or "No journal files were" in completed.output):
            said = " ".join(completed.output.split())[-300:] or f"exit code {completed.code}"
            raise RunFailed(f"journalctl could not read the journal: {said}")

    def end(self) -> str:
        """Return the cursor of the last entry there is, "" without one. Raises RunFailed."""
        program = command("journalctl", "--no-pager", "--lines=1", "--output=json", *self._where, *self._units)
        completed = self._processes.run(program, lambda: False)
        if completed.code:
            raise RunFailed(f"journalctl could not read the journal: {' '.join(completed.output.split())[-300:]}")
        found = [_entry(line.encode()) for line in completed.output.splitlines()[-1:]]
        return next((one[0] for one in found if one is not None), "")


def _entry(line: bytes) -> tuple[str, str, Record] | None:
    """Given a line of journalctl, return the entry; None for one that was cut or tells nothing."""
    try:
        fields = msgspec.json.decode(line)
        cursor = str(fields["__CURSOR"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
    message = _bytes(fields.get("MESSAGE"))
    name = _bytes(fields.get("SYSLOG_IDENTIFIER"))
    priority = _bytes(fields.get("PRIORITY"))
    level = LEVELS[int(priority)] if priority.isdigit() and int(priority) < 8 else "unknown"
    first, *more = message.split(b"\n")
    head = b"%s: %s" % (name, first) if name else first
    return cursor, level, Record(head, 1 + len(more), len(line), [one[:_MESSAGE] for one in more[:20]])


def _bytes(value: object) -> bytes:
    """Return a field as bytes: journalctl writes text as it is, other content as numbers, and several as a list."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")[:_MESSAGE]
    if isinstance(value, list):
        if value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
            return bytes(value[:_MESSAGE])
        return b"; ".join(_bytes(one) for one in value[:4])
    return b""
