"""GNU tar's state of each series, from backup to backup: on the host alone, since it names every file.

It lies in the task's own directory, one file for each backup that the next one may build on. Losing it costs a full
backup.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection

from agent.drivers.repositories.tar import layout
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.snapshot import forget_moved
from agent.errors import RunFailed
from agent.host import durable
from agent.host.scratch import make_private, remove_whole

_SUFFIX = ".snar"
_DRAFT = "next"
_LONGER = "-longer"
_HEAD = 200
_SECOND = 1_000_000_000
_FINE = _SECOND // 50
_COARSE = 2 * _SECOND
"""Nanoseconds that the times of files may lag behind: the kernel's clock for them ticks 100 times a second at least,
and some file systems keep whole or even seconds alone."""


class State:
    """The states of one repository's backups of one task."""

    def __init__(self, site: Site) -> None:
        self._place = os.path.join(site.tools.keep, "tar", site.name)
        self.draft = os.path.join(self._place, _DRAFT)

    def begin(self, parent: str | None) -> str:
        """Make ready the state for tar: that of a parent, by id, or an empty one. Return why there is none, or "".

        Raises RunFailed, OSError when it cannot be written.
        """
        make_private(self._place)
        self.abandon()
        if parent is None:
            return ""
        try:
            forget_moved(self._path(parent), self.draft, "/")
        except FileNotFoundError:
            return "this host has no state of the backup to build on"
        except RunFailed as error:
            remove_whole(self.draft)
            return str(error)
        return ""

    def commit(self, backup: str, keep: Collection[str], *, fine: bool) -> None:
        """Keep the state that tar left as that of a backup, and of the others only those named. Raises OSError.

        `fine` is that the times of the files are of less than a second.
        """
        # What changed in the very instant of the look must not count as unchanged the next time.
        durable.rename(_earlier(self.draft, _FINE if fine else _COARSE), self._path(backup))
        wanted = {f"{one}{_SUFFIX}" for one in (backup, *keep)}
        for name in os.listdir(self._place):
            if name.endswith(_SUFFIX) and name not in wanted:
                remove_whole(os.path.join(self._place, name))

    def forget(self, backup: str) -> None:
        """Remove the state of a backup that came to nothing, and any draft."""
        self.abandon()
        remove_whole(self._path(backup))

    def abandon(self) -> None:
        """Remove the draft."""
        remove_whole(self.draft)
        remove_whole(f"{self.draft}{_LONGER}")

    def _path(self, backup: str) -> str:
        if layout.parse_id(backup) is None:
            raise RunFailed(f"{backup!r} is no id of a backup of this repository")
        return os.path.join(self._place, f"{backup}{_SUFFIX}")


def _earlier(draft: str, by: int) -> str:
    """Set the instant at which tar began, in its state, back by nanoseconds, and return the file that says so, synced.

    Seconds and nanoseconds follow the first line, with a NUL after each.
    """
    with open(draft, "r+b") as file:
        head = file.read(_HEAD)
        at = head.index(b"\n") + 1
        seconds, nanoseconds = head[at:].split(b"\0")[:2]
        whole, rest = divmod(int(seconds) * _SECOND + int(nanoseconds) - by, _SECOND)
        fields = b"%0*d\0%0*d" % (len(seconds), whole, len(nanoseconds), rest)
        if len(fields) == len(seconds) + 1 + len(nanoseconds):
            os.pwrite(file.fileno(), fields, at)
            os.fsync(file.fileno())
            return draft
        with open(f"{draft}{_LONGER}", "xb") as longer:
            longer.write(head[:at] + fields)
            file.seek(at + len(seconds) + 1 + len(nanoseconds))
            shutil.copyfileobj(file, longer)
            longer.flush()
            os.fsync(longer.fileno())
    remove_whole(draft)
    return longer.name
