"""Turn a log over: it gets the name of an older generation, and a new log is in its place.

The new log is made under the older name, with everything it has to have, and then both change places in one instant:
there is none at which the log has no name or nothing is at its path. An empty file at an older name is what a process
leaves that ends before that instant.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from agent.failpoints import reach
from agent.host.rotation.files import NotRotated, drop, is_at, made, opened
from agent.host.rotation.likeness import Creation, liken
from agent.host.rotation.place import Place
from agent.host.tree.exchange import exchange, move

Expected = Callable[[os.stat_result], bool]
"""Tells whether a file is the one that was looked at."""

Exchange = Callable[[int, str, int, str], bool]
"""Has two names change places, or returns False where the file system cannot."""


def turn(
    place: Place,
    log: str,
    older: str,
    *,
    expected: Expected,
    creation: Creation | None = None,
    exposed: bool = False,
    swap: Exchange = exchange,
) -> None:
    """Given the names of a log and of its older generation to be, turn the log over, down to the disk.

    `exposed` says that everybody may put something at a name that is free: then there must be no instant at which the
    log's is. Raises NotRotated and OSError; the log is then as it was, unless the message says otherwise.
    """
    with place.acting(), opened(place.fd, log, os.O_RDONLY) as descriptor:
        about = os.fstat(descriptor)
        if not expected(about):
            raise NotRotated(f"{log} was put in its place since it was looked at")
        new = made(place.fd, older)
        try:
            seen = os.fstat(new)
            try:
                liken(new, descriptor, creation)
                os.fsync(new)
                reach("rotation.turn:before")
                swapped = swap(place.fd, older, place.fd, log)
            except BaseException:
                drop(place.fd, older, seen)
                raise
            if swapped:
                _require_turned(place.fd, log, older, about, seen)
            else:
                drop(place.fd, older, seen)
                _renamed(place.fd, log, older, descriptor, creation, exposed=exposed)
            os.fsync(place.fd)
            reach("rotation.turn:after")
        finally:
            os.close(new)


def _require_turned(directory: int, log: str, older: str, old: os.stat_result, new: os.stat_result) -> None:
    """Raise NotRotated when something else was at the name of the log; it is put back if nobody exchanged it since."""
    if is_at(directory, older, old):
        return
    if not is_at(directory, log, new):
        raise NotRotated(f"somebody exchanges what is at {log} all the time; what was there for a moment is at {older}")
    exchange(directory, older, directory, log)
    with suppress(OSError, NotRotated):
        drop(directory, older, new)
    raise NotRotated(f"somebody put something else at {log} at the same moment; it is back there")


def _renamed(
    directory: int, log: str, older: str, descriptor: int, creation: Creation | None, *, exposed: bool
) -> None:
    """Turn a log over where the file system does not let two names change places: rename it, then make a new one."""
    if exposed:
        raise NotRotated(
            "this file system does not let two names change places, so for an instant anybody could put a log of "
            "their own at its name: choose `method: copytruncate`"
        )
    move(directory, log, directory, older)
    if not is_at(directory, older, os.fstat(descriptor)):
        move(directory, older, directory, log)
        raise NotRotated(f"somebody put something else at {log} at the same moment; it is back there")
    # A writer that finds no log makes one itself: that is then the new one.
    with suppress(FileExistsError):
        new = made(directory, log)
        try:
            liken(new, descriptor, creation)
            os.fsync(new)
        finally:
            os.close(new)
