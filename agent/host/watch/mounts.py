"""Tells whether file systems were mounted or taken away, which inotify does not see."""

from __future__ import annotations

import os
import select


class MountNews:
    """Asks the table of the mounts that this process has: after a change it is ready for `POLLPRI` (proc(5))."""

    def __init__(self, path: str = "/proc/self/mountinfo") -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._changes = select.poll()
        self._changes.register(self._file, select.POLLPRI)

    def changed(self) -> bool:
        """Return whether anything has changed since it was asked last, or made."""
        return bool(self._changes.poll(0))

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._file)
