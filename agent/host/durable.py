"""Writing so that it stays: what is said to be written survives the loss of power."""

from __future__ import annotations

import os


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
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
