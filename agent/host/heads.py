"""The file of heads: where the chain of the history stood from time to time, kept beside the store and not in it.

Lines `seq:hash time` are only ever added. A full file becomes the earlier one, in place of the one before that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from msgspec import Struct

NAME = "heads.log"
EARLIER = "heads.log.1"
FULL_BYTES = 2 << 20
"""About 20,000 heads: ten weeks of one every five minutes."""

_LINE = re.compile(rb"(\d{1,19}):([0-9a-f]{12,64})(?: (\d{1,12}))?\n")


class NotedHead(Struct, frozen=True):
    """A head as the file has it; `at` is when its record was made, seconds since the epoch; `line` is in `file`."""

    seq: int
    hash: str
    at: float
    file: str
    line: int


class HeadFile:
    """The heads of a state directory."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def append(self, seq: int, hash_: str, at: float) -> None:
        """Add a head, whose record was made at an instant, and have it on the disk before returning. Raises OSError."""
        path = os.path.join(self._directory, NAME)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            line = b"%s%d:%s %d\n" % (b"\n" if torn else b"", seq, hash_.encode("ascii"), at)
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if size > FULL_BYTES:
            os.replace(path, os.path.join(self._directory, EARLIER))
        if size > FULL_BYTES or not size:
            _keep_names(self._directory)

    def last(self) -> NotedHead | None:
        """Return the head noted last; None when there is none."""
        found = None
        for name in (EARLIER, NAME):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(self._directory, name), "rb") as file:
                start = max(0, os.fstat(file.fileno()).st_size - 4096)
                file.seek(start)
                for line in file:
                    found = _read(name, 0, line) or found
        return found

    def all(self) -> Iterator[NotedHead]:
        """Yield every head, the oldest first; a line that is none is left out."""
        for name in (EARLIER, NAME):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(self._directory, name), "rb") as file:
                for number, line in enumerate(file, 1):
                    head = _read(name, number, line)
                    if head is not None:
                        yield head


def _read(name: str, number: int, line: bytes) -> NotedHead | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    return NotedHead(int(found[1]), found[2].decode("ascii"), float(found[3] or 0), name, number)


def _keep_names(directory: str) -> None:
    """Have the names of the files on the disk too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
