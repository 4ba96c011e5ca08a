"""Files that stand beside one of somebody else's, in its directory, and take its place.

Everything goes through a descriptor of the directory, so that nobody can lead a name elsewhere meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent.host import proc
from agent.host.tools import name_of
from agent.host.tree import Kernel, open_root

_NO_ATTRIBUTES = (errno.EOPNOTSUPP, errno.ENODATA)
"""A file system without extended attributes, and one that was there a moment ago."""


class Directory:
    """An open directory. Names are those of files in it; what is raised is OSError."""

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    def look(self, name: str) -> os.stat_result | None:
        """Return what is known of a file, or None where there is none."""
        try:
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def same(self, one: str, other: str) -> bool:
        """Tell whether two names are of one file."""
        first, second = self.look(one), self.look(other)
        return first is not None and second is not None and os.path.samestat(first, second)

    def create(self, name: str) -> int:
        """Make a file that only this user may read; return a descriptor. There must be none of that name."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=self._fd)

    def link(self, name: str, other: str) -> None:
        """Give a file a second name."""
        os.link(name, other, src_dir_fd=self._fd, dst_dir_fd=self._fd, follow_symlinks=False)

    def rename(self, name: str, other: str) -> None:
        """Give a file another name, whose file is gone then, down to the disk."""
        os.rename(name, other, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)

    def sync(self) -> None:
        """Have the names reach the disk."""
        os.fsync(self._fd)

    def dress(self, name: str, model: str | None) -> None:
        """Give a file owner, mode, access lists and other attributes of another, down to the disk.

        Without a model it gets the owner of the directory.
        """
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._fd)
        try:
            if model is None:
                about = os.fstat(self._fd)
                os.fchown(descriptor, about.st_uid, about.st_gid)
            else:
                self._dress(descriptor, model)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _dress(self, descriptor: int, model: str) -> None:
        about = os.stat(model, dir_fd=self._fd, follow_symlinks=False)
        os.fchown(descriptor, about.st_uid, about.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(about.st_mode))
        # By its name: closing a descriptor of the model would drop the locks that this process holds on it.
        path = f"/proc/self/fd/{self._fd}/{model}"
        try:
            for attribute in os.listxattr(path, follow_symlinks=False):
                os.setxattr(descriptor, attribute, os.getxattr(path, attribute, follow_symlinks=False))
        except OSError as error:
            if error.errno not in _NO_ATTRIBUTES:
                raise

    def holders(self, name: str) -> list[str]:
        """Return the other processes that have a file open, as `name (id)`, as far as this user may see them."""
        about = self.look(name)
        if about is None:
            return []
        return [name_of(pid) for pid in proc.everyone() if pid != os.getpid() and _holds(pid, about)]


@contextmanager
def directory(path: str) -> Iterator[Directory]:
    """Open a directory as `agent.host.tree.open_root` does. Raises UnsafePath, OSError."""
    root = open_root(path, Kernel())
    try:
        yield Directory(root.fd)
    finally:
        root.close()


def _holds(pid: int, about: os.stat_result) -> bool:
    with suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                if os.path.samestat(os.stat(f"/proc/{pid}/fd/{number}"), about):
                    return True
    return False
