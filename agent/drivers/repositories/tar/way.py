"""Ways down from the directory that files are brought back to, by descriptors, never through a link."""

from __future__ import annotations

import errno
import os

from agent.drivers.repository import Damaged
from agent.host.output import visible
from agent.host.tree.syscalls import DIRECTORY

CLOSED = 0o700
"""The mode of directories while files are brought back."""

_MOST_OPEN = 200
_MOST_IMPLIED = 10_000
_MOST_NAME, _MOST_PATH, _MOST_DEPTH = 255, 1 << 15, 4096
_SHOWN = 200


class Way:
    """The directories from `top` down to where the last object was made: those of the next one are mostly the same.

    `implied` are the paths of directories that were made because something lies in them.
    """

    def __init__(self, top: int) -> None:
        self.implied: set[bytes] = set()
        self._top = top
        self._head = b""
        self._names: list[bytes] = []
        self._open: list[int] = []
        self._last = top

    def above(self, path: bytes) -> tuple[int, bytes]:
        """Given an absolute path, return a descriptor of the directory it lies in, made if need be, and its name there.

        The descriptor is good until the next call. Raises Damaged for a path that leads elsewhere or through something
        that is no directory.
        """
        head, _, name = path.rpartition(b"/")
        if head != self._head:
            self._go(head)
        if name in (b"", b".", b"..") or len(name) > _MOST_NAME or b"\0" in name:
            raise _astray(path)
        return self._last, name

    def close(self) -> None:
        """Give descriptors back."""
        while self._open:
            os.close(self._open.pop())

    def _go(self, head: bytes) -> None:
        names = head.split(b"/")[1:]
        if len(head) > _MOST_PATH or len(names) > _MOST_DEPTH or (head and not head.startswith(b"/")):
            raise _astray(head)
        shared = 0
        for old, new in zip(self._names, names, strict=False):
            if old != new:
                break
            shared += 1
        # Only the deepest directories are held open; whoever leaves them all begins at the top again.
        if shared < len(self._names) - len(self._open) + 1:
            shared = 0
        self._head = b"\0"
        while len(self._names) > shared:
            self._names.pop()
            if self._open:
                os.close(self._open.pop())
        self._last = self._open[-1] if self._open else self._top
        for name in names[shared:]:
            self._step(name)
        self._head = head

    def _step(self, name: bytes) -> None:
        if name in (b"", b".", b"..") or len(name) > _MOST_NAME or b"\0" in name:
            raise _astray(self._path(name))
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=self._last)
        except FileNotFoundError:
            descriptor = self._imply(name)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                what = f"the backup has something below {shown(self._path(name))}, which is no directory"
                raise Damaged(what) from error
            raise
        self._names.append(name)
        self._open.append(descriptor)
        self._last = descriptor
        if len(self._open) > _MOST_OPEN:
            os.close(self._open.pop(0))

    def _imply(self, name: bytes) -> int:
        path = self._path(name)
        if len(self.implied) >= _MOST_IMPLIED:
            raise Damaged(f"the backup has too much in directories that it lacks, such as {shown(path)}")
        os.mkdir(name, CLOSED, dir_fd=self._last)
        self.implied.add(path)
        return os.open(name, DIRECTORY, dir_fd=self._last)

    def _path(self, name: bytes) -> bytes:
        return b"/".join((b"", *self._names, name))


def shown(path: bytes) -> str:
    """Return a path as a message shows it."""
    return visible(os.fsdecode(path[:_SHOWN]))


def _astray(path: bytes) -> Damaged:
    return Damaged(f"the backup has an object whose name is none that can be restored: {shown(path)}")
