"""File systems by mount point: space, inodes, and whether they can be written."""

from __future__ import annotations

import os
from collections.abc import Mapping

from agent.model.signals import Sample
from agent.probes.group import Measured, bounded
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
        self._chosen: tuple[frozenset[str], Mapping[str, Mount]] | None = None

    def read(self, now: float) -> Measured:
        """Return the numbers of each file system; one that cannot be asked is named in the error."""
        mounts = self._to_measure()
        names, left_out = bounded(mounts, self.asked, "mount points")
        found = Measured()
        errors = [left_out] if left_out else []
        for name in names:
            mount = mounts[name]
            try:
                numbers = self._remote.ask(mount.path, now) if mount.remote else os.statvfs(mount.path)
            except OSError as error:
                errors.append(f"{name}: {error.strerror or error}")
                continue
            found.samples += _samples(name, numbers, mount.read_only)
        found.error = "; ".join(errors)
        return found

    def _to_measure(self) -> Mapping[str, Mount]:
        table = self._table.read_if_changed()
        if table is not None:
            self._mounts, self._chosen = parse_mounts(table), None
        if self._chosen is None or self._chosen[0] != self.asked:
            self._chosen = (self.asked, chosen(self._mounts, self.asked))
            self._remote.keep({mount.path for mount in self._chosen[1].values() if mount.remote})
        return self._chosen[1]


def _samples(name: str, numbers: os.statvfs_result, read_only: bool) -> list[Sample]:
    label = (("mountpoint", name),)
    found = [Sample("disk.read_only", label, float(read_only))]
    used = numbers.f_blocks - numbers.f_bfree
    open_to_users = used + numbers.f_bavail
    if open_to_users > 0:
        found += [
            Sample("disk.used_percent", label, 100.0 * used / open_to_users),
            Sample("disk.free_bytes", label, float(numbers.f_bavail * numbers.f_frsize)),
            Sample("disk.total_bytes", label, float(numbers.f_blocks * numbers.f_frsize)),
        ]
    if numbers.f_files > 0:
        found += [
            Sample("disk.inodes_used_percent", label, 100.0 * (numbers.f_files - numbers.f_ffree) / numbers.f_files),
            Sample("disk.inodes_free", label, float(numbers.f_ffree)),
        ]
    return found
