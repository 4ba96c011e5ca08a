"""Take from this process the ability to write to any file system, so that a dry run cannot write.

Landlock (Linux 5.13) restricts the process itself, needs no privilege, and cannot be lifted again, not by root either.
Descriptors that are already open keep their rights. Changes of owner, mode and times are beyond Landlock.
"""

from __future__ import annotations

import ctypes
import os

SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_RESTRICT_SELF = 446
PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET_VERSION = 1

# Access rights of <linux/landlock.h> that change a file system, by the ABI version that introduced them.
_WRITING_RIGHTS = (
    (1, 0b1_1111_1111_0010),  # write_file, remove_dir, remove_file, make_{char,dir,reg,sock,fifo,block,sym}
    (2, 1 << 13),  # refer: link and rename across directories
    (3, 1 << 14),  # truncate
)


def forbid_writing() -> bool:
    """Give up writing to file systems for good; return False where the kernel has no Landlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(SYS_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION)
    if version < 1:
        return False
    rights = sum(bits for since, bits in _WRITING_RIGHTS if version >= since)
    attributes = ctypes.c_uint64(rights)
    ruleset = libc.syscall(
        SYS_LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(ctypes.sizeof(attributes)), 0
    )
    if ruleset < 0:
        return False
    try:
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "the kernel refused to restrict this process")
    finally:
        os.close(ruleset)
    return True
