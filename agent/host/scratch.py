"""Directories of our own, to work in: nobody else gets in, and they go with all that is in them."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent.errors import RunFailed
from agent.host.tree import Kernel, Root, Walk, remove_directory
from agent.host.tree.syscalls import DIRECTORY, mount_of
from agent.model.reasons import Reason

_TRIES = 64
"""A tree of nested closed directories opens one level in each pass."""


@contextmanager
def temporary(parent: str | None = None) -> Iterator[str]:
    """Make a directory that only this user can enter, below a directory or that of the host; remove it afterwards."""
    path = tempfile.mkdtemp(prefix="hostkeeper-", dir=parent)
    try:
        yield path
    finally:
        remove_whole(path)


def make_private(path: str) -> None:
    """Make a directory of mode 0700, with those above it; one of ours that others can only read is closed.

    Raises RunFailed when there is something else at that name.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.mkdir(path, 0o700)
    except FileExistsError:
        about = os.lstat(path)
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o022:
            raise RunFailed(f"{path} is there, and no private directory of the agent's: remove it") from None
        os.chmod(path, 0o700)
    except OSError as error:
        raise RunFailed(f"{path}: {error.strerror}") from error


def disinherit(path: str) -> None:
    """Have nothing that comes to be in a directory take over its group or an access list. Raises RunFailed."""
    try:
        os.removexattr(path, "system.posix_acl_default")
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise RunFailed(f"{path}: its default access list cannot be removed: {error.strerror}") from error
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~stat.S_ISGID)


def remove_whole(path: str) -> None:
    """Remove whatever is at a path in a directory of ours, with all that is below; nothing there is fine.

    Other mounts are not entered, links not followed. Raises RunFailed, naming some of what could not be removed.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        problems: list[tuple[bytes, str]] = []
        for _ in range(_TRIES):
            problems = _emptied(path)
            closed = [place for place, text in problems if text == os.strerror(errno.EACCES)]
            if not closed or os.geteuid() == 0:
                break
            for place in closed:
                with suppress(OSError):
                    os.chmod(place, 0o700)
        if problems:
            told = "; ".join(f"{os.fsdecode(place)!a}: {text}" for place, text in problems[:5])
            raise RunFailed(f"{path} could not be removed: {told}")
        os.rmdir(path)


def remove_inside(path: str) -> None:
    """Remove everything in a directory that only we write to, and leave the directory. Raises RunFailed."""
    for name in os.listdir(path):
        remove_whole(os.path.join(path, name))


def _emptied(path: str) -> list[tuple[bytes, str]]:
    """Remove all that is below a directory; return what could not be removed, and why."""
    problems: list[tuple[bytes, str]] = []

    def report(place: bytes, _reason: Reason, text: str) -> None:
        problems.append((place, text))

    try:
        fd = os.open(path, DIRECTORY)
    except PermissionError as error:
        return [(os.fsencode(path), str(error.strerror))]
    try:
        walk = Walk(
            Root(fd, os.fsencode(path), mount_of(fd), Kernel()), cross_mounts=False, max_depth=None, report=report
        )
        for directory, entering in walk:
            place = walk.path(directory)
            try:
                if entering:
                    for name in directory.names():
                        os.unlink(name, dir_fd=directory.fd)
                elif directory.parent is not None and (reason := remove_directory(directory)) is not None:
                    problems.append((place, f"kept: {reason}"))
            except OSError as error:
                problems.append((place, str(error.strerror)))
    finally:
        os.close(fd)
    return problems
