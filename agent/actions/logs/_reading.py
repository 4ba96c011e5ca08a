"""Reading what is new in a log, and in the journal, record by record."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence

from agent.errors import RunFailed
from agent.host.following import Reading
from agent.host.following.journal import LONGEST, Entry, arguments, complaint, entry, files
from agent.host.following.unpacking import command
from agent.ports import Processes, Program
from agent.rules.joining import Joiner, Record

Take = Callable[[Sequence[Record]], None]

_CHUNK = 1 << 18


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
        self._directory = directory
        self._units = units
        self._processes = processes

    def entries(self, cursor: str, stop: Callable[[], bool]) -> Generator[tuple[Entry, int], None, None]:
        """Yield the entries after a cursor, from the first one if it is "", each with its size in bytes.

        Raises RunFailed when the journal cannot be read, also where journalctl itself takes that for a success.
        """
        if not cursor:
            seen = self._processes.run(command(*files(self._directory)), lambda: False)
            _require(complaint(seen.code, seen.output))
        program = command(*arguments(self._directory, self._units, cursor))
        reader, writer = os.pipe2(os.O_CLOEXEC)
        with open(reader, "rb", buffering=_CHUNK) as lines:
            try:
                with self._processes.piped((Program(program, stdout=writer),), stop) as piped:
                    os.close(writer)
                    writer = -1
                    while line := lines.readline(LONGEST):
                        found = entry(line)
                        if found is not None:
                            yield found, len(line)
            finally:
                if writer >= 0:
                    os.close(writer)
        _require(complaint(piped.completed[0].code, piped.completed[0].output))

    def end(self) -> str:
        """Return the cursor of the last entry there is, "" without one. Raises RunFailed."""
        program = command(*arguments(self._directory, self._units, "", last=True, bare=True))
        completed = self._processes.run(program, lambda: False)
        _require(complaint(completed.code, completed.output))
        found = [entry(line.encode()) for line in completed.output.splitlines()]
        return next((one.cursor for one in reversed(found) if one is not None), "")


def _require(complaint: str) -> None:
    if complaint:
        raise RunFailed(complaint)
