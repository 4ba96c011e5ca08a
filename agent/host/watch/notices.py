"""Watches by inotify, through the reader of the watchdog library.

The library's observers hide that the kernel's queue overflowed, hold back half of a rename for half a second, and take
a thread for each directory; the reader below them (`InotifyFD`) tells of overflows, and one thread serves all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import count

from msgspec import Struct
from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from agent.host.watch.way import Walker, Way, links_in

_SELF = InotifyConstants.IN_ATTRIB | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_DELETE_SELF
_ARRIVAL = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
_CONTENT = InotifyConstants.IN_MODIFY | InotifyConstants.IN_CLOSE_WRITE
_ENTRIES = _ARRIVAL | InotifyConstants.IN_MOVED_FROM | InotifyConstants.IN_DELETE | _CONTENT
_TRIES = 20
_Identity = tuple[int, int]


class _Wanted(Struct, frozen=True):
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
        self._descriptors: dict[_Identity, WatchDescriptor] = {}
        self.far = False
        """Whether a link leads to another file system, which may be one that others change unseen by this kernel."""

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
                # Whatever is replaced between the look and the watch shows when looking again; what was watched
                # before the look tells of itself.
                if not self._watch(self._wanted(links=links), keep_others=not links):
                    return
        # It changes faster than it can be watched; whoever is told will come back to look and to arm again.
        self._changed()

    def _wanted(self, *, links: bool) -> dict[_Identity, _Wanted]:
        """Look at the world, and return what to watch in it."""
        walker = Walker()
        way = walker.way(self._directory)
        ways = [way]
        if links and not way.missing:
            directory = way.places[-1].path
            ways += [walker.way(name, directory) for name in links_in(directory)]
            near = {place.device for place in way.places}
            self.far = any(place.device not in near for one in ways for place in one.places)
        wanted: dict[_Identity, _Wanted] = {}
        for identity, want in _wants(ways):
            known = wanted.get(identity)
            wanted[identity] = want if known is None else known.merged(want)
        return wanted

    def _watch(self, wanted: dict[_Identity, _Wanted], *, keep_others: bool) -> bool:
        """Watch what is wanted, and no more unless `keep_others`; return whether a watch had to be added."""
        added = False
        kept = set()
        for identity, want in wanted.items():
            descriptor = self._descriptors.get(identity)
            if descriptor is None or self._want_of(descriptor) != want:
                descriptor = self._add(want)
                added = True
            if descriptor is not None:
                self._descriptors[identity] = descriptor
                kept.add(descriptor)
        for identity, descriptor in list(self._descriptors.items()):
            want_of = self._want_of(descriptor)
            if descriptor not in kept and not (keep_others and want_of is not None and not want_of.of_directory):
                del self._descriptors[identity]
                self._drop(descriptor)
        return added

    def _want_of(self, descriptor: WatchDescriptor) -> _Wanted | None:
        watched = self._watches.get(descriptor)
        return None if watched is None else watched[1]

    def _drop(self, descriptor: WatchDescriptor) -> None:
        watched = self._watches.pop(descriptor, None)
        if watched is not None:
            self._reader.remove_callbacks([(descriptor, watched[0])])

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


def _wants(ways: list[Way]) -> Iterator[tuple[_Identity, _Wanted]]:
    """Yield what to watch on the way to the directory, the first of `ways`, and on those of the links in it.

    Places on the way are watched for themselves, the directory for its entries, and linked files for their content.
    """
    passed: set[_Identity] = set()
    for one in ways:
        if not one.places:
            # It vanished after it was listed.
            continue
        of_directory = one is ways[0]
        *above, last = one.places
        for place in above:
            if place.identity not in passed:
                passed.add(place.identity)
                yield place.identity, _Wanted(place.path, _SELF, False, frozenset(), of_directory)
        if one.missing:
            yield last.identity, _Wanted(last.path, _SELF | _ARRIVAL, False, frozenset({one.missing}), of_directory)
        elif of_directory:
            yield last.identity, _Wanted(last.path, _SELF | _ENTRIES, True, frozenset(), of_directory)
        else:
            yield last.identity, _Wanted(last.path, _SELF | _CONTENT, False, frozenset(), of_directory)
