"""The paths of a backup, before restic sees them: it leaves out in silence what it does not find."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from agent.errors import RunFailed
from agent.host.output import visible


def require(paths: Iterable[str]) -> None:
    """Raise RunFailed, naming each path that there is nothing at or below, or that restic would not follow."""
    wrong = [f"{visible(path)} {why}" for path in paths if (why := _wrong(path))]
    if wrong:
        raise RunFailed(f"nothing was backed up: {'; '.join(wrong)}")


def lost(paths: Iterable[str]) -> Iterator[str]:
    """Given the paths after the backup, yield a flaw for each that went away or was emptied meanwhile."""
    for path in paths:
        if why := _wrong(path):
            yield f"{visible(path)} {why} since the backup began"


def _wrong(path: str) -> str:
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            return "is a symbolic link, of which restic keeps only the link: name the place that it leads to"
        if stat.S_ISDIR(about.st_mode):
            with os.scandir(path) as entries:
                return "" if any(True for _ in entries) else "is empty; is its disk mounted?"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if stat.S_ISREG(about.st_mode) else "is neither a directory nor a file"
