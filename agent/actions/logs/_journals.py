"""The files of the journal on disk, found by descriptors."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from agent.errors import RunFailed
from agent.host.tree import Kernel, UnsafePath, open_root
from agent.rules.vacuuming import JournalFile, since_of

PLACES = ("/var/log/journal", "/run/log/journal")
MACHINE = "/etc/machine-id"
_MOST = 100_000


def directories(named: str | None) -> list[str]:
    """Return the directories that journalctl looks at: this machine's own, or the named one and those in it.

    Raises RunFailed when the named one cannot be looked at, or the machine has no id.
    """
    if named is not None:
        try:
            root = open_root(named, Kernel())
        except (OSError, UnsafePath) as error:
            raise RunFailed(f"{named}: {error}") from error
        try:
            with os.scandir(root.fd) as entries:
                below = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        finally:
            root.close()
        return [named, *(f"{named.rstrip('/')}/{name}" for name in sorted(below))]
    try:
        with open(MACHINE, encoding="ascii") as file:
            machine = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RunFailed(f"{MACHINE} cannot be read: {error}; name the `directory` of the journal") from error
    return [path for place in PLACES if os.path.isdir(path := f"{place}/{machine}")]


def files_in(directory: str) -> list[JournalFile]:
    """Return the files of a journal in a directory. Raises RunFailed when it cannot be looked at."""
    try:
        root = open_root(directory, Kernel())
    except (OSError, UnsafePath) as error:
        raise RunFailed(f"{directory}: {error}") from error
    try:
        return list(_files(root.fd, directory))
    finally:
        root.close()


def _files(fd: int, directory: str) -> Iterator[JournalFile]:
    for name in os.listdir(fd)[:_MOST]:
        if not name.endswith((".journal", ".journal~")):
            continue
        try:
            about = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(about.st_mode):
            yield JournalFile(f"{directory}/{name}", about.st_blocks * 512, since_of(name))
