"""Files of a log: opened so that no name leads elsewhere, made so that none is overwritten."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent.failpoints import reach

_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
"""How file systems and kernels say that they have no files without names."""


class NotRotated(Exception):
    """Why a log, or an older generation of it, was left as it is."""


@contextmanager
def opened(directory: int, name: str, flags: int) -> Iterator[int]:
    """Open a file by its name in a directory. Raises OSError, and NotRotated for what is no file of its own.

    A symbolic link raises OSError(ELOOP).
    """
    descriptor = os.open(name, flags | _SAFE, dir_fd=directory)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NotRotated(f"{name} is no ordinary file")
        if about.st_nlink != 1:
            raise NotRotated(
                f"{name} has {about.st_nlink} names (hard links): what is done to it is done to the others"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def is_at(directory: int, name: str, about: os.stat_result) -> bool:
    """Tell whether a name leads to the file that something is known of."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(name, dir_fd=directory, follow_symlinks=False), about)
    return False


def made(directory: int, name: str) -> int:
    """Make a file that only its owner may use; return its descriptor. Raises FileExistsError, OSError."""
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)


def nameless(directory: int, name: str) -> tuple[int, bool]:
    """Make a file that gets its name once it is whole; return its descriptor, and whether it has no name yet.

    Where the file system has no such files it has its name at once. Raises FileExistsError, OSError.
    """
    try:
        return os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=directory), True
    except OSError as error:
        if error.errno not in _NAMELESS:
            raise
    return made(directory, name), False


def named(descriptor: int, directory: int, name: str) -> None:
    """Give a nameless file its name. Raises FileExistsError, OSError."""
    os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=directory, follow_symlinks=True)


def drop(directory: int, name: str, about: os.stat_result | None = None) -> None:
    """Remove an ordinary file, only the one that something is known of if that is given; none is fine.

    Raises NotRotated for anything else at that name, OSError.
    """
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode) or (about is not None and not os.path.samestat(found, about)):
        raise NotRotated(f"{name} is not what it was, and is left there")
    reach("rotation.drop:before")
    os.unlink(name, dir_fd=directory)
    os.fsync(directory)
    reach("rotation.drop:after")
