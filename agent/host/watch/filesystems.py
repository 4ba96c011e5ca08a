"""Which file system a path lies on, and whether its changes reach inotify."""

from __future__ import annotations

import os

from agent.host import mountinfo

_SHARED = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "virtiofs",
    "ceph",
    "afs",
    "glusterfs",
    "lustre",
    "gpfs",
    "ocfs2",
    "gfs2",
    "vboxsf",
}


def shared_filesystem(path: str, table: str = mountinfo.OWN) -> str:
    """Given a path, return the type of its file system when others may change it unseen by this kernel, else ""."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        device = os.stat(path).st_dev
        mounts = mountinfo.mounts(table)
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kind = next((mount.kind for mount in mounts if mount.device == wanted), "")
    return kind if kind in _SHARED or kind.startswith("fuse") else ""
