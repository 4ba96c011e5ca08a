"""What directory descriptors need and Python's `os` does not offer: openat2, the mount of a file, and its birth."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

SYS_OPENAT2 = 437

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08

_STATX_BTIME = 0x800
_STATX_BYTES = 256
_STATX_BTIME_AT = 80
_AT_EMPTY_PATH = 0x1000

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class Kernel:
    """Opens directories below a descriptor in the strictest way this kernel offers.

    `openat2=False` takes the way of kernels before 5.6 and of sandboxes that do not know the call.
    """

    def __init__(self, *, openat2: bool = True) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._syscall = libc.syscall
        self._statx = getattr(libc, "statx", None)
        self._openat2 = openat2 and self._has_openat2()

    def _has_openat2(self) -> bool:
        try:
            os.close(self._open2("/", -1, os.O_PATH | os.O_CLOEXEC, 0))
        except OSError:
            return False
        return True

    def open_directory(self, name: str, parent: int, *, mount: int | None) -> int:
        """Given an entry's name and its directory's descriptor, return a descriptor of the directory of that name.

        With `mount`, the identity of the parent's mount, an entry on another mount raises OSError(EXDEV); bind mounts
        count, although their device number is the same. A symbolic link raises ELOOP or ENOTDIR, never is followed.
        """
        if self._openat2:
            resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
            return self._open2(name, parent, DIRECTORY, resolve | (RESOLVE_NO_XDEV if mount is not None else 0))
        descriptor = os.open(name, DIRECTORY, dir_fd=parent)
        if mount is not None and mount_of(descriptor) != mount:
            os.close(descriptor)
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)
        return descriptor

    def born(self, descriptor: int) -> int | None:
        """Given a descriptor, return when its file was made, in nanoseconds since the epoch; None if nobody knows."""
        answer = ctypes.create_string_buffer(_STATX_BYTES)
        if self._statx is None or self._statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, answer):
            return None
        (mask,) = struct.unpack_from("=I", answer)
        seconds, nanoseconds = struct.unpack_from("=qI", answer, _STATX_BTIME_AT)
        return int(seconds * 1_000_000_000 + nanoseconds) if mask & _STATX_BTIME else None

    def _open2(self, name: str, parent: int, flags: int, resolve: int) -> int:
        how = _OpenHow(flags, 0, resolve)
        descriptor = self._syscall(
            SYS_OPENAT2, parent, os.fsencode(name), ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
        )
        if descriptor < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), name)
        return int(descriptor)


def mount_of(descriptor: int) -> int:
    """Given a descriptor, return the identity of the mount it was opened through (proc(5), `mnt_id`)."""
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as info:
        for line in info:
            if line.startswith(b"mnt_id:"):
                return int(line[7:])
    raise OSError(errno.ENODATA, "the kernel does not tell the mount of a descriptor")
