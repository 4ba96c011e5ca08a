"""The files that a log may be in: the one at its path, and its older generations beside that."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from msgspec import Struct

from agent.errors import RunFailed
from agent.host.following.content import Unpack, chunks, read_at
from agent.host.tree import Kernel, open_root
from agent.rules.generations import age_of, stem

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TRIES = 8
MOST = 64
"""So many older generations are looked at, the newest of them."""


class Candidate(Struct, frozen=True):
    """An open file. `current` is the one at the path of the log; `ending` names how it is compressed.

    `modified` is seconds since the epoch, `size` that of the file as it is, compressed or not.
    """

    name: str
    descriptor: int
    device: int
    inode: int
    born: int | None
    size: int
    modified: float
    ending: str
    current: bool

    def reader(self, unpack: Unpack) -> Callable[[int, int], bytes]:
        """Return what reads so many bytes of the content from a place, fewer at its end. It raises RunFailed."""
        if not self.ending:
            return lambda offset, length: read_at(self.descriptor, offset, length)
        return lambda offset, length: self._unpacked(offset, length, unpack)

    def _unpacked(self, offset: int, length: int, unpack: Unpack) -> bytes:
        found = b""
        for chunk in chunks(self.descriptor, self.ending, offset, unpack):
            found += chunk[: length - len(found)]
            if len(found) >= length:
                break
        return found


def listed(path: str, stack: ExitStack) -> list[Candidate]:
    """Given the path of a log, return its files, the oldest first and the one at the path last, open within the stack.

    No rotation happened while they were opened. Raises OSError, UnsafePath, and RunFailed when the path is no file or
    rotation never pauses.
    """
    directory, _, name = path.rpartition("/")
    root = open_root(directory or "/", Kernel())
    stack.callback(root.close)
    for _ in range(_TRIES):
        attempt = ExitStack()
        found = _opened(root.fd, name, attempt)
        if all(_still(root.fd, one) for one in found) and _names(root.fd, name) == [one.name for one in found]:
            stack.push(attempt)
            return found
        attempt.close()
    raise RunFailed(f"{path} is rotated faster than its files can be opened")


def still(path: str, found: Sequence[Candidate]) -> bool:
    """Given the path of a log and what was listed there, tell whether these are its files now. Raises as `listed`."""
    directory, _, name = path.rpartition("/")
    root = open_root(directory or "/", Kernel())
    try:
        return all(_still(root.fd, one) for one in found) and _names(root.fd, name) == [one.name for one in found]
    finally:
        root.close()


def _names(directory: int, log: str) -> list[str]:
    """Return the names of a log's files, the oldest first; of a generation the plain file, if it is there."""
    ages: dict[str, tuple[tuple[int, str], str]] = {}
    current = False
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == log:
                current = True
                continue
            whole, ending = stem(entry.name)
            age = age_of(whole, log)
            if age is None or not entry.is_file(follow_symlinks=False):
                continue
            if whole not in ages or not ending:
                ages[whole] = (age, entry.name)
    older = [name for _, name in sorted(ages.values())]
    return [*older[-MOST:], *([log] if current else [])]


def _opened(directory: int, log: str, stack: ExitStack) -> list[Candidate]:
    found = []
    kernel = Kernel()
    for name in _names(directory, log):
        try:
            descriptor = os.open(name, _OPEN, dir_fd=directory)
        except FileNotFoundError:
            continue
        stack.callback(os.close, descriptor)
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):
            found.append(
                Candidate(
                    name=name,
                    descriptor=descriptor,
                    device=about.st_dev,
                    inode=about.st_ino,
                    born=kernel.born(descriptor),
                    size=about.st_size,
                    modified=about.st_mtime_ns / 1e9,
                    ending="" if name == log else stem(name)[1],
                    current=name == log,
                )
            )
        elif name == log:
            raise RunFailed(f"{log} is no ordinary file: give the path of a log")
    return found


def _still(directory: int, one: Candidate) -> bool:
    try:
        about = os.stat(one.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (about.st_dev, about.st_ino) == (one.device, one.inode)
