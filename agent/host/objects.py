"""The object log: which objects a run deleted, and why, for `hostkeeper why OBJECT`.

Each process of a run appends to a file of its own, `objects/<run>.<n>` in the state directory: one zlib stream, flushed
after every record, so that nothing recorded is lost with the process. A record is `time NUL reason NUL directory NUL
name/name/... NUL NUL`; neither NUL nor a slash can be part of a name. The log never fails the work it records: what
cannot be written while the disk is full is tried again with the next record, and counted in `lost` when that is vain.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from agent.failpoints import reach

FOLDER = "objects"
FILE_BYTES = 32 << 20
TEXT_BYTES = 1 << 30
"""No file grows beyond the one, nor what it says beyond the other; what comes then is counted as lost."""

TOTAL_BYTES = 256 << 20
TOTAL_FILES = 1000
"""The oldest files are removed until all others are within both."""

BACKLOG_BYTES = 1 << 20
"""So much waits in memory for room on the disk."""

READ_BYTES = 1 << 16


class FileObjectLog:
    """`agent.ports.ObjectLog` in a file below the state directory."""

    def __init__(self, directory: str, run: int, *, now: Callable[[], float] = time.time) -> None:
        self._folder = os.path.join(directory, FOLDER)
        self._run = run
        self._now = now
        self._fd = -1
        self._written = 0
        self._said = 0
        self._stream = zlib.compressobj(1)
        self._backlog = b""
        self._waiting = 0
        self.lost = 0

    def record(self, directory: bytes, names: Sequence[bytes], reason: str) -> None:
        """Given a directory and names in it that were deleted for one reason, write that down if that can be done."""
        if self._written >= FILE_BYTES or self._said >= TEXT_BYTES:
            self.lost += len(names)
            return
        reach("objects.record:before")
        fields = (b"%d" % self._now(), reason.encode(), directory, b"/".join(names))
        text = b"\0".join(fields) + b"\0\0"
        self._said += len(text)
        self._backlog += self._stream.compress(text)
        self._backlog += self._stream.flush(zlib.Z_SYNC_FLUSH)
        self._waiting += len(names)
        try:
            self._write()
        except OSError:
            if len(self._backlog) > BACKLOG_BYTES:
                self._give_up()
        reach("objects.record:after")

    def _write(self) -> None:
        if self._fd < 0:
            self._fd = self._create()
        while self._backlog:
            count = os.write(self._fd, self._backlog)
            self._written += count
            self._backlog = self._backlog[count:]
        self._waiting = 0

    def _create(self) -> int:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        _prune(self._folder)
        attempt = 0
        while True:
            with contextlib.suppress(FileExistsError):
                path = os.path.join(self._folder, f"{self._run}.{attempt}")
                return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            attempt += 1

    def _give_up(self) -> None:
        """A stream with a gap cannot be read beyond it: leave the file as it is, and begin another one."""
        self.lost += self._waiting
        self.close()
        self._written = self._said = 0
        self._stream = zlib.compressobj(1)

    def close(self) -> None:
        """Give the descriptor back; what still waits for room is dropped."""
        self._backlog = b""
        self._waiting = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Found(Struct, frozen=True):
    """A deletion: the run that did it, why, and when (seconds since the epoch)."""

    run: int
    reason: str
    at: float


def lookup(directory: str, path: bytes) -> list[Found]:
    """Given a state directory and the path of an object, return its recorded deletions, the latest first."""
    place, _, name = path.rpartition(b"/")
    wanted = b"/" + name + b"/"
    found = []
    folder = os.path.join(directory, FOLDER)
    for file in _files(folder):
        for at, reason, where, names in _records(os.path.join(folder, file.name)):
            if where == place and wanted in b"/" + names + b"/":
                found.append(Found(file.run, reason.decode("ascii", "replace"), float(at)))
    return sorted(found, key=lambda one: (one.at, one.run), reverse=True)


def _records(path: str) -> Iterator[list[bytes]]:
    """Yield the fields of each whole record of a file; a torn end is no record."""
    stream = zlib.decompressobj()
    rest = b""
    with contextlib.suppress(OSError, zlib.error), open(path, "rb") as file:
        while chunk := file.read(READ_BYTES):
            while chunk:
                *records, rest = (rest + stream.decompress(chunk, READ_BYTES)).split(b"\0\0")
                for record in records:
                    fields = record.split(b"\0")
                    if len(fields) == 4 and fields[0].isdigit():
                        yield fields
                chunk = stream.unconsumed_tail


class _File(Struct, frozen=True, order=True):
    run: int
    attempt: int
    size: int
    name: str


def _files(folder: str) -> list[_File]:
    """Return the files of the log, the oldest run first."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            run, _, attempt = entry.name.partition(".")
            if run.isdigit() and attempt.isdigit():
                with contextlib.suppress(OSError):
                    found.append(_File(int(run), int(attempt), entry.stat(follow_symlinks=False).st_size, entry.name))
    return sorted(found)


def _prune(folder: str) -> None:
    """Remove the oldest files, so that another one has room within the bounds."""
    files = _files(folder)
    total = sum(file.size for file in files) + FILE_BYTES
    count = len(files) + 1
    for file in files:
        if total <= TOTAL_BYTES and count <= TOTAL_FILES:
            return
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, file.name))
        total -= file.size
        count -= 1
