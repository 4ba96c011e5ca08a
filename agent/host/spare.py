"""Descriptors held back for the moment when there are none left and something must still be ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_COUNT = 3
"""A directory, an entry below it, and a handle on a process: the most that ending a process opens at once."""


class SpareDescriptors:
    """Holds a few descriptors; not safe for threads, so its owner's lock must be held."""

    def __init__(self) -> None:
        self._held: list[int] = []
        self._take()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while len(self._held) < _COUNT:
                self._held.append(os.open("/dev/null", os.O_RDONLY))

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """While it lasts, the descriptors are there to be used. One inside another does no harm."""
        while self._held:
            os.close(self._held.pop())
        try:
            yield
        finally:
            self._take()
