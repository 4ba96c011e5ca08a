"""Whether a policy file and everything above it are root's alone, for an agent that runs as root.

Whoever can write a policy file, or replace it by writing to a directory above it, decides what root does. So the file
and every directory on the way to it, over every symlink, must belong to root and be writable by nobody else. Access
control lists need no look of their own: what they grant shows in the group bits of the mode, which are their mask.

A sticky directory of root's, such as /tmp, is safe to pass through, since nobody can rename or remove root's entries in
it. Others can add entries to it, though: a hard link to some other file of root's, or a link of their own. So there,
and only there, a file or symlink must be root's and have one name. Elsewhere every name was given by root, and a
second name that a user may have given the file changes nothing in it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MOST_LINKS = 40
"""As many symlinks as the kernel follows on one way."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Fact(NamedTuple):
    """What `lstat` says of one place on the way to a file; `links` counts its names.

    `shared` says that others may add entries to the directory it stands in.
    """

    path: str
    uid: int
    mode: int
    links: int
    shared: bool


class Distrust(NamedTuple):
    """Why a place is not root's alone, and the command that makes it so."""

    path: str
    wrong: str
    right: str


def is_shared(uid: int, mode: int) -> bool:
    """Given owner and mode of a directory, say whether others may add entries to it."""
    return uid != 0 or bool(mode & OTHERS_WRITE)


def judge(facts: Iterable[Fact]) -> list[Distrust]:
    """Given every place on the way to a file, return those that somebody other than root could use against it."""
    return [distrust for fact in facts if (distrust := _judge(fact)) is not None]


def _judge(fact: Fact) -> Distrust | None:
    link, directory = stat.S_ISLNK(fact.mode), stat.S_ISDIR(fact.mode)
    if link and not fact.shared:
        return None  # its mode says nothing, and only root can have put it there
    if fact.uid != 0:
        wrong = f"{fact.path} belongs to user {fact.uid}, who could change what root does"
        return _distrust(fact, wrong, "chown -h root {}" if link else "chown root {}")
    if fact.shared and not directory and fact.links != 1:
        wrong = f"{fact.path} has {fact.links} names, and anybody may have put it into this directory of all users"
        return _distrust(fact, wrong, "cp -p {0} {0}.new && mv {0}.new {0}")
    if link or not fact.mode & OTHERS_WRITE or (directory and fact.mode & stat.S_ISVTX):
        return None
    who = "everybody" if fact.mode & stat.S_IWOTH else "its group"
    return _distrust(fact, f"{fact.path} can be written by {who}", "chmod go-w {}")


def _distrust(fact: Fact, wrong: str, command: str) -> Distrust:
    from shlex import quote  # noqa: PLC0415 - only needed once something is wrong

    return Distrust(fact.path, wrong, f"run: {command.format(quote(fact.path))}")


def way_to(path: str) -> Iterator[Fact]:
    """Given a path, yield the facts of every directory and symlink on the way to it, and of what it leads to.

    Raises OSError when the way ends before.
    """
    # A shell may stand in a directory that is gone, which keeps nobody from what has a whole path.
    ahead = deque(_names(path if os.path.isabs(path) else os.path.join(os.getcwd(), path)))
    here, shared, links = "/", False, 0
    yield _fact("/", os.lstat("/"), shared=False)
    shared = _is_open("/")
    while ahead:
        name = ahead.popleft()
        step = os.path.dirname(here) if name == ".." else os.path.join(here, name)
        status = os.lstat(step)
        if name != "..":
            yield _fact(step, status, shared=shared)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = os.readlink(step)
            if target.startswith("/"):
                here = "/"
                shared = _is_open("/")
            ahead.extendleft(reversed(_names(target)))
            continue
        here, shared = step, is_shared(status.st_uid, status.st_mode)


def distrust_of(path: str) -> list[Distrust]:
    """Given a path, return every place on the way to it that is not root's alone. Raises OSError."""
    return judge(dict.fromkeys(way_to(path)))


class Guard:
    """Judges the files of one directory, which `distrust_of` has judged as a whole before."""

    def __init__(self, directory: str) -> None:
        status = os.stat(directory)
        self._shared = is_shared(status.st_uid, status.st_mode)

    def distrust(self, path: str, status: os.stat_result, *, linked: bool) -> list[Distrust]:
        """Given a file of the directory and what `fstat` said of it, return what somebody else could use against it.

        A symlink is judged with the whole way to its target. Raises FileNotFoundError when that way has changed.
        """
        if not linked:
            return judge([_fact(path, status, shared=self._shared)])
        try:
            return distrust_of(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            return [Distrust(path, f"the way to it cannot be followed: {error.strerror}", "mend the symlink")]


def _fact(path: str, status: os.stat_result, *, shared: bool) -> Fact:
    return Fact(path, status.st_uid, status.st_mode, status.st_nlink, shared)


def _is_open(path: str) -> bool:
    status = os.lstat(path)
    return is_shared(status.st_uid, status.st_mode)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]
