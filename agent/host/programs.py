"""Find programs the way exec does, and tell whether a user may run them, without running anything."""

from __future__ import annotations

import os
import stat

from msgspec import Struct

from agent.host.users import Account


class Program(Struct, frozen=True):
    """A program on disk. `modified` is nanoseconds since the epoch; `problem` says why it cannot be run, or is ""."""

    path: str
    size: int
    modified: int
    problem: str


def find(name: str, path: str, directory: str, who: Account) -> Program:
    """Given what argv[0] says, a PATH and a working directory, return what exec would run for that user."""
    if not os.path.isdir(directory):
        return Program(name, 0, 0, f"the working directory {directory} does not exist")
    if "/" in name:
        return _judged(os.path.join(directory, name), who)
    candidates = [_judged(os.path.join(directory, folder, name), who) for folder in path.split(":")]
    for candidate in candidates:
        if not candidate.problem:
            return candidate
    found = [candidate for candidate in candidates if candidate.size or candidate.modified]
    return found[0] if found else Program(name, 0, 0, f"there is no program {name} on PATH ({path})")


def _judged(path: str, who: Account) -> Program:
    try:
        seen = os.stat(path)
    except OSError as error:
        return Program(path, 0, 0, f"{path}: {error.strerror}")
    problem = ""
    if not stat.S_ISREG(seen.st_mode):
        problem = f"{path} is not a file"
    elif not _may_execute(seen, who):
        problem = f"{path} is not executable for {who.name}"
    return Program(path, seen.st_size, seen.st_mtime_ns, problem)


def _may_execute(seen: os.stat_result, who: Account) -> bool:
    if who.uid == 0:
        return bool(seen.st_mode & 0o111)
    if seen.st_uid == who.uid:
        return bool(seen.st_mode & stat.S_IXUSR)
    if seen.st_gid in who.groups:
        return bool(seen.st_mode & stat.S_IXGRP)
    return bool(seen.st_mode & stat.S_IXOTH)
