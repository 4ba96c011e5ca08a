"""A server of our own, kept at work for as long as it is needed and ended whatever happens."""

from __future__ import annotations

import os
import pwd
import select
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec.structs import replace

from agent.drivers.asking import said
from agent.drivers.database import Tools
from agent.errors import RunFailed
from agent.host.scratch import temporary
from agent.ports import Command, Piped, Program

_PATIENCE = 120.0
_LOOK_EVERY_MS = 20
_SOCKET_BYTES = 80
"""How long the path of a directory may be that a socket is made in; the kernel takes 107 bytes in all."""


def keeper(names: Sequence[str]) -> str | None:
    """Return whom a server runs as: None for this user, and for root the first user that there is, or nobody."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RunFailed(f"a server must not run as root, and this host has none of the users {', '.join(names)}, nobody")


class NoPlace(RunFailed):
    """A file has to be written, and there is nowhere to, as in a process that only looks."""


@contextmanager
def place(tools: Tools, user: str | None) -> Iterator[str]:
    """Make a directory below the scratch directory that only `user` may enter, None being this one; remove it after.

    Where there is no scratch directory, as for looking, it is one of the host's. Raises RunFailed when that user cannot
    come to it, and NoPlace.
    """
    with ExitStack() as stack:
        try:
            made = stack.enter_context(temporary(tools.scratch or None))
        except FileNotFoundError as error:
            raise NoPlace("no directory for temporary files can be written to: name one in TMPDIR") from error
        hand_over(made, user)
        if user is not None:
            open_way(tools.scratch)
            _require_way(made, user)
        yield made


@contextmanager
def socket_place(directory: str, user: str | None) -> Iterator[str]:
    """Given a directory of `user`, return one where a socket can be made: that one, unless its path is too long."""
    with ExitStack() as stack:
        if len(os.fsencode(directory)) > _SOCKET_BYTES:
            directory = stack.enter_context(temporary())
            hand_over(directory, user)
        yield directory


def hand_over(directory: str, user: str | None) -> None:
    """Give a directory of ours to a user; None leaves it."""
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)


def open_way(directory: str) -> None:
    """Let everybody pass a directory of ours who knows a name in it; what has a name there is closed itself."""
    if directory:
        os.chmod(directory, 0o711)  # noqa: S103 - passing is not looking


def _require_way(directory: str, user: str) -> None:
    entry = pwd.getpwnam(user)
    groups = os.getgrouplist(user, entry.pw_gid)
    above = os.path.dirname(os.path.realpath(directory))
    while True:
        about = os.stat(above)
        if about.st_uid == entry.pw_uid:
            open_to = about.st_mode & stat.S_IXUSR
        else:
            open_to = about.st_mode & (stat.S_IXGRP if about.st_gid in groups else stat.S_IXOTH)
        if not open_to:
            raise RunFailed(
                f"{user} would have to work below {above}, which that user may not enter: "
                f"name another directory, or let everybody pass that one (chmod o+x)"
            )
        if above == "/":
            return
        above = os.path.dirname(above)


@contextmanager
def serving(tools: Tools, command: Command, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server; the context is entered once `ready()` is true, and leaving it ends the server.

    It is asked to end even when the run is stopped: killed servers leave things behind. Raises RunFailed with what it
    said when it does not come up.
    """
    over = False
    failure: BaseException | None = None
    up = False
    alive, written = os.pipe()
    piped: Piped | None = None
    try:
        with tools.processes.piped((Program(command, None, written),), lambda: over) as piped:
            os.close(written)
            written = -1
            try:
                if up := _up(tools, alive, ready):
                    yield
            except BaseException as error:
                failure = error
            finally:
                over = True
    finally:
        os.close(alive)
        if written >= 0:
            os.close(written)
    if failure is not None:
        raise failure
    if not up:
        assert piped is not None
        raise RunFailed(f"a server of its own did not start: {said(replace(piped.completed[0], stopped=False))}")


def _up(tools: Tools, alive: int, ready: Callable[[], bool]) -> bool:
    """Wait until a server is ready; False when it has ended, which its end of a pipe tells, or takes too long."""
    poller = select.poll()
    poller.register(alive, select.POLLHUP)
    deadline = tools.clock.monotonic() + _PATIENCE
    while not ready():
        if poller.poll(_LOOK_EVERY_MS) or tools.clock.monotonic() > deadline:
            return False
        if tools.stop():
            raise RunFailed("the run was asked to stop")
    return True
