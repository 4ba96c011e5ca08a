"""Lets what programs write go by: into a file of a backup, and past whoever looks at it, without a second reading."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

from agent.drivers.repositories.tar.pace import Pace
from agent.drivers.repositories.tar.sink import Sink
from agent.drivers.repositories.tar.site import Site
from agent.errors import RunFailed
from agent.host import pipes
from agent.ports import Completed, Program, StopRequested

Read = Callable[[memoryview], int]
"""Puts what comes next into a buffer, and returns how many bytes, 0 at the end."""

_CHUNK = 256 << 10

_CATCH_UP_EVERY = 64
"""Chunks."""


def pump(
    site: Site,
    programs: Callable[[int], tuple[Program, ...]],
    sinks: Sequence[Sink],
    take: Callable[[Read], None],
    ended: Callable[[Sequence[Completed]], None] = lambda _: None,
) -> tuple[tuple[Completed, ...], dict[str, str]]:
    """Run the programs that `programs` gives for a descriptor, and have what they write to it go into the first sink.

    `take` gets what reads it, until there is no more, and `ended` is told how they ended; both may write to the other
    sinks. Return how they ended, and the BLAKE3 of each sink's file by its path. Raises RunFailed when a file is not
    whole, StopRequested, OSError, and whatever the callables raise.
    """
    run = site.tools.processes.piped
    completed: tuple[Completed, ...] = ()
    failed: RunFailed | None = None
    with run([program for sink in sinks for program in sink.programs], site.tools.stop) as writers:
        for sink in sinks:
            sink.started()
        try:
            completed = _through(site, programs, sinks, take)
            # Where a writer has ended, its exit code says more than what came of that.
            with contextlib.suppress(BrokenPipeError):
                ended(completed)
        except RunFailed as error:
            failed = error
        finally:
            for sink in sinks:
                sink.end()
    if site.tools.stop():
        raise StopRequested
    rest = list(writers.completed)
    sums = {}
    for sink in sinks:
        count = len(sink.programs)
        sums[sink.path] = sink.finish(rest[:count])
        del rest[:count]
    if failed is not None:
        raise failed
    return completed, sums


def _through(
    site: Site,
    programs: Callable[[int], tuple[Program, ...]],
    sinks: Sequence[Sink],
    take: Callable[[Read], None],
) -> tuple[Completed, ...]:
    reading, writing = pipes.roomy()
    ends = [reading, writing]
    try:
        with site.tools.processes.piped(programs(writing), site.tools.stop) as piped:
            os.close(ends.pop())
            try:
                with contextlib.suppress(BrokenPipeError):
                    take(_Passage(site, reading, sinks).read)
            finally:
                os.close(ends.pop())
    finally:
        for end in ends:
            os.close(end)
    return piped.completed


class _Passage:
    """What comes from a descriptor, on its way into the first of some sinks."""

    def __init__(self, site: Site, source: int, sinks: Sequence[Sink]) -> None:
        self._source = source
        self._sinks = sinks
        self._stop = site.tools.stop
        self._pace = Pace(site.tools.clock, site.limit_read, site.tools.stop)
        self._ahead = self._rounds = 0

    def read(self, buffer: memoryview) -> int:
        """Put what comes next into a buffer; return how many bytes, 0 at the end. Raises StopRequested, OSError."""
        if not self._ahead:
            self._hand_on()
        count = os.readv(self._source, [buffer[: self._ahead]]) if self._ahead else 0
        self._ahead -= count
        return count

    def _hand_on(self) -> None:
        """Let the sink have some before it is read here."""
        if self._stop():
            raise StopRequested
        self._ahead = pipes.tee(self._source, self._sinks[0].entrance, _CHUNK)
        self._pace.passed(self._ahead)
        self._rounds += 1
        if self._rounds % _CATCH_UP_EVERY == 0:
            for sink in self._sinks:
                sink.catch_up()
