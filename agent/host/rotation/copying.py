"""Copy a log and empty it, for a writer that keeps its file.

The copy has its name before the log is emptied, and everything but what came in the last moment is on the disk. What is
written between the last look and emptying is lost: the kernel has no way to empty a file as far as it was read.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from agent.failpoints import reach
from agent.host.rotation.files import NotRotated, drop, named, nameless, opened
from agent.host.rotation.likeness import liken
from agent.host.rotation.place import Place
from agent.host.rotation.turning import Expected

_CHUNK = 1 << 20
_ROUNDS = 16


def copy_and_empty(place: Place, log: str, older: str, *, expected: Expected, resume: bool = False) -> None:
    """Given the names of a log and of its copy to be, copy it and empty it, down to the disk.

    With `resume` a file at that name is the copy that a process was making that has ended, and is gone on with. Raises
    NotRotated and OSError; the log is then whole.
    """
    with place.acting(), ExitStack() as stack:
        source = stack.enter_context(opened(place.fd, log, os.O_RDWR))
        if not expected(os.fstat(source)):
            raise NotRotated(f"{log} was put in its place since it was looked at")
        copy, without_name = _begun(place.fd, older, source, resume=resume)
        stack.callback(os.close, copy)
        seen = os.fstat(copy)
        try:
            _fill(copy, source, log)
            liken(copy, source)
            os.fsync(copy)
            if without_name:
                reach("rotation.copy:before")
                named(copy, place.fd, older)
            os.fsync(place.fd)
            reach("rotation.copy:after")
        except BaseException:
            if not (without_name or resume):
                drop(place.fd, older, seen)
            raise
        _emptied(source, copy)


def _begun(directory: int, older: str, source: int, *, resume: bool) -> tuple[int, bool]:
    """Return the copy to be written to, and whether it has no name yet."""
    if resume:
        try:
            with opened(directory, older, os.O_RDWR) as found:
                if not _is_beginning(found, source):
                    raise NotRotated(f"{older} is there, and no copy of the log; the next run takes another name")
                return os.dup(found), False
        except FileNotFoundError:
            pass
    return nameless(directory, older)


def _is_beginning(copy: int, source: int) -> bool:
    """Tell whether what is in one file is what another one begins with."""
    size = os.fstat(copy).st_size
    at = 0
    while at < size and (chunk := os.pread(copy, min(_CHUNK, size - at), at)):
        if os.pread(source, len(chunk), at) != chunk:
            return False
        at += len(chunk)
    return at == size


def _fill(copy: int, source: int, log: str) -> None:
    """Copy until nothing came while the copy was brought to the disk, or somebody writes without a pause."""
    for _ in range(_ROUNDS):
        at = _catch_up(copy, source)
        os.fdatasync(copy)
        size = os.fstat(source).st_size
        if size < at:
            raise NotRotated(f"{log} was emptied by somebody else at the same moment")
        if size == at:
            return


def _catch_up(copy: int, source: int) -> int:
    """Copy what the copy does not have yet; return how much it has."""
    at = os.fstat(copy).st_size
    while chunk := os.pread(source, _CHUNK, at):
        view = memoryview(chunk)
        while view:
            written = os.pwrite(copy, view, at)
            at, view = at + written, view[written:]
    return at


def _emptied(source: int, copy: int) -> None:
    reach("rotation.empty:before")
    _catch_up(copy, source)
    os.ftruncate(source, 0)
    reach("rotation.empty:after")
    os.fsync(copy)
    os.fsync(source)
