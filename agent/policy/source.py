"""One policy file read whole, or not at all while somebody is still writing it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import stat
from dataclasses import dataclass

from agent.policy.bounds import MAX_BYTES
from agent.policy.scan import signature_of


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a file (up to one more than is allowed), their SHA-256 in hexadecimal, and what `fstat` said.

    `linked` says that the path is a symlink.
    """

    data: bytes
    digest: str
    signature: str
    status: os.stat_result
    linked: bool


class Busy(Exception):
    """The file is being written, or changed while it was read; it is worth another look soon."""


class Unreadable(Exception):
    """The file cannot be read; `wrong` says why and `right` what to do."""

    def __init__(self, wrong: str, right: str) -> None:
        self.wrong = wrong
        self.right = right
        super().__init__(f"{wrong}: {right}")


def read_source(path: str) -> Source:
    """Given the path of a file, return it whole.

    Raises FileNotFoundError when it has gone, Busy while it is being written, and Unreadable for all else.
    """
    try:
        # A FIFO would block, and opening a device may have effects of its own.
        mode = os.lstat(path).st_mode
        linked = stat.S_ISLNK(mode)
        if not stat.S_ISREG(os.stat(path).st_mode if linked else mode):
            raise Unreadable("not a regular file", "put a file there, or give the entry another suffix")
        follow = 0 if linked else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | follow)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}", "make it readable for the agent") from None
    try:
        return _read(descriptor, linked=linked)
    finally:
        os.close(descriptor)


def _read(descriptor: int, *, linked: bool) -> Source:
    _lease(descriptor)
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise Busy  # replaced between the two looks
    data = _whole(descriptor, before.st_size)
    signature = signature_of(before)
    if signature_of(os.fstat(descriptor)) != signature:
        raise Busy
    return Source(data, hashlib.sha256(data).hexdigest(), signature, before, linked)


def _whole(descriptor: int, size: int) -> bytes:
    """Return all bytes, or one more than is allowed; a size of 0 is not believed (files in /proc and their like)."""
    data = os.read(descriptor, min(size, MAX_BYTES) + 1)
    while len(data) <= MAX_BYTES and len(data) != size and (more := os.read(descriptor, MAX_BYTES + 1 - len(data))):
        data += more
    return data


def _lease(descriptor: int) -> None:
    """Raise Busy if anybody has the file open for writing; otherwise keep writers waiting until it is closed.

    File systems without leases, and files of others when not root, leave only the comparison of signatures.
    """
    try:
        # The kernel announces a waiting writer by a signal: SIGIO, which would end the process, unless told otherwise.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        raise Busy from None
    except OSError:
        return
