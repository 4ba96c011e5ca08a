"""Files of the kernel's that are read in every pass."""

from __future__ import annotations

import os
from collections.abc import Callable

_AT_ONCE = 8192
_NO_MORE = 2048
"""The kernel hands out a page at most, in whole lines, and no line of these files is as long as half a page."""


class KernelFile:
    """A file of /proc that is opened once and read from its beginning each time.

    To open one costs the kernel more than to read it, and a daemon that wakes up seldom finds every cache cold.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None

    def read(self) -> bytes:
        """Return what the file says; OSError where there is none, or it cannot be read."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        found = more = os.pread(self._file, _AT_ONCE, 0)
        while len(more) > _NO_MORE:
            more = os.pread(self._file, _AT_ONCE, len(found))
            found += more
        return found

    def head(self, size: int) -> bytes:
        """Return the first bytes of what the file says, `size` of them at most."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return os.pread(self._file, size, 0)

    def text(self) -> str:
        """Return what the file says as text; bytes that are not UTF-8 are escaped."""
        return self.read().decode("utf-8", "backslashreplace")

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self._file is not None:
            close(self._file)
