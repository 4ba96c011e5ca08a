"""GNU tar's state of each series, from backup to backup: on the host alone, since it names every file.

It lies in the task's own directory, one file for each backup that the next one may build on. Losing it costs a full
backup.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from agent.drivers.repositories.tar import layout
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.snapshot import forget_moved
from agent.errors import RunFailed
from agent.host import durable
from agent.host.scratch import make_private, remove_whole

_SUFFIX = ".snar"
_DRAFT = "next"
_BACK = 2
"""So many seconds earlier than it was does tar believe to have begun: the kernel's clock for files lags behind, and
what changed in the very instant of the look must not count as unchanged."""


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
        remove_whole(self.draft)
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

    def commit(self, backup: str, keep: Collection[str]) -> None:
        """Keep the state that tar left as that of a backup, and of the others only those named. Raises OSError."""
        with open(self.draft, "r+b") as file:
            _earlier(file.fileno())
            os.fsync(file.fileno())
        durable.rename(self.draft, self._path(backup))
        wanted = {f"{one}{_SUFFIX}" for one in (backup, *keep)}
        for name in os.listdir(self._place):
            if name.endswith(_SUFFIX) and name not in wanted:
                remove_whole(os.path.join(self._place, name))

    def forget(self, backup: str) -> None:
        """Remove the state of a backup that came to nothing, and any draft."""
        remove_whole(self.draft)
        remove_whole(self._path(backup))

    def abandon(self) -> None:
        """Remove the draft."""
        remove_whole(self.draft)

    def _path(self, backup: str) -> str:
        if layout.parse_id(backup) is None:
            raise RunFailed(f"{backup!r} is no id of a backup of this repository")
        return os.path.join(self._place, f"{backup}{_SUFFIX}")


def _earlier(descriptor: int) -> None:
    """Set the instant at which tar began, in its state, back a little: the first field after the first line."""
    head = os.pread(descriptor, 200, 0)
    at = head.index(b"\n") + 1
    seconds = head[at : head.index(b"\0", at)]
    earlier = b"%0*d" % (len(seconds), int(seconds) - _BACK)
    os.pwrite(descriptor, earlier, at)
