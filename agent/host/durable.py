"""Writing so that it stays: what is said to be written survives the loss of power."""

from __future__ import annotations

import contextlib
import errno
import os
import stat


def sync_directory(path: str) -> None:
    """Have the names in a directory reach the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet, down to the disk; its name is the directory's to sync. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        _fill(descriptor, content)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def rename(old: str, new: str) -> None:
    """Give a file or a directory another name in the same directory, down to the disk. Raises OSError."""
    os.rename(old, new)
    sync_directory(os.path.dirname(new))


def replace(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole in the place of whatever has its name, down to the disk. Raises OSError.

    Whoever calls this sees to it that nobody else does at the same time.
    """
    draft = f"{path}.new"
    try:
        write_new(draft, content, mode)
    except FileExistsError:
        os.unlink(draft)
        write_new(draft, content, mode)
    rename(draft, path)


def put(path: str, content: bytes) -> None:
    """Write a file whole under a name that people gave, which is free or a regular file's. Raises OSError, ValueError.

    Whoever reads it sees the file before or the one after. It is its owner's alone, or as open as the one before was.
    """
    path = os.path.join(os.getcwd(), path)
    mode = _open_to(path)
    draft = os.path.join(os.path.dirname(path), f".{os.urandom(8).hex()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            if mode != 0o600:
                os.fchmod(descriptor, mode)
            _fill(descriptor, content)
        finally:
            os.close(descriptor)
        rename(draft, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def _open_to(path: str) -> int:
    """Return the permissions that a file under a name is to have. Raises OSError where it is no regular file."""
    try:
        before = os.lstat(path).st_mode
    except FileNotFoundError:
        return 0o600
    if not stat.S_ISREG(before):
        raise OSError(errno.EINVAL, "it is there and no regular file")
    return before & 0o777
