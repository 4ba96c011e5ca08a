"""One file read whole and judged, or not at all while somebody is still writing it."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from typing import NamedTuple

from agent.digests import sha256
from agent.errors import Mistake
from agent.policy.bounds import MAX_BYTES
from agent.policy.broken import Broken
from agent.policy.scan import signature_of
from agent.policy.trust import Guard, distrust_of

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Source(NamedTuple):
    """The bytes of a file (up to one more than is allowed), their SHA-256 in hexadecimal, and its signature."""

    data: bytes
    digest: str
    signature: str


class Busy(Exception):
    """The file is being written, or changed while it was read; it is worth another look soon."""


def read_source(path: str, guard: Guard | None = None) -> Source:
    """Given the path of a file, and who judges whether only root can write it, return it whole.

    Raises FileNotFoundError when it has gone, Busy while it is being written, and Broken when it cannot be used.
    """
    try:
        # A FIFO would block, and opening a device may have effects of its own.
        mode = os.lstat(path).st_mode
        linked = stat.S_ISLNK(mode)
        if not stat.S_ISREG(os.stat(path).st_mode if linked else mode):
            raise _broken(path, "not a regular file", "put a file there, or give the entry another suffix")
        descriptor = os.open(path, _FLAGS if linked else _FLAGS | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _broken(path, f"cannot be read: {error.strerror}", "make it readable for the agent") from None
    try:
        status, data = _read(descriptor)
    finally:
        os.close(descriptor)
    if guard is not None and (distrust := guard.distrust(path, status, linked=linked)):
        raise Broken([Mistake(path, 0, 0, "", problem.wrong, problem.right) for problem in distrust])
    return Source(data, sha256(data).hexdigest(), signature_of(status))


def being_written(path: str) -> bool:
    """Given the path of a policy file, say whether somebody has it open for writing, as far as the kernel tells."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        _lease(descriptor)
    except Busy:
        return True
    finally:
        os.close(descriptor)
    return False


def read_alone(path: str, *, root: bool) -> Source:
    """Given the path of a file that stands for itself, such as agent.yaml, return it whole, as `read_source` does.

    With `root`, the file and every directory above it must be root's alone. Raises FileNotFoundError, Busy or Broken.
    """
    if not root:
        return read_source(path)
    try:
        distrust = distrust_of(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _broken(path, f"cannot be read: {error.strerror}", "make it readable for the agent") from None
    if distrust:
        raise Broken([Mistake(path, 0, 0, "", problem.wrong, problem.right) for problem in distrust])
    return read_source(path, Guard(os.path.dirname(path) or "."))


def _broken(path: str, wrong: str, right: str) -> Broken:
    return Broken([Mistake(path, 0, 0, "", wrong, right)])


def _read(descriptor: int) -> tuple[os.stat_result, bytes]:
    _lease(descriptor)
    before = os.fstat(descriptor)
    size = before.st_size
    data = os.read(descriptor, min(size, MAX_BYTES) + 1)
    # A size of 0 is not believed: files in /proc and their like have it.
    while len(data) <= MAX_BYTES and len(data) != size and (more := os.read(descriptor, MAX_BYTES + 1 - len(data))):
        data += more
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != (size, before.st_mtime_ns, before.st_ctime_ns):
        raise Busy
    return before, data


def _lease(descriptor: int) -> None:
    """Raise Busy if anybody has the file open for writing; otherwise keep writers waiting until it is closed.

    File systems without leases, and files of others when not root, leave only the comparison of two looks.
    """
    try:
        # The kernel announces a waiting writer by a signal: SIGIO, which would end the process, unless told otherwise.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        raise Busy from None
    except OSError:
        return
