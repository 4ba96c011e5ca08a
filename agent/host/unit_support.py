"""Whether this process can start units of systemd."""

from __future__ import annotations

import os

from agent.host import mountinfo

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


def cgroup2() -> str | None:
    """Return where the root of the one cgroup 2 hierarchy is mounted, or None."""
    return next((one.place for one in mountinfo.mounts() if one.kind == "cgroup2" and one.root == "/"), None)
