"""Open the directory of a configured path so that nobody but root decides where the path leads.

The path is walked name by name from `/`. A symbolic link on the way is followed only when root alone could have put it
there: it belongs to root, and so does its directory, which nobody else may write to (`/var/run` leads to `/run`).
Every other link is refused, and where things are deleted, one at the end of the path is, whoever made it.

A directory in a directory that others control could be anything that they can rename to that name. So in a user's
directory it must be that user's own, and a directory that everybody writes to must be sticky, as `/tmp` is.

For an agent that is not root, its own user counts as root does.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from msgspec import Struct

from agent.errors import AgentError, ExitCode
from agent.host.tree.syscalls import DIRECTORY, Kernel, mount_of

MAX_LINKS = 40
"""As many links on one way as the kernel follows."""

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UnsafePath(AgentError):
    """Where a configured path leads could have been decided by somebody without root's rights."""

    code = ExitCode.REFUSED


class Root(Struct, frozen=True):
    """An open directory to walk: its descriptor, its path as configured, the identity of its mount, and its own."""

    fd: int
    path: bytes
    mount: int
    kernel: Kernel

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


def open_root(path: str, kernel: Kernel, trusted: Iterable[int] | None = None, *, directly: bool = False) -> Root:
    """Given an absolute path, return its directory, open for walking; `directly` is not where a link of its name leads.

    `trusted` are the user ids that count as root; by default root and the agent's own user. Raises UnsafePath when
    others could have decided where it leads, OSError when it does not exist, is no directory or cannot be read.
    """
    owners = frozenset(trusted if trusted is not None else (0, os.geteuid()))
    fd = os.open("/", DIRECTORY)
    try:
        pending = _names(path)
        links = 0
        while pending:
            name = pending.pop()
            try:
                step = os.open(name, DIRECTORY | os.O_PATH if pending else DIRECTORY, dir_fd=fd)
            except OSError as error:
                links += 1
                target = _trusted_link(name, fd, owners, path, error)
                if directly and not pending:
                    raise UnsafePath(f"it is a symbolic link to {target}: name the directory it leads to") from error
                if links > MAX_LINKS:
                    raise UnsafePath(f"more than {MAX_LINKS} symbolic links on the way") from error
                pending += _names(target)
                if not target.startswith("/"):
                    continue
                step = os.open("/", DIRECTORY)
            else:
                if name != "..":
                    _require_own(name, step, fd, owners)
            os.close(fd)
            fd = step
        return Root(fd, os.fsencode(path.rstrip("/")), mount_of(fd), kernel)
    except BaseException:
        os.close(fd)
        raise


def _require_own(name: str, directory: int, parent: int, owners: frozenset[int]) -> None:
    """Raise UnsafePath when somebody could have put a directory that is not theirs at this name."""
    above = os.fstat(parent)
    if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
        os.close(directory)
        raise UnsafePath(
            f"everybody can put something else in the place of {name!r} on this path: make its directory sticky"
        )
    if above.st_uid not in owners and os.fstat(directory).st_uid != above.st_uid:
        os.close(directory)
        raise UnsafePath(
            f"{name!r} on this path is in the directory of another user, who can put something else in its place: "
            "let both have one owner, or let root own the outer one"
        )


def _names(path: str) -> list[str]:
    """Return the names of a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]


def _trusted_link(name: str, fd: int, owners: frozenset[int], path: str, error: OSError) -> str:
    """Return where the link `name` in the directory `fd` leads; raise when it is no link, or none to be trusted."""
    with contextlib.suppress(OSError):
        link = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISLNK(link.st_mode):
            directory = os.fstat(fd)
            if link.st_uid in owners and directory.st_uid in owners and not directory.st_mode & WRITABLE_BY_OTHERS:
                return os.readlink(name, dir_fd=fd)
            raise UnsafePath(
                f"{name!r} on this path is a symbolic link that others than root can change; "
                "name the directory it leads to instead"
            ) from error
    raise OSError(error.errno, error.strerror, path) from error
