"""Take from this process the ability to write to file systems: a dry run's altogether, a command's but for its places.

Landlock (Linux 5.13) restricts the process itself, needs no privilege, and cannot be lifted again, not by root either.
Descriptors that are already open keep their rights. Changes of owner, mode and times are beyond Landlock.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence

SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_ADD_RULE = 445
SYS_LANDLOCK_RESTRICT_SELF = 446
PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

# Access rights of <linux/landlock.h> that change a file system, by the ABI version that introduced them.
_WRITING_RIGHTS = (
    (1, 0b1_1111_1111_0010),  # write_file, remove_dir, remove_file, make_{char,dir,reg,sock,fifo,block,sym}
    (2, 1 << 13),  # refer: link and rename across directories
    (3, 1 << 14),  # truncate
)
_OF_FILES = 1 << 1 | 1 << 14  # write_file and truncate: the rights that a rule on a file may give


def forbid_writing(but: Sequence[str] = ()) -> bool:
    """Give up writing to file systems for good, but at and below some paths; return False where there is no Landlock.

    Raises OSError when the kernel has it and refuses.
    """
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
        for path in but:
            _allow(libc, ruleset, rights, path)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0):
            raise OSError(ctypes.get_errno(), "the kernel refused to restrict this process")
    finally:
        os.close(ruleset)
    return True


def _allow(libc: ctypes.CDLL, ruleset: int, rights: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        # What is not there, or out of reach, cannot be written to, and a rule cannot be about it.
        return
    try:
        given = rights if stat.S_ISDIR(os.fstat(place).st_mode) else rights & _OF_FILES
        rule = struct.pack("=Qi", given, place)
        if libc.syscall(SYS_LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0):
            raise OSError(ctypes.get_errno(), "the kernel refused a rule of what may be written", path)
    finally:
        os.close(place)
