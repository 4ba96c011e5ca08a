"""A restic that has read everything and does not end: 0.14 waits for ever where its last pieces cannot be written."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping
from typing import Any

from agent.drivers.repositories.restic.site import Site
from agent.errors import RunFailed

_PATIENCE, _PATIENCE_FULL = 600.0, 30.0
"""Seconds that writing the last pieces may take, and where there is hardly room for one."""

_PIECE = 32 << 20
"""Bytes that one of restic's packs and what belongs to it may take."""


class Stalled:
    """Hears of restic's progress; `scanned` is that it knows how much there is to read.

    Only where the repository is on this host is it known how long the end may take.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self.scanned = False
        self._at = (-1, -1)
        self._since = 0.0

    def heed(self, said: Mapping[str, Any]) -> None:
        """Given what restic says of its progress, raise RunFailed once nothing more is to be expected of it."""
        now = self._site.tools.clock.monotonic()
        at = (int(said.get("files_done", 0)), int(said.get("bytes_done", 0)))
        total = (int(said.get("total_files", 0)), int(said.get("total_bytes", 0)))
        if not self.scanned or at != self._at or at[0] < total[0] or at[1] < total[1]:
            self._at, self._since = at, now
            return
        full = self._full()
        if now - self._since > self._patience(full=full):
            why = f": {os.strerror(errno.ENOSPC)}" if full else ""
            raise RunFailed(
                f"`restic backup` has read everything and does not end{why}: look at the storage of {self._site.name}"
            )

    def _patience(self, *, full: bool) -> float:
        if self._site.directory is None or self._site.limit_upload:
            return math.inf
        return _PATIENCE_FULL if full else _PATIENCE

    def _full(self) -> bool:
        try:
            about = os.statvfs(self._site.directory or "/")
        except OSError:
            return False
        # Some file systems do not tell their size.
        return about.f_blocks > 0 and about.f_bavail * about.f_frsize < _PIECE
