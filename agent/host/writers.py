"""Who has a file open to write to it."""

from __future__ import annotations

import os
from contextlib import suppress

from agent.host.output import visible

_WRITING = os.O_WRONLY | os.O_RDWR


def writers_of(files: set[tuple[int, int]]) -> tuple[list[str], bool]:
    """Given devices and inodes, return the processes that may write to one of them, and whether all could be asked."""
    found, complete = [], True
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except FileNotFoundError:
            continue
        except PermissionError:
            complete = False
            continue
        with suppress(OSError):
            if any(_writes(pid, number, files) for number in descriptors):
                found.append(f"{_name(pid)} ({pid})")
    return found, complete


def _writes(pid: str, number: str, files: set[tuple[int, int]]) -> bool:
    try:
        about = os.stat(f"/proc/{pid}/fd/{number}")
        if (about.st_dev, about.st_ino) not in files:
            return False
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as lines:
            flags = next((int(line.split()[1], 8) for line in lines if line.startswith("flags:")), 0)
    except OSError:
        return False
    return bool(flags & _WRITING)


def _name(pid: str) -> str:
    with open(f"/proc/{pid}/comm", "rb") as file:
        return visible(file.read().strip())
