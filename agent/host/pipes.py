"""Pipes whose content goes two ways without being copied, and that hold much."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.tee.restype = ctypes.c_ssize_t
_LIBC.tee.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint)
ROOM = 1 << 20


def roomy() -> tuple[int, int]:
    """Return a new pipe, its reading end first, that holds a mebibyte if the kernel lets it."""
    reading, writing = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, ROOM)
    return reading, writing


def tee(source: int, sink: int, most: int) -> int:
    """Hand on to the pipe `sink` what is in the pipe `source`, without taking it out; return how many bytes that was.

    It waits until there is something and room for it; 0 is the end of the source (tee(2)). Raises OSError.
    """
    while (count := _LIBC.tee(source, sink, most, 0)) < 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return int(count)
