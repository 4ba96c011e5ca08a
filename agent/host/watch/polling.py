"""Looks at the policy directory again and again, where the kernel cannot tell of changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from agent.host.watch.way import Walker, Way

_SHARE = 20
"""A look that takes long is taken seldom: at most one part in this many of the time."""


class Polling:
    """Calls `changed` from a thread of its own when two looks differ.

    `every` is seconds between two looks. `better` is asked every `retry` seconds; the thread ends once it
    returns True.
    """

    def __init__(
        self,
        directory: str,
        changed: Callable[[], None],
        *,
        every: float,
        retry: float,
        better: Callable[[], bool],
    ) -> None:
        self._directory = directory
        self._changed = changed
        self._every = every
        self._retry = retry
        self._better = better
        self._stopped = threading.Event()
        self._last = look(directory)
        self._thread = threading.Thread(target=self._run, name="policy-polling", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        pause = self._every
        retry_at = time.monotonic() + self._retry
        while not self._stopped.wait(pause):
            begun = time.monotonic()
            if begun >= retry_at:
                retry_at = begun + self._retry
                if self._better():
                    return
            seen = look(self._directory)
            if seen != self._last:
                self._last = seen
                self._changed()
            pause = max(self._every, (time.monotonic() - begun) * _SHARE)


def look(directory: str) -> tuple[Way, int, int]:
    """Given a directory, return what its way, its entries and the targets of its links look like, in little space."""
    way = Walker().way(directory)
    entries, mixed = 0, 0
    if not way.missing:
        try:
            with os.scandir(way.places[-1].path) as found:
                for entry in found:
                    entries += 1
                    mixed ^= hash((entry.name, _mark(entry, follow=False)))
                    if entry.is_symlink():
                        mixed ^= hash((entry.name, "target", _mark(entry, follow=True)))
        except OSError as error:
            mixed = error.errno or 1
    return way, entries, mixed


def _mark(entry: os.DirEntry[str], *, follow: bool) -> tuple[int, ...]:
    try:
        seen = entry.stat(follow_symlinks=follow)
    except OSError as error:
        return (error.errno or 0,)
    # The change time covers owner, mode and names, which the modification time does not.
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
