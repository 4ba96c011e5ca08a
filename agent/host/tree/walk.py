"""Walk a tree by directory descriptors: no path strings, no recursion, bounded descriptors, bounded memory.

Descriptors of the deepest KEEP_OPEN directories stay open; a directory above them is opened anew through `..` of its
child and must then be the very directory it was. Names of subdirectories still to be visited are held in order, about
PENDING_NAMES of them in the whole walk; a directory whose names were dropped is read again when its turn comes.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Generator, Iterable, Iterator

from agent.host.tree.opening import Root
from agent.host.tree.syscalls import DIRECTORY
from agent.model.reasons import Reason

KEEP_OPEN = 32
PENDING_NAMES = 65_536

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


class Directory:
    """One directory of a walk. `depth` is 0 for the configured path; `fd` is valid while the walk stands here.

    `kept` counts what stays in it, as far as the walk knows: subdirectories that it cannot or must not enter. Whoever
    walks counts the rest.
    """

    __slots__ = ("_bound", "_dropped", "_last", "_pending", "depth", "device", "fd", "inode", "kept", "name", "parent")

    def __init__(self, fd: int, name: str, parent: Directory | None) -> None:
        about = os.fstat(fd)
        self.fd = fd
        self.name = name
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.device = about.st_dev
        self.inode = about.st_ino
        self.kept = 0
        self._pending: list[str] = []
        self._dropped = False
        self._bound = ""
        self._last = ""

    def batches(self) -> Iterator[list[os.DirEntry[str]]]:
        """Yield what is in the directory and is no directory itself, at most BATCH of it at a time.

        The order is the kernel's, and the directory may be read repeatedly. Raises OSError when it cannot be read to
        its end.
        """
        self._pending = []
        self._dropped = False
        with os.scandir(self.fd) as entries:
            while batch := list(itertools.islice(entries, BATCH)):
                others = [entry for entry in batch if not entry.is_dir(follow_symlinks=False)]
                if len(others) < len(batch):
                    self._hold(entry.name for entry in batch if entry.is_dir(follow_symlinks=False))
                yield others

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """Yield what `batches` does, one by one."""
        for batch in self.batches():
            yield from batch

    def _hold(self, names: Iterable[str]) -> None:
        """Keep the names of subdirectories; of too many, keep the first ones in order of name."""
        held = self._pending
        held += [name for name in names if name > self._last and not (self._dropped and name > self._bound)]
        if len(held) > PENDING_NAMES:
            held.sort()
            del held[PENDING_NAMES // 2 :]
            self._bound = held[-1]
            self._dropped = True

    def pending(self) -> int:
        """Return how many names of subdirectories are held."""
        return len(self._pending)

    def arrange(self) -> None:
        """Put the held names in the order of visiting."""
        self._pending.sort(reverse=True)

    def drop(self) -> None:
        """Forget the held names; they are read again when they are needed."""
        if self._pending:
            self._pending = []
            self._dropped = True

    def next_name(self) -> str | None:
        """Return the name of the next subdirectory to visit, or None after the last one."""
        if not self._pending and self._dropped:
            for _ in self.batches():
                pass
            self.arrange()
        if not self._pending:
            return None
        self._last = self._pending.pop()
        return self._last

    def reopen_from(self, child: int) -> None:
        """Given a subdirectory's descriptor, open this directory again. Raises OSError(ESTALE) if it is another."""
        if self.fd >= 0:
            return
        fd = os.open("..", DIRECTORY, dir_fd=child)
        about = os.fstat(fd)
        if (about.st_dev, about.st_ino) != (self.device, self.inode):
            os.close(fd)
            raise OSError(errno.ESTALE, "a directory was moved while it was walked")
        self.fd = fd

    def relative(self) -> str:
        """Return the path below the configured one, without slashes at either end; "" for the configured one."""
        names = []
        here = self
        while here.parent is not None:
            names.append(here.name)
            here = here.parent
        return "/".join(reversed(names))

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Walk:
    """A depth-first walk of one root. `max_depth` 1 visits the configured directory alone; None has no limit."""

    def __init__(self, root: Root, *, cross_mounts: bool, max_depth: int | None, report: Report) -> None:
        self._root = root
        self._mount = None if cross_mounts else root.mount
        self._max_depth = max_depth
        self._report = report
        self._stack: list[Directory] = []
        self._held = 0
        self._dropped_below = 0

    def path(self, directory: Directory, name: str = "") -> bytes:
        """Return the path of a directory of this walk, or of an entry in it, as the bytes the kernel knows."""
        relative = directory.relative()
        return b"/".join(os.fsencode(part) for part in (self._root.path, relative, name) if part)

    def __iter__(self) -> Generator[tuple[Directory, bool], None, None]:
        """Yield each directory twice: (directory, True) when it is entered, (directory, False) when it is left.

        Whoever walks reads all `batches()` when a directory is entered; only then are its subdirectories known.
        """
        try:
            yield from self._visit(Directory(os.dup(self._root.fd), "", None))
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
        finally:
            for directory in self._stack:
                directory.close()

    def _visit(self, directory: Directory) -> Iterator[tuple[Directory, bool]]:
        self._stack.append(directory)
        if len(self._stack) > KEEP_OPEN + 1:
            self._stack[-KEEP_OPEN - 1].close()
        yield directory, True
        directory.arrange()
        self._held += directory.pending()
        self._bound()

    def _bound(self) -> None:
        """Drop names from the top of the tree down while too many are held."""
        self._dropped_below = min(self._dropped_below, len(self._stack) - 1)
        while self._held > PENDING_NAMES and self._dropped_below < len(self._stack) - 1:
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
        return Directory(fd, name, here)

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
