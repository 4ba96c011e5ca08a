"""Watches by inotify, through the reader of the watchdog library.

The library's observers hide that the kernel's queue overflowed, hold back half of a rename for half a second, and take
a thread for each directory; the reader below them (`InotifyFD`) tells of overflows, and one thread serves all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from agent.host.watch.way import Place, Walker, Way, links_in

_SELF = InotifyConstants.IN_ATTRIB | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_DELETE_SELF
_ARRIVAL = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
_CONTENT = InotifyConstants.IN_MODIFY | InotifyConstants.IN_CLOSE_WRITE
_ENTRIES = _ARRIVAL | InotifyConstants.IN_MOVED_FROM | InotifyConstants.IN_DELETE | _CONTENT
_TRIES = 20


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one watch is for: its path, its events, and whether everything below or only one name matters."""

    path: str
    mask: int
    everything: bool
    missing: frozenset[str]
    of_directory: bool

    def merged(self, other: _Wanted) -> _Wanted:
        return _Wanted(
            self.path,
            self.mask | other.mask,
            self.everything or other.everything,
            self.missing | other.missing,
            self.of_directory or other.of_directory,
        )


class Notices:
    """Calls `changed` from a thread of its own whenever something may have changed; `lost` when it went blind.

    Raises OSError when the host has no watch or inotify instance to spare.
    """

    def __init__(self, directory: str, changed: Callable[[], None], lost: Callable[[Notices, OSError], None]) -> None:
        self._directory = directory
        self._changed = changed
        self._lost = lost
        self._lock = threading.Lock()
        self._ids = count()
        self._watches: dict[WatchDescriptor, tuple[CallbackId, _Wanted]] = {}
        self._reader = InotifyFD()
        self._reader.start()
        try:
            self.arm()
        except OSError:
            # Not waited for: it may be waiting for our caller, with the same bad news.
            self.close(wait=False)
            raise

    def close(self, *, wait: bool = True) -> None:
        """Give watches and descriptors back; with `wait`, nothing is called after it returns."""
        with self._lock:
            self._watches.clear()
        self._reader.stop()
        if wait and threading.current_thread() is not self._reader:
            self._reader.join()

    def arm(self, *, links: bool = True) -> None:
        """Watch what the directory's path leads to at this moment, and, with `links`, what the links in it lead to.

        What changed before it returns may have gone unnoticed; look at the directory afterwards, not before.
        """
        with self._lock:
            for _ in range(_TRIES):
                way, ways = self._ways(links=links)
                self._watch(way, ways, keep_others=not links)
                # Whatever was replaced between the look and the watch shows as another way.
                if self._ways(links=links) == (way, ways):
                    return
        # It changes faster than it can be watched; whoever is told will come back to look and to arm again.
        self._changed()

    def _ways(self, *, links: bool) -> tuple[Way, tuple[Way, ...]]:
        walker = Walker()
        found = walker.way(self._directory)
        if found.missing or not links:
            return found, ()
        return found, tuple(walker.way(path) for path in sorted(links_in(found.places[-1].path)))

    def _watch(self, way: Way, ways: tuple[Way, ...], *, keep_others: bool) -> None:
        wanted: dict[tuple[int, int], _Wanted] = {}
        for place, want in _wants(way, ways):
            known = wanted.get(place.identity)
            wanted[place.identity] = want if known is None else known.merged(want)
        stale = dict(self._watches)
        for want in wanted.values():
            descriptor = self._add(want)
            if descriptor is not None:
                stale.pop(descriptor, None)
        for descriptor, (callback, want) in stale.items():
            if not (keep_others and not want.of_directory):
                self._watches.pop(descriptor, None)
                self._reader.remove_callbacks([(descriptor, callback)])

    def _add(self, want: _Wanted) -> WatchDescriptor | None:
        callback = CallbackId(next(self._ids))
        mask = Mask(want.mask | InotifyConstants.IN_DONT_FOLLOW)
        try:
            descriptor = self._reader.add_callback(os.fsencode(want.path), mask, self, callback)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if descriptor < 0:
            # The library keeps silent about a watch that was denied.
            raise PermissionError(f"may not watch {want.path}")
        former = self._watches.get(descriptor)
        self._watches[descriptor] = (callback, want)
        if former is not None:
            self._reader.remove_callbacks([(descriptor, former[0])])
        return descriptor

    def on_event(self, event: InotifyEvent) -> None:
        """Called by the library's thread for each event of a watch."""
        watched = self._watches.get(event.wd)
        if watched is None:
            return
        _, want = watched
        if event.name and not want.everything and os.fsdecode(event.name) not in want.missing:
            return
        if want.of_directory and not (event.name and want.everything):
            self._rearm()
        self._changed()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Called by the library's thread when the kernel has dropped a watch; the event before it said why."""
        self._watches.pop(wd, None)

    def on_queue_overflow(self) -> None:
        """Called by the library's thread when the kernel has dropped events."""
        self._rearm()
        self._changed()

    def _rearm(self) -> None:
        try:
            self.arm(links=False)
        except OSError as error:
            self._lost(self, error)


def _wants(way: Way, ways: tuple[Way, ...]) -> Iterator[tuple[Place, _Wanted]]:
    """Yield what to watch: places on the way for themselves, the directory for its entries, linked files as well."""
    for one in (way, *ways):
        of_directory = one is way
        *above, last = one.places
        for place in above:
            yield place, _Wanted(place.path, _SELF, False, frozenset(), of_directory)
        if one.missing:
            yield last, _Wanted(last.path, _SELF | _ARRIVAL, False, frozenset({one.missing}), of_directory)
        elif of_directory:
            yield last, _Wanted(last.path, _SELF | _ENTRIES, True, frozenset(), of_directory)
        else:
            yield last, _Wanted(last.path, _SELF | _CONTENT, False, frozenset(), of_directory)
