"""Locks on files that the kernel drops when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator


@contextlib.contextmanager
def locked(path: str, *, shared: bool = False) -> Iterator[bool]:
    """Given the path of a file in a directory of ours, made when missing, hold a lock on it; give whether we have it.

    It never waits: False is that somebody else has it. `shared` locks stand beside one another. Raises OSError when
    the file cannot be opened, is a symbolic link, or lies where there are no locks.
    """
    # Descriptors of Python are closed on exec, so no program started from here keeps the lock alive.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
