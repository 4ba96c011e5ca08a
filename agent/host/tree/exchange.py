"""Let two objects change places by directory descriptors: at every instant each name leads to one of them or none."""

from __future__ import annotations

import ctypes
import errno
import os

from agent.host import mountinfo

_NOREPLACE, _EXCHANGE = 1, 2
_UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

Identity = tuple[int, int]
"""Device and inode of an object."""


def identity(directory: int, name: str) -> Identity | None:
    """Return what is at a name in a directory, None where there is nothing."""
    try:
        about = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return about.st_dev, about.st_ino


def move(source: int, name: str, target: int, new: str) -> None:
    """Move an object to a name that is free in another directory of its file system. Raises OSError."""
    _renameat2(source, name, target, new, _NOREPLACE)


def exchange(one: int, name: str, two: int, other: str) -> bool:
    """Let two objects change places in one instant; return False where the file system cannot. Raises OSError."""
    try:
        _renameat2(one, name, two, other, _EXCHANGE)
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True


def _renameat2(source: int, name: str, target: int, new: str, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(source, os.fsencode(name), target, os.fsencode(new), flags) == 0:
        return
    number = ctypes.get_errno()
    if flags == _NOREPLACE and number in _UNABLE:
        # Where the kernel cannot look and move at once, this process looks; both directories are out of others' reach.
        if identity(target, new) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
        return
    raise OSError(number, os.strerror(number), name)


def sync_file_system(directory: int) -> None:
    """Have everything that was written to the file system of a descriptor reach the disk. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(directory):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mounts_below(path: str) -> list[str]:
    """Return the places at and below a path where file systems are mounted (proc(5), mountinfo)."""
    inside = path.rstrip("/") + "/"
    return sorted({mount.place for mount in mountinfo.mounts() if f"{mount.place}/".startswith(inside)})
