"""A file of a backup that is being written: what goes in at the entrance is compressed, encrypted and hashed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from agent.digests import blake3
from agent.drivers.repositories.tar import commands
from agent.errors import RunFailed
from agent.host import pipes
from agent.ports import Command, Completed, Program

_CHUNK = 1 << 20


class Sink:
    """Programs that write a file, and the file as it grows.

    `entrance` is where the content goes in; `given` are the descriptors of the programs, to be closed here once they
    have started. The programs write the file themselves; it is hashed out of the kernel's cache while it grows.
    """

    def __init__(self, path: str, chain: Sequence[Command]) -> None:
        self.path = path
        self.size = 0
        self._digest = blake3()
        self._buffer = memoryview(bytearray(_CHUNK))
        self.given: list[int] = []
        self._open: list[int] = []
        self.entrance = -1
        try:
            self.programs = self._prepare(chain)
        except BaseException:
            self.close()
            raise

    def _prepare(self, chain: Sequence[Command]) -> tuple[Program, ...]:
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._open.append(self._file)
        programs = []
        source, self.entrance = self._pipe()
        for number, command in enumerate(chain):
            if number < len(chain) - 1:
                following, sink = self._pipe()
                self.given += (source, sink)
                programs.append(Program(command, source, sink))
                source = following
            else:
                self.given.append(source)
                programs.append(Program(command, source, self._file))
        return tuple(programs)

    def _pipe(self) -> tuple[int, int]:
        ends = pipes.roomy()
        self._open += ends
        return ends

    def started(self) -> None:
        """The programs have what they need: give their ends of the pipes away."""
        for descriptor in self.given:
            self._drop(descriptor)
        self.given = []

    def write(self, content: bytes) -> None:
        """Put content in at the entrance. Raises BrokenPipeError when the programs have ended."""
        view = memoryview(content)
        while view:
            view = view[os.write(self.entrance, view) :]

    def end(self) -> None:
        """Say that nothing more will come."""
        self._drop(self.entrance)

    def catch_up(self) -> None:
        """Hash what has been written since the last time."""
        while count := os.preadv(self._file, [self._buffer], self.size):
            self._digest.update(self._buffer[:count])
            self.size += count

    def finish(self, completed: Sequence[Completed]) -> str:
        """Given how the programs ended, have the file reach the disk; return its BLAKE3.

        Raises RunFailed when it is not whole, OSError.
        """
        for program, done in zip(self.programs, completed, strict=True):
            if done.code != 0 or done.timed_out or done.survivors:
                name = program.command.argv[0]
                raise RunFailed(f"cannot write {self.path}: {name} says: {commands.words(done)}")
        os.fsync(self._file)
        self.catch_up()
        if self.size != os.fstat(self._file).st_size:
            raise RunFailed(f"{self.path} changed while it was written: keep everybody else out of the repository")
        return self._digest.hexdigest()

    def close(self) -> None:
        """Give every descriptor back that is still open."""
        for descriptor in list(self._open):
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


@contextlib.contextmanager
def sinking(chain: Sequence[Command], *paths: str) -> Iterator[tuple[Sink, ...]]:
    """Prepare files at paths that are not there yet; `chain` are the programs that write each. Raises OSError."""
    with contextlib.ExitStack() as stack:
        sinks = []
        for path in paths:
            sinks.append(Sink(path, chain))
            stack.callback(sinks[-1].close)
        yield tuple(sinks)
