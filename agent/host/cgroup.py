"""Control groups (version 2): a name for a process and all its descendants, and one write that ends them all."""

from __future__ import annotations

import errno
import os

from msgspec import Struct

from agent.host import mountinfo

_GONE = (errno.ENOENT, errno.ENODEV)
"""What the kernel says of a group that is not there, and of one that went while it was looked at."""


class Cgroup(Struct, frozen=True):
    """A control group by its directory."""

    path: str

    def enter(self) -> None:
        """Move this process into the group; every child born afterwards is in it too."""
        _write(f"{self.path}/cgroup.procs", "0")

    def kill(self) -> None:
        """End every process in the group and below it at once, also while it forks; a missing group is no error."""
        try:
            _write(f"{self.path}/cgroup.kill", "1")
        except OSError as error:
            # It may go between the opening and the writing, too.
            if error.errno not in _GONE:
                raise

    def pids(self, *, below: bool = False) -> list[int]:
        """Return the ids of the living processes in the group itself, and with `below` in the groups below it."""
        found = []
        try:
            with open(f"{self.path}/cgroup.procs", encoding="ascii") as file:
                found = [int(line) for line in file]
            for path in self._below() if below else ():
                found += Cgroup(path).pids(below=True)
        except OSError as error:
            if error.errno not in _GONE:
                raise
        return found

    def _below(self) -> list[str]:
        with os.scandir(self.path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]

    def exists(self) -> bool:
        """Return whether the group's directory is there."""
        return os.path.isdir(self.path)

    def remove(self) -> bool:
        """Remove the group and the empty groups below it; return False while a process is left in it."""
        try:
            for path in self._below():
                Cgroup(path).remove()
            os.rmdir(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class Cgroups(Struct, frozen=True):
    """The groups below the one this process is in."""

    base: str

    @classmethod
    def discover(cls, proc: str = "/proc/self") -> Cgroups | None:
        """Return the groups below this process's own, or None on a host without cgroup 2 and `cgroup.kill`."""
        try:
            with open(f"{proc}/cgroup", encoding="utf-8") as file:
                own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
            mounts = mountinfo.mounts(f"{proc}/mountinfo")
        except OSError:
            return None
        for mount in mounts:
            inside = mount.root in ("/", own) or (own or "").startswith(f"{mount.root}/")
            if mount.kind == "cgroup2" and own is not None and inside:
                return cls(f"{mount.place}/{own.removeprefix(mount.root)}".replace("//", "/").rstrip("/"))
        return None

    def group(self, name: str) -> Cgroup:
        """Return the group of that name, whether it exists or not."""
        return Cgroup(f"{self.base}/{name}")

    def make(self, name: str) -> Cgroup | None:
        """Return a group of that name, made if missing, or None where none can be made or ended in one write."""
        group = self.group(name)
        try:
            os.mkdir(group.path, 0o755)
        except FileExistsError:
            pass
        except OSError:
            return None
        if os.access(f"{group.path}/cgroup.kill", os.W_OK):
            return group
        group.remove()
        return None

    def named(self, prefix: str) -> set[str]:
        """Return what comes after `prefix` in the names of the groups that begin with it."""
        try:
            return {name.removeprefix(prefix) for name in os.listdir(self.base) if name.startswith(prefix)}
        except FileNotFoundError:
            return set()

    def leave(self, group: Cgroup) -> bool:
        """Move this process from `group` back to where it was; return whether it is out of it."""
        try:
            Cgroup(self.base).enter()
        except OSError:
            return os.getpid() not in group.pids()
        return True


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)
