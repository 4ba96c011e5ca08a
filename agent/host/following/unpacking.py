"""Unpacking what zstd compressed, with zstd."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.errors import RunFailed
from agent.host.following.content import Unpack
from agent.ports import Command, Processes, Program

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def command(*argv: str, timeout: float = math.inf) -> Command:
    """Given an argument list, return the command: as the agent's own user, in the C locale, 1 MiB of its output."""
    return Command(
        argv=argv,
        user=None,
        environment={"PATH": os.environ.get("PATH", PATH), "LC_ALL": "C", "TZ": "UTC"},
        directory="/",
        timeout=timeout,
        grace=5.0,
        output_limit=1 << 20,
    )


def with_zstd(processes: Processes, stop: Callable[[], bool]) -> Unpack:
    """Given what runs programs, return what unpacks with zstd; a reader that leaves early ends it."""

    @contextmanager
    def unpack(descriptor: int) -> Iterator[int]:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        left = False
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            program = Program(command("zstd", "-q", "-d", "-c"), stdin=descriptor, stdout=writer)
            with processes.piped((program,), stop) as piped:
                os.close(writer)
                writer = -1
                try:
                    yield reader
                    left = bool(os.read(reader, 1))
                finally:
                    os.close(reader)
                    reader = -1
        finally:
            for end in (reader, writer):
                if end >= 0:
                    os.close(end)
        if not left and piped.completed[0].code:
            raise RunFailed(f"its content cannot be unpacked: {piped.completed[0].output.strip()[-200:]}")

    return unpack
