"""Walk a tree by directory descriptors: no path strings, no recursion, bounded descriptors, bounded memory.

Descriptors of the deepest directories stay open; one above them is opened anew through `..` of its child and must then
be the very directory it was. Names of subdirectories still to be visited are held in order, a bounded number in the
whole walk; a directory whose names were dropped is read again when its turn comes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Iterator

from agent.host.tree.directory import Directory
from agent.host.tree.opening import Root
from agent.model.reasons import Reason

KEEP_OPEN = 32
"""So many of the deepest directories stay open."""

HELD_NAMES = 65_536
"""About so many names of subdirectories are held."""

BATCH = 4096
"""So many entries of a directory are read before they are handed on."""
Report = Callable[[bytes, Reason, str], None]
"""Told the path of what could not be visited, why, and what the kernel said."""

_REASONS = {
    errno.ENOENT: Reason.VANISHED,
    errno.EXDEV: Reason.OTHER_FILE_SYSTEM,
    errno.ELOOP: Reason.CHANGED_SINCE_SEEN,
    errno.ENOTDIR: Reason.CHANGED_SINCE_SEEN,
}


def _up(directory: Directory) -> Iterator[Directory]:
    """Yield a directory and those above it, without the configured one."""
    here: Directory | None = directory
    while here is not None and here.parent is not None:
        yield here
        here = here.parent


class Walk:
    """A depth-first walk of one root. `max_depth` 1 visits the configured directory alone; None has no limit.

    About `keep_open` descriptors are open and `held_names` names in memory at once.
    """

    def __init__(
        self,
        root: Root,
        *,
        cross_mounts: bool,
        max_depth: int | None,
        report: Report,
        keep_open: int = KEEP_OPEN,
        held_names: int = HELD_NAMES,
    ) -> None:
        self._root = root
        self._keep_open = keep_open
        self._most = held_names
        self._mount = None if cross_mounts else root.mount
        self._max_depth = max_depth
        self._report = report
        self._stack: list[Directory] = []
        self._held = 0
        self._dropped_below = 0
        self._at: Directory | None = None
        self._path = ""

    def relative(self, directory: Directory) -> str:
        """Return the path of a directory of this walk below the configured one; that one's own is ""."""
        at, path = self._at, self._path
        if directory is not at:
            if at is not None and directory.parent is at:
                path = f"{path}/{directory.name}" if path else directory.name
            elif at is not None and at.parent is directory:
                path = path[: -len(at.name) - 1]
            elif at is not None and at.parent is directory.parent and directory.parent is not None:
                path = path[: -len(at.name)] + directory.name
            else:
                path = "/".join(reversed([one.name for one in _up(directory)]))
            self._at, self._path = directory, path
        return path

    def path(self, directory: Directory, name: str = "") -> bytes:
        """Return the path of a directory of this walk, or of an entry in it, as the bytes the kernel knows."""
        relative = self.relative(directory)
        return b"/".join(os.fsencode(part) for part in (self._root.path, relative, name) if part)

    def __iter__(self) -> Generator[tuple[Directory, bool], None, None]:
        """Yield each directory twice: (directory, True) when it is entered, (directory, False) when it is left.

        Whoever walks reads all `batches()` when a directory is entered; only then are its subdirectories known.
        """
        try:
            yield from self._visit(Directory(os.dup(self._root.fd), "", None, self._most))
            while self._stack:
                here = self._stack[-1]
                name = self._next(here)
                if name is not None:
                    child = self._open(here, name)
                    if child is not None:
                        yield from self._visit(child)
                elif self._climb(here):
                    yield here, False
                    here.close()
                    if here.parent is not None:
                        self.relative(here.parent)
        finally:
            for directory in self._stack:
                directory.close()

    def _visit(self, directory: Directory) -> Iterator[tuple[Directory, bool]]:
        self._stack.append(directory)
        if len(self._stack) > self._keep_open + 1:
            self._stack[-self._keep_open - 1].close()
        # Asked for at every step, the path is never put together from all names of a deep tree.
        self.relative(directory)
        yield directory, True
        directory.arrange()
        self._held += directory.pending()
        self._bound()

    def _bound(self) -> None:
        """Drop names from the top of the tree down while too many are held."""
        self._dropped_below = min(self._dropped_below, len(self._stack) - 1)
        while self._held > self._most and self._dropped_below < len(self._stack) - 1:
            directory = self._stack[self._dropped_below]
            self._held -= directory.pending()
            directory.drop()
            self._dropped_below += 1

    def _next(self, here: Directory) -> str | None:
        if self._max_depth is not None and here.depth + 1 >= self._max_depth:
            here.kept += here.pending()
            return None
        before = here.pending()
        try:
            return here.next_name()
        except OSError as error:
            here.kept += 1
            self._report(self.path(here), Reason.UNREADABLE, str(error.strerror))
            return None
        finally:
            self._held += here.pending() - before

    def _open(self, here: Directory, name: str) -> Directory | None:
        try:
            fd = self._root.kernel.open_directory(name, here.fd, mount=self._mount)
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, Reason.UNREADABLE)
            here.kept += 1
            self._report(self.path(here, name), reason, str(error.strerror))
            return None
        return Directory(fd, name, here, self._most)

    def _climb(self, here: Directory) -> bool:
        """Leave `here` for its parent; when that is not where it was, go on at the root. Return whether all is well."""
        self._held -= here.pending()
        self._stack.pop()
        if here.parent is None:
            return True
        try:
            here.parent.reopen_from(here.fd)
        except OSError as error:
            self._report(self.path(here.parent), Reason.CHANGED_SINCE_SEEN, str(error.strerror))
            here.close()
            for lost in self._stack[1:]:
                self._held -= lost.pending()
                lost.close()
            del self._stack[1:]
            return False
        return True
