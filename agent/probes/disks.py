"""File systems by mount point: space, inodes, and whether they can be written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache

from agent.model.samples import Key, Samples
from agent.probes.group import MOST_SERIES, Measured, bounded
from agent.probes.mounts import Mount, MountTable, chosen, parse_mounts
from agent.probes.remote import RemoteFileSystems


class Disks:
    """Local file systems, and those that thresholds name by mount point.

    Asking a file system of another host or of a user's program can block for ever, so these are measured only when
    they are named, and by a thread that nobody waits for.
    """

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._remote = RemoteFileSystems()
        self._table = MountTable()
        self._mounts: list[Mount] = []
        self._measured: Mapping[str, Mount] = {}
        self._chosen_for: frozenset[str] = frozenset()
        self._names: tuple[list[str], str] = ([], "")

    def read(self, now: float) -> Measured:
        """Return the numbers of each file system; one that cannot be asked is named in the error."""
        names, left_out = self._to_measure()
        errors = [left_out] if left_out else []
        keys: list[Key] = []
        values: list[float] = []
        for name in names:
            mount = self._measured[name]
            try:
                numbers = self._remote.ask(mount.path, now) if mount.remote else os.statvfs(mount.path)
            except OSError as error:
                errors.append(f"{name}: {error.strerror or error}")
                continue
            found, *has = _numbers(numbers, mount.read_only)
            values += found
            keys += _series(name, *has)
        return Measured(Samples(tuple(keys), values), "; ".join(errors))

    def _to_measure(self) -> tuple[list[str], str]:
        """Return the names of the file systems to measure, and what was left out."""
        table = self._table.read_if_changed()
        if table is not None:
            self._mounts = parse_mounts(table)
        if table is not None or self.asked != self._chosen_for:
            self._chosen_for, self._measured = self.asked, chosen(self._mounts, self.asked)
            self._remote.keep({mount.path for mount in self._measured.values() if mount.remote})
            self._names = bounded(self._measured, self.asked, "mount points")
        return self._names


def _numbers(of: os.statvfs_result, read_only: bool) -> tuple[list[float], bool, bool]:
    """Return the numbers of a file system, and whether those of its space and of its inodes are among them."""
    found = [float(read_only)]
    used = of.f_blocks - of.f_bfree
    open_to_users = used + of.f_bavail
    if open_to_users > 0:
        free, total = float(of.f_bavail * of.f_frsize), float(of.f_blocks * of.f_frsize)
        found += (100.0 * used / open_to_users, free, total)
    if of.f_files > 0:
        found += (100.0 * (of.f_files - of.f_ffree) / of.f_files, float(of.f_ffree))
    return found, open_to_users > 0, of.f_files > 0


@lru_cache(maxsize=2 * MOST_SERIES)
def _series(name: str, has_space: bool, has_inodes: bool) -> tuple[Key, ...]:
    """Return what the numbers of a file system are called."""
    signals = ["read_only"]
    if has_space:
        signals += ["used_percent", "free_bytes", "total_bytes"]
    if has_inodes:
        signals += ["inodes_used_percent", "inodes_free"]
    return tuple([(f"disk.{signal}", (("mountpoint", name),)) for signal in signals])
