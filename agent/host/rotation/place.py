"""The directory that logs are rotated in, and whose rights do it.

Root becomes whoever owns the directory, or the log, for the file system alone: what that user could not do, the kernel
refuses, whatever names are exchanged meanwhile. It stays root for everything else, so that the user can neither signal
nor trace it (setfsuid(2)).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from msgspec import Struct

from agent.errors import RunFailed
from agent.host.tree import Kernel, open_root

_ASK = 0xFFFF_FFFF
"""No user and no group: the kernel changes nothing and says who it is."""


class Actor(Struct, frozen=True):
    """Whose rights are used: a user, a group, and further groups, by number."""

    user: int
    group: int
    groups: tuple[int, ...] = ()


class Place(Struct, frozen=True):
    """An open directory, its path, and who acts in it, None for this process as it is."""

    fd: int
    path: str
    actor: Actor | None

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Use the rights of the actor within the block, in this thread. Raises RunFailed where that is not allowed.

        Nothing but files of the directory may be opened meanwhile: those of the agent are not the actor's.
        """
        with nullcontext() if self.actor is None else _as(self.actor):
            yield


@contextmanager
def place_at(path: str, actor: Actor | None) -> Iterator[Place]:
    """Open a directory as `agent.host.tree.open_root` does. Raises OSError, UnsafePath."""
    root = open_root(path, Kernel())
    try:
        yield Place(root.fd, path.rstrip("/"), actor)
    finally:
        root.close()


@contextmanager
def _as(actor: Actor) -> Iterator[None]:
    libc = ctypes.CDLL(None)
    change = {}
    for name in ("setfsuid", "setfsgid"):
        change[name] = getattr(libc, name)
        change[name].argtypes, change[name].restype = [ctypes.c_uint], ctypes.c_uint
    before = os.getgroups()
    os.setgroups(actor.groups)
    try:
        change["setfsgid"](actor.group)
        change["setfsuid"](actor.user)
        # The calls tell no failure: only asking does.
        if (change["setfsuid"](_ASK), change["setfsgid"](_ASK)) != (actor.user, actor.group):
            raise RunFailed(f"this process may not use the rights of user {actor.user}: run the agent as root")
        yield
    finally:
        change["setfsuid"](os.geteuid())
        change["setfsgid"](os.getegid())
        os.setgroups(before)
