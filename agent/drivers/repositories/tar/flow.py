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

_CHUNK = 256 << 10
"""What is looked at should still be in the processor's cache."""

_CATCH_UP_EVERY = 64
"""Chunks."""


def pump(
    site: Site,
    programs: Callable[[int], tuple[Program, ...]],
    sinks: Sequence[Sink],
    look: Callable[[memoryview], None],
    ended: Callable[[Sequence[Completed]], None] = lambda _: None,
) -> tuple[tuple[Completed, ...], dict[str, str]]:
    """Run the programs that `programs` gives for a descriptor, and have what they write to it go into the first sink.

    `look` gets it too, in pieces, and `ended` is told how they ended; both may write to the other sinks. Return how
    they ended, and the BLAKE3 of each sink's file by its path. Raises RunFailed when a file is not whole,
    StopRequested, OSError, and whatever the callables raise.
    """
    run = site.tools.processes.piped
    completed: tuple[Completed, ...] = ()
    failed: RunFailed | None = None
    with run([program for sink in sinks for program in sink.programs], site.tools.stop) as writers:
        for sink in sinks:
            sink.started()
        try:
            completed = _through(site, programs, sinks, look)
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
    look: Callable[[memoryview], None],
) -> tuple[Completed, ...]:
    reading, writing = pipes.roomy()
    ends = [reading, writing]
    try:
        with site.tools.processes.piped(programs(writing), site.tools.stop) as piped:
            os.close(ends.pop())
            try:
                with contextlib.suppress(BrokenPipeError):
                    _copy(site, reading, sinks, look)
            finally:
                os.close(ends.pop())
    finally:
        for end in ends:
            os.close(end)
    return piped.completed


def _copy(site: Site, source: int, sinks: Sequence[Sink], look: Callable[[memoryview], None]) -> None:
    buffer = memoryview(bytearray(_CHUNK))
    main = sinks[0].entrance
    rounds = 0
    pace = Pace(site.tools.clock, site.limit_read, site.tools.stop)
    while count := pipes.tee(source, main, _CHUNK):
        if site.tools.stop():
            raise StopRequested
        seen = 0
        while seen < count:
            got = os.readv(source, [buffer[: count - seen]])
            look(buffer[:got])
            seen += got
        pace.passed(count)
        rounds += 1
        if rounds % _CATCH_UP_EVERY == 0:
            for sink in sinks:
                sink.catch_up()
