"""A directory of a walk: what is in it, and which of its subdirectories are still to be visited."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterable, Iterator

from msgspec import Struct

from agent.host.tree.syscalls import DIRECTORY

BATCH = 4096
"""So many entries of a directory are read before they are handed on."""


class Listing(Struct, frozen=True):
    """What was read of a directory: names by batch, joined by slashes, and the names of its subdirectories."""

    batches: list[str]
    directories: list[str]


class Directory:
    """One directory of a walk. `depth` is 0 for the configured path; `fd` is valid while the walk stands here.

    `kept` counts what stays in it, as far as the walk knows: subdirectories that it cannot or must not enter. Whoever
    walks counts the rest.
    """

    __slots__ = (
        "_bound",
        "_dropped",
        "_last",
        "_listing",
        "_most",
        "_pending",
        "depth",
        "device",
        "fd",
        "inode",
        "kept",
        "name",
        "parent",
    )

    def __init__(self, fd: int, name: str, parent: Directory | None, most: int) -> None:
        about = os.fstat(fd)
        self.fd = fd
        self.name = name
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.device = about.st_dev
        self.inode = about.st_ino
        self.kept = 0
        self._most = most
        self._pending: list[str] = []
        self._dropped = False
        self._bound = ""
        self._last = ""
        self._listing: Listing | None = None

    def batches(self) -> Iterator[list[str]]:
        """Yield the names of what is in the directory and is no directory itself, at most BATCH of them at a time.

        The order is the kernel's, and the directory may be read repeatedly. Raises OSError when it cannot be read to
        its end.
        """
        self._pending = []
        self._dropped = False
        if self._listing is not None:
            listing, self._listing = self._listing, None
            self._pending += listing.directories
            for names in listing.batches:
                yield names.split("/")
            return
        with os.scandir(self.fd) as entries:
            while batch := list(itertools.islice(entries, BATCH)):
                others = [entry.name for entry in batch if not entry.is_dir(follow_symlinks=False)]
                if len(others) < len(batch):
                    self._hold(entry.name for entry in batch if entry.is_dir(follow_symlinks=False))
                yield others

    def names(self) -> Iterator[str]:
        """Yield what `batches` does, one by one."""
        for batch in self.batches():
            yield from batch

    def look(self, name: str) -> os.stat_result:
        """Given the name of an entry, return what the kernel says of it now; of a symbolic link, not of its target."""
        return os.stat(name, dir_fd=self.fd, follow_symlinks=False)

    def subdirectories(self) -> list[str] | None:
        """Return the names of all subdirectories, once all batches were read; None if they are too many to be held."""
        return None if self._dropped else list(self._pending)

    def recall(self, listing: Listing) -> None:
        """Have the next reading yield a listing that was made earlier instead."""
        self._listing = listing

    def _hold(self, names: Iterable[str]) -> None:
        """Keep the names of subdirectories; of too many, keep the first ones in order of name."""
        held = self._pending
        held += [name for name in names if name > self._last and not (self._dropped and name > self._bound)]
        if len(held) > self._most:
            held.sort()
            del held[(self._most + 1) // 2 :]
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

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
