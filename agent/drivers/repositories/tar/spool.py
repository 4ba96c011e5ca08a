"""Records that are written one after another and read from the last to the first, on the disk instead of in memory."""

from __future__ import annotations

import mmap
import struct
import tempfile
from collections.abc import Iterator

_LENGTH = struct.Struct("=I")


class Spool:
    """A file below `scratch` that nobody else finds; it goes with `close`."""

    def __init__(self, scratch: str) -> None:
        self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - `close` closes it

    def keep(self, record: bytes) -> None:
        """Write a record. Raises OSError."""
        self._file.write(record + _LENGTH.pack(len(record)))

    def backwards(self) -> Iterator[bytes]:
        """Yield what was written, the last record first."""
        self._file.flush()
        end = self._file.tell()
        if not end:
            return
        with mmap.mmap(self._file.fileno(), end, access=mmap.ACCESS_READ) as content:
            while end:
                end -= _LENGTH.size
                (length,) = _LENGTH.unpack_from(content, end)
                end -= length
                yield content[end : end + length]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
