"""One agent per state directory: a lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from types import TracebackType

from agent.errors import AlreadyRunning, StoreError

_NAME = "lock"


class Lock:
    """A held state directory; `release` gives it back, and so does the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the state directory back; once is enough, more does no harm."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def hold(state_directory: str) -> Lock:
    """Given a state directory, made 0700 when missing, return its lock at once or raise AlreadyRunning.

    Raises StoreError when the directory cannot be made or locked, or when other users may write to it.
    """
    try:
        os.makedirs(state_directory, mode=0o700, exist_ok=True)
        if os.stat(state_directory).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise StoreError(f"other users may write to the state directory {state_directory}: chmod 0700 it")
        return Lock(_locked(state_directory))
    except OSError as error:
        raise StoreError(f"cannot lock the state directory {state_directory}: {error.strerror}") from error


def _locked(state_directory: str) -> int:
    """Return the descriptor of the lock file, locked."""
    path = os.path.join(state_directory, _NAME)
    # Descriptors of Python are closed on exec, so no program started from here keeps the lock alive.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreError(f"cannot lock the state directory {state_directory}: {path} is not a file, remove it")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise AlreadyRunning(_sentence(state_directory, holder)) from None
    except OSError:
        os.close(descriptor)
        raise
    # The number only serves the message above; a full disk must not keep the agent from starting.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _sentence(state_directory: str, holder: str) -> str:
    who = f"another agent (process {holder})" if holder.isdigit() else "another agent"
    return (
        f"{who} holds the state directory {state_directory}: "
        "stop it first (systemctl stop hostkeeper), or give this one a --state directory of its own"
    )
