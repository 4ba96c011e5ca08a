"""How far a backup has come, and how far it has to go: the bytes of the last one of its level, or what a disk holds."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

import msgspec

from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Request
from agent.host import durable
from agent.host.scratch import make_private

_EVERY = 16 << 20
_NAME = "sizes.json"


class Measure:
    """Reports the progress of one backup at every few mebibytes; a total that nobody knows is 0."""

    def __init__(self, site: Site, request: Request, paths: Sequence[str], level: str) -> None:
        self._report = site.tools.progress
        self._level = level
        self._place = os.path.join(site.tools.keep, "tar", site.name)
        self._sizes = self._recall()
        self._total = self._sizes.get(level) or (0 if request.databases else _held(paths))
        self._before = self._here = 0
        self._told = -_EVERY

    def progress(self, count: int) -> None:
        """Say how many bytes of the present part were read."""
        self._here = count
        done = self._before + count
        if done - self._told >= _EVERY:
            self._told = done
            self._report(done, max(self._total, done) if self._total else 0, "bytes")

    def completed(self) -> None:
        """Say that the present part is read."""
        self._before += self._here
        self._here = 0

    def remember(self) -> None:
        """Keep the size for the next time, if that can be done."""
        sizes = {**self._sizes, self._level: self._before}
        with contextlib.suppress(OSError):
            make_private(self._place)
            durable.replace(os.path.join(self._place, _NAME), msgspec.json.encode(sizes))

    def _recall(self) -> dict[str, int]:
        with contextlib.suppress(OSError, ValueError), open(os.path.join(self._place, _NAME), "rb") as file:
            return msgspec.json.decode(file.read(), type=dict[str, int])
        return {}


def _held(paths: Sequence[str]) -> int:
    """Return how many bytes paths hold, if each is all of a file system; 0 if that cannot be told in a moment."""
    total = 0
    for path in paths:
        if not os.path.ismount(path):
            return 0
        held = os.statvfs(path)
        total += (held.f_blocks - held.f_bfree) * held.f_frsize
    return total
