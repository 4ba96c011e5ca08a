"""The state that GNU tar keeps of an incremental series, without the directories that have been moved or replaced.

GNU tar (1.34) looks for renamed directories by inode. Where one took the place of another it then counts the files of
the new one as unchanged, and after two directories were exchanged it notes the wrong inodes, so that what is replaced
next is missed altogether: the archives bring back the content of the old directory. A directory that its state does
not know is archived whole, which is right in every case. So before each run the state forgets those whose inode is no
longer at their name.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator

from agent.errors import RunFailed

_CHUNK = 1 << 18
_FORMAT = (b"GNU tar-", b"-2")
_INODE, _NAME = 4, 5
"""Where these stand among the fields of a directory: nfs, seconds, nanoseconds, device, inode, name."""


def forget_moved(old: str, new: str, directory: str) -> int:
    """Given the file with tar's state, write it to the file `new` without the directories that are no longer there.

    `directory` is where tar runs, as names in the state may be relative. Return how many were forgotten. Raises
    RunFailed for a state that is of another format or not whole, OSError when it cannot be read or written.
    """
    forgotten = 0
    with open(old, "rb") as source, open(new, "xb") as target:
        head = source.readline(_CHUNK)
        fields = _fields(source)
        if not (head.startswith(_FORMAT[0]) and head.rstrip(b"\n").endswith(_FORMAT[1])):
            raise RunFailed(f"{old} is no state of GNU tar that this version knows: make a full backup")
        try:
            target.write(head + next(fields) + b"\0" + next(fields) + b"\0")
            for first in fields:
                record = [first, *(next(fields) for _ in range(_NAME))]
                while field := next(fields):
                    record.append(field)
                if next(fields):
                    raise RunFailed(f"{old} is not the state that tar wrote: make a full backup")
                if _is_there(os.path.join(os.fsencode(directory), record[_NAME]), record[_INODE]):
                    target.write(b"\0".join(record) + b"\0\0\0")
                else:
                    forgotten += 1
        except (StopIteration, RuntimeError) as error:
            raise RunFailed(f"{old} ends too early: make a full backup") from error
    return forgotten


def _is_there(path: bytes, inode: bytes) -> bool:
    try:
        about = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and str(about.st_ino).encode() == inode


def _fields(file: io.BufferedReader) -> Iterator[bytes]:
    """Yield what stands before each NUL."""
    rest = b""
    while chunk := file.read(_CHUNK):
        whole = (rest + chunk).split(b"\0")
        rest = whole.pop()
        yield from whole
    if rest:
        raise RunFailed(f"{file.name} ends too early: make a full backup")
