"""Whether this process can start units of systemd."""

from __future__ import annotations

import os

_SYSTEMD_RUNS = "/run/systemd/system"


def why_no_units() -> str:
    """Return why this process cannot start units, or "" when it can."""
    if not os.path.isdir(_SYSTEMD_RUNS):
        return "systemd does not run on this host"
    if os.geteuid() != 0:
        return "only root may start units"
    if not _installed("systemd-run") or not _installed("systemctl"):
        return "systemd-run or systemctl is not installed"
    if cgroup2() is None:
        return "there is no cgroup 2 on this host"
    return ""


def _installed(program: str) -> bool:
    return any(os.access(os.path.join(directory, program), os.X_OK) for directory in os.get_exec_path())


def cgroup2(mountinfo: str = "/proc/self/mountinfo") -> str | None:
    """Return where the root of the one cgroup 2 hierarchy is mounted, or None."""
    with open(mountinfo, encoding="utf-8") as file:
        for line in file:
            head, _, tail = line.partition(" - ")
            root, mountpoint = head.split(" ")[3:5]
            if tail.startswith("cgroup2 ") and root == "/":
                return mountpoint
    return None
