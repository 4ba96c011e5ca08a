"""Whether nobody has written to the store: told by one look at a file, where SQLite would have to take locks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

SETTLED_SECONDS = 60.0
"""A transaction becomes visible after its last write to the file, once that has reached the disk: not later than so.

Nor does the time of a file tell two writes of one tick of the kernel's clock apart.
"""

BELIEVED_SECONDS = 600.0
"""A disk may have hung for longer than that, so the file is not believed for ever."""


class Quiet:
    """Looks at the write-ahead log at a path: every transaction is written to it. `monotonic` returns seconds."""

    def __init__(self, path: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._seen: tuple[int, int, int] | None = None
        self._settled = self._asked = 0.0

    def holds(self) -> bool:
        """Tell whether nothing can have been written since the last time that this was False.

        Whoever hears False has to ask SQLite.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            self._seen = None
            return False
        now, seen = self._monotonic(), (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._seen, self._settled = seen, now + SETTLED_SECONDS
        elif self._settled < now < self._asked + BELIEVED_SECONDS:
            return True
        self._asked = now
        return False
